import { DatabaseUnavailable, WriteConflict } from '../../db/client.ts';
import { StoreUnavailable } from '../../storage/store.ts';
import type { Context } from '../context.ts';
import type { Duty, ReportItem } from './duty.ts';

/** Things that are due, and what becomes of each. */
interface Due<T> {
  readonly description: string;
  /** At most `limit` of them, those that are due longest first. */
  find(context: Context, limit: number): Promise<readonly T[]>;
  /** How one is told of. */
  tell(thing: T): ReportItem;
  /** Does it in a guarded batch. out: false when it is not due any more. May throw WriteConflict for the same. */
  act(context: Context, thing: T): Promise<boolean>;
  /** Requests that one takes at most. */
  readonly requestsEach?: number;
  /** How many are looked at in a run. */
  readonly limit?: number;
}

const REQUESTS_EACH = 25;
const THINGS_PER_RUN = 50;

/**
 * A duty that does things one by one, each in a batch of its own. One that cannot be done does not hold up the
 * others; an outage ends the run.
 */
export function oneByOne<T>({
  description,
  find,
  tell,
  act,
  requestsEach = REQUESTS_EACH,
  limit = THINGS_PER_RUN,
}: Due<T>): Duty {
  return {
    description,
    async run(context, { dryRun, budget }) {
      const found = await find(context, limit + 1);
      const due = found.slice(0, limit);
      const left = found.length > due.length;
      if (dryRun) return { done: due.length, more: left, report: due.map(tell) };
      const report: ReportItem[] = [];
      let failure: unknown;
      for (const thing of due) {
        if (!budget.allows(requestsEach)) return { done: report.length, more: true, report, failure };
        try {
          if (await act(context, thing)) report.push(tell(thing));
        } catch (error) {
          // Done, or no longer due, by somebody else meanwhile.
          if (error instanceof WriteConflict) continue;
          failure ??= error;
          if (isOutage(error)) return { done: report.length, more: true, report, failure };
        }
      }
      return { done: report.length, more: left, report, failure };
    },
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof DatabaseUnavailable || error instanceof StoreUnavailable;
}
