import { findSnapshot } from '../../db/snapshots.ts';
import { readAs } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { requireResource } from '../resources.ts';
import type { Snapshot } from './view.ts';

/** One snapshot. Throws NOT_FOUND, also for one that the caller may not see. */
export async function getSnapshot(context: CallerContext, snapshotId: string): Promise<Snapshot> {
  const resource = { kind: 'snapshot', id: snapshotId } as const;
  const { access, rows } = await readAs(context, resource, [findSnapshot(context.db.orm, snapshotId)]);
  return requireResource(rows[0][0], access, resource, 'compute.snapshots.get');
}
