import type { SQL } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { countOldRows, deleteOldRows } from '../../db/old-rows.ts';
import type { Context } from '../context.ts';
import type { Duty } from './duty.ts';

const ROWS_PER_RUN = 1000;

/**
 * A duty that deletes rows whose time is over, which nothing else refers to.
 * in: `old` is the condition by which a row is one of them, from an index of the table.
 */
export function forgetting(description: string, table: SQLiteTable, old: (context: Context) => SQL): Duty {
  return {
    description,
    async run(context, { dryRun }) {
      const { orm } = context.db;
      const rows = { table, where: old(context), limit: ROWS_PER_RUN };
      const done = dryRun
        ? ((await context.db.read([countOldRows(orm, rows)]))[0][0]?.found ?? 0)
        : (await context.db.write([deleteOldRows(orm, rows)]))[0].length;
      return { done, more: done === ROWS_PER_RUN, report: [] };
    },
  };
}
