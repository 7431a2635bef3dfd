import { count, lt, lte, type SQL, sql } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { iamTokens } from '../schema/tables/identity.ts';
import { deletedImages, leases } from '../schema/tables/images.ts';
import { auditEvents, maintenanceRuns, webhookDeliveries } from '../schema/tables/records.ts';
import { idempotencyKeys, operations } from '../schema/tables/work.ts';
import type { Orm } from './client.ts';

/** Rows of a table that nobody needs any more, as an index of the table finds them. */
interface OldRows {
  readonly table: SQLiteTable;
  /** in: epoch milliseconds before which, or until which, they count as old. */
  readonly old: (time: number) => SQL;
}

const OLD_ROWS = {
  idempotencyKeys: { table: idempotencyKeys, old: (time) => lt(idempotencyKeys.createdAt, time) },
  operations: { table: operations, old: (time) => sql`done = 1 AND modified_at < ${time}` },
  iamTokens: { table: iamTokens, old: (time) => lte(iamTokens.expiresAt, time) },
  leases: { table: leases, old: (time) => lte(leases.expiresAt, time) },
  /** Images in the trash are none of them. */
  tombstones: { table: deletedImages, old: (time) => sql`purged_at IS NOT NULL AND purged_at <= ${time}` },
  auditEvents: { table: auditEvents, old: (time) => lt(auditEvents.at, time) },
  webhookDeliveries: {
    table: webhookDeliveries,
    old: (time) => sql`status <> 'PENDING' AND created_at < ${time}`,
  },
  maintenanceRuns: { table: maintenanceRuns, old: (time) => lt(maintenanceRuns.startedAt, time) },
} as const satisfies Readonly<Record<string, OldRows>>;

export type OldKind = keyof typeof OLD_ROWS;

/** How many there are, `limit` at most. */
export function countOldRows(orm: Orm, kind: OldKind, time: number, limit: number) {
  return orm.select({ found: count() }).from(sql`(${rowids(OLD_ROWS[kind], time, limit)})`);
}

/** Deletes at most `limit` of them; a row for each that was deleted comes back. */
export function deleteOldRows(orm: Orm, kind: OldKind, time: number, limit: number) {
  const rows: OldRows = OLD_ROWS[kind];
  return orm
    .delete(rows.table)
    .where(sql`rowid IN (${rowids(rows, time, limit)})`)
    .returning({ gone: sql<number>`1` });
}

function rowids({ table, old }: OldRows, time: number, limit: number): SQL {
  return sql`SELECT rowid FROM ${table} WHERE ${old(time)} LIMIT ${limit}`;
}
