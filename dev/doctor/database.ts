import { knownMigrations } from '../migrations.ts';
import { Refusal } from '../refusal.ts';
import { type Check, type Checks, fail, ok, warn } from './check.ts';

/** Runs one statement. out: its rows. */
export type Query = (statement: string) => Promise<Record<string, unknown>[]>;

/** A job is sent again every minute, and put off by at most 15. */
const WAITED_LONG_MS = 30 * 60_000;

/**
 * What the database of a registry says of itself. in: `folder` of the migrations, how those that are missing get
 * there, and whether the registry runs, so that its jobs should.
 */
export async function* databaseChecks(
  query: Query,
  folder: string,
  migrate: string,
  isRunning: boolean,
): Checks {
  let applied: string[];
  try {
    applied = (await query('SELECT name FROM d1_migrations')).map(({ name }) => String(name));
  } catch (error) {
    if (!messageOf(error).includes('no such table')) {
      yield fail('database', messageOf(error), 'see what wrangler says; npx wrangler login, then again');
      return;
    }
    applied = [];
  }
  const migrations = migrationChecks(applied, knownMigrations(folder), migrate);
  yield* migrations;
  if (migrations.some(({ outcome }) => outcome !== 'ok')) return;
  yield await deadJobs(query);
  if (isRunning) yield await waitingJobs(query);
}

/** Whether the clock and the queue do what is due. */
async function waitingJobs(query: Query): Promise<Check> {
  const since = Date.now() - WAITED_LONG_MS;
  const [waiting] = await query(
    `SELECT count(*) AS jobs FROM jobs WHERE state <> 'DEAD' AND run_after < ${since}
      AND coalesce(lease_until, 0) < ${since}`,
  );
  const jobs = Number(waiting?.jobs);
  if (jobs === 0) return ok('jobs', 'none waits');
  return fail(
    'jobs',
    `${jobs} due for more than half an hour, and nobody works on them`,
    'see whether the queues, their consumers and [triggers] of wrangler.toml are deployed',
  );
}

function migrationChecks(applied: readonly string[], known: readonly string[], migrate: string): Check[] {
  const missing = known.filter((name) => !applied.includes(name));
  const foreign = applied.filter((name) => !known.includes(name));
  if (missing.length + foreign.length === 0) return [ok('migrations', `all ${known.length} are applied`)];
  return [
    ...missing.map((name) => fail('migrations', `${name} is not applied`, migrate)),
    ...foreign.map((name) =>
      fail(
        'migrations',
        `${name} is applied and not known here`,
        'the database is of a newer version: check that version out',
      ),
    ),
  ];
}

/** Jobs that were given up in a way that needs somebody's eyes. */
async function deadJobs(query: Query): Promise<Check> {
  const rows = await query(
    "SELECT kind, count(*) AS jobs, max(last_error) AS error FROM jobs WHERE state = 'DEAD' GROUP BY kind",
  );
  if (rows.length === 0) return ok('jobs', 'none is dead');
  const kinds = rows.map(({ kind, jobs, error }) => `${jobs} ${kind} (${error ?? 'no error is noted'})`);
  return warn(
    'jobs',
    `dead: ${kinds.join(', ')}`,
    'look for lines of the same jobId in the log, mend the cause, and set state to READY in the table jobs',
  );
}

function messageOf(error: unknown): string {
  return error instanceof Refusal || error instanceof Error ? error.message : String(error);
}
