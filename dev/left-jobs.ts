import type { D1Database } from '@cloudflare/workers-types';

/**
 * Frees the jobs that an earlier run had under way or put off. Whoever leased them ended with that run, because one
 * process at a time has the state, so there is no lease to wait for; nor is there a request left with a head start.
 * A receiver that did not answer has its pause all the same.
 */
export async function freeLeftJobs(database: D1Database): Promise<void> {
  await database
    .prepare(
      `UPDATE jobs SET state = 'READY', lease_id = NULL, lease_until = NULL,
        run_after = CASE kind WHEN 'deliver-webhook' THEN run_after ELSE created_at END
      WHERE state <> 'DEAD'`,
    )
    .run();
}
