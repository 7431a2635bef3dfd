import type { Context } from '../registry/context.ts';

/** What an invocation has cost so far, as its log lines tell it. */
export interface Cost {
  readonly d1RoundTrips: number;
  /** A round trip carries as many as it holds. */
  readonly d1Statements: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Requests to the object store, each attempt counted. */
  readonly s3Calls: number;
  /** Messages given to the queue. */
  readonly messages: number;
}

export function costOf({ db, store, jobs }: Context): Cost {
  return {
    d1RoundTrips: db.cost.roundTrips,
    d1Statements: db.cost.statements,
    rowsRead: db.cost.rowsRead,
    rowsWritten: db.cost.rowsWritten,
    s3Calls: store.calls,
    messages: jobs.sent,
  };
}

/** What came between two states of one invocation. */
export function costSince(before: Cost, now: Cost): Cost {
  return {
    d1RoundTrips: now.d1RoundTrips - before.d1RoundTrips,
    d1Statements: now.d1Statements - before.d1Statements,
    rowsRead: now.rowsRead - before.rowsRead,
    rowsWritten: now.rowsWritten - before.rowsWritten,
    s3Calls: now.s3Calls - before.s3Calls,
    messages: now.messages - before.messages,
  };
}
