import { findDutyState, keepDutyState } from '../../db/maintenance.ts';
import type { Context } from '../context.ts';
import { openBudget, TICK, TURN } from '../duties/budget.ts';
import { DUTY_NAMES, type DutyName, isDutyName } from '../duties/duties.ts';
import { type Run, runDuty } from './run-duty.ts';

/** The row in which a tick that had to stop tells the next one where to begin. */
const STATE = 'tick';
/** What the last statements of a tick take. */
const LEFT_FOR_LAST = 10;

/** Who hears of the turns of a tick. */
export interface Listener {
  began(): void;
  /** in: the run, and what it failed with. */
  ended(run: Run, failure: unknown): void;
}

/**
 * One tick of the clock: every duty has a turn, as long as there is budget; the next tick begins with the first one
 * that had none, so that none starves. One that fails does not hold up the others.
 */
export async function tick(context: Context, { began, ended }: Listener): Promise<void> {
  const { orm } = context.db;
  const whole = openBudget(context, TICK);
  const [[state]] = await context.db.read([findDutyState(orm, STATE)]);
  const first = String(state?.cursor?.next ?? '');
  const order = inTurn(isDutyName(first) ? first : DUTY_NAMES[0]!);
  for (const duty of order) {
    if (!whole.allows(LEFT_FOR_LAST)) {
      await context.db.write([keepDutyState(orm, STATE, { next: duty }, context.now())]);
      return;
    }
    began();
    const budget = openBudget(context, TURN, whole);
    const { run, failure } = await runDuty(context, {
      duty,
      dryRun: false,
      apply: false,
      startedBy: undefined,
      budget,
    });
    ended(run, failure);
  }
  if (state?.cursor) await context.db.write([keepDutyState(orm, STATE, null, context.now())]);
}

function inTurn(first: DutyName): readonly DutyName[] {
  const at = DUTY_NAMES.indexOf(first);
  return [...DUTY_NAMES.slice(at), ...DUTY_NAMES.slice(0, at)];
}
