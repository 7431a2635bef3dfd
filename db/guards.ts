import { type SQL, sql } from 'drizzle-orm';
import type { Orm, Statement } from './client.ts';

/**
 * A condition inside a batch: unless `query` (a SELECT of one number) gives exactly 1, the whole batch is undone.
 * It looks at what the batch has left so far, so it stands behind the write whose effect it demands, or before
 * the write whose precondition it is.
 */
export function demandOne(orm: Orm, query: SQL): Statement {
  return orm.run(sql`INSERT INTO guards (holds) ${query}`);
}

/** The last statement of a batch that holds guards: they leave nothing behind. */
export function clearGuards(orm: Orm): Statement {
  return orm.run(sql`DELETE FROM guards`);
}
