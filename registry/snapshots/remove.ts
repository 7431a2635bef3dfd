import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { noteUnnamed } from '../../db/layers.ts';
import { deleteResource } from '../../db/resources.ts';
import type { SnapshotRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import { releaseSnapshot } from '../quotas/snapshot.ts';

/**
 * The statements that take a snapshot away: its quota, its row, its bindings and its name on the layer, whose grace
 * period begins when nothing else names it. The caller guards the batch.
 */
export function removeSnapshot(context: Context, snapshot: SnapshotRow): Statement[] {
  const { orm } = context.db;
  return [
    ...releaseSnapshot(orm, snapshot),
    deleteResource(orm, 'snapshot', snapshot.id),
    deleteBindingsOf(orm, 'snapshot', snapshot.id),
    noteUnnamed(orm, snapshot.layerId, context.now()),
  ];
}
