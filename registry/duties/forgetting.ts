import { countOldRows, deleteOldRows, type OldKind } from '../../db/old-rows.ts';
import type { Context } from '../context.ts';
import type { Duty } from './duty.ts';

const ROWS_PER_RUN = 1000;

/**
 * A duty that deletes rows whose time is over, which nothing else refers to.
 * in: for how many seconds they are kept after it.
 */
export function forgetting(
  description: string,
  kind: OldKind,
  keepSeconds: (context: Context) => number = () => 0,
): Duty {
  return {
    description,
    async run(context, { dryRun }) {
      const { orm } = context.db;
      const time = context.now() - keepSeconds(context) * 1000;
      const done = dryRun
        ? ((await context.db.read([countOldRows(orm, kind, time, ROWS_PER_RUN)]))[0][0]?.found ?? 0)
        : (await context.db.write([deleteOldRows(orm, kind, time, ROWS_PER_RUN)]))[0].length;
      return { done, more: done === ROWS_PER_RUN, report: [] };
    },
  };
}
