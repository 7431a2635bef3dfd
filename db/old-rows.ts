import { count, type SQL, sql } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Orm } from './client.ts';

/** Rows of a table that nobody needs any more. */
export interface OldRows {
  readonly table: SQLiteTable;
  readonly where: SQL;
  readonly limit: number;
}

/** How many there are, `limit` at most. */
export function countOldRows(orm: Orm, old: OldRows) {
  return orm.select({ found: count() }).from(sql`(${rowids(old)})`);
}

/** Deletes them; a row for each that was deleted comes back. */
export function deleteOldRows(orm: Orm, old: OldRows) {
  return orm
    .delete(old.table)
    .where(sql`rowid IN (${rowids(old)})`)
    .returning({ gone: sql<number>`1` });
}

function rowids({ table, where, limit }: OldRows): SQL {
  return sql`SELECT rowid FROM ${table} WHERE ${where} LIMIT ${limit}`;
}
