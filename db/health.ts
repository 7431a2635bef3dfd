import { sql } from 'drizzle-orm';
import type { Orm } from './client.ts';

/** The smallest question to which a database with this schema has an answer. */
export function probe(orm: Orm) {
  return orm.all<{ clouds: number }>(sql`SELECT count(*) AS clouds FROM (SELECT 1 FROM clouds LIMIT 1)`);
}
