import { insertRun } from '../../db/maintenance.ts';
import type { MaintenanceRunRow } from '../../schema/tables/records.ts';
import { type Context, newId } from '../context.ts';
import type { Budget } from '../duties/budget.ts';
import { DUTIES, type DutyName } from '../duties/duties.ts';
import type { Duty, SliceResult } from '../duties/duty.ts';

/** A run as it is told of. */
export type Run = Omit<MaintenanceRunRow, 'sequence'>;

interface Request {
  readonly duty: DutyName;
  readonly dryRun: boolean;
  readonly apply: boolean;
  /** Who asks; undefined for the clock. */
  readonly startedBy: string | undefined;
  readonly budget: Budget;
}

/**
 * Runs one slice of a duty and records it. What the clock finds undue is not worth a record.
 * out: the run, and what it failed with; a failure is never thrown.
 */
export async function runDuty(
  context: Context,
  { duty: name, dryRun, apply, startedBy, budget }: Request,
): Promise<{ run: Run; failure: unknown }> {
  const duty: Duty = DUTIES[name];
  const startedAt = context.now();
  const onlyReports = dryRun || (duty.reportsFirst === true && !apply);
  const result = await attempt(() => duty.run(context, { dryRun: onlyReports, apply, startedBy, budget }));
  const { done, more, report, failure } = result;
  const run: Run = {
    id: newId(context, 'run'),
    duty: name,
    dryRun: onlyReports,
    startedAt,
    endedAt: context.now(),
    startedBy: startedBy ?? null,
    done,
    more,
    error: failure === undefined ? null : describe(failure),
    report,
  };
  const isTold = startedBy !== undefined || done > 0 || more || report.length > 0 || failure !== undefined;
  if (isTold) {
    try {
      await context.db.write([insertRun(context.db.orm, run)]);
    } catch (error) {
      return { run, failure: failure ?? error };
    }
  }
  return { run, failure };
}

async function attempt(run: () => Promise<SliceResult>): Promise<SliceResult> {
  try {
    return await run();
  } catch (failure) {
    return { done: 0, more: true, report: [], failure };
  }
}

function describe(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 500);
}
