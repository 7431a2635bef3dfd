import type { SQL } from 'drizzle-orm';
import { guards } from '../schema/tables/work.ts';
import type { Orm, Statement } from './client.ts';

/**
 * A condition inside a batch: unless `query` (a SELECT of one number) gives exactly 1, the whole batch is undone.
 * It looks at what the batch has left so far, so it stands behind the write whose effect it demands, or before
 * the write whose precondition it is.
 */
export function demandOne(orm: Orm, query: SQL): Statement {
  return orm.insert(guards).select(query);
}

/** The last statement of a batch that holds guards: they leave nothing behind. */
export function clearGuards(orm: Orm): Statement {
  return orm.delete(guards);
}
