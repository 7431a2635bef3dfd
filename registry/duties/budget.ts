import type { Context } from '../context.ts';

/** What one invocation may still ask of others. */
export interface Budget {
  /** Whether there is room for so many more requests, and time. */
  allows(requests: number): boolean;
}

/** Statements to D1, calls to the store and messages to the queue are counted alike. */
interface Limits {
  readonly requests: number;
  readonly milliseconds: number;
}

/**
 * A tick as a whole. The platform allows 1,000 statements and 1,000 requests an invocation and 30 s of CPU; what one
 * thing takes beyond its estimate has to fit in between.
 */
export const TICK: Limits = { requests: 700, milliseconds: 20_000 };

/** One duty in a tick, so that several have their turn whatever one of them finds. */
export const TURN: Limits = { requests: 300, milliseconds: 8_000 };

/** One run by hand. */
export const RUN: Limits = { requests: 700, milliseconds: 20_000 };

/** Counts what a context spends from now on; `whole` is a budget that this one is a part of. */
export function openBudget(context: Context, limits: Limits, whole?: Budget): Budget {
  const spent = () => context.db.cost.statements + context.store.calls + context.jobs.sent;
  const before = spent();
  const end = context.now() + limits.milliseconds;
  return {
    allows: (requests) =>
      spent() - before + requests <= limits.requests &&
      context.now() < end &&
      (whole?.allows(requests) ?? true),
  };
}
