import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { noteUnnamed } from '../../db/layers.ts';
import { deleteResource } from '../../db/resources.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import { releaseDisk } from '../quotas/disk.ts';

/**
 * The statements that take a disk away, whatever the reason: its quota, its row, its bindings and its names on
 * layers, whose grace period begins when nothing else names them. The caller guards the batch.
 */
export function removeDisk(context: Context, disk: DiskRow): Statement[] {
  const { orm } = context.db;
  const now = context.now();
  return [
    ...releaseDisk(orm, disk),
    deleteResource(orm, 'disk', disk.id),
    deleteBindingsOf(orm, 'disk', disk.id),
    noteUnnamed(orm, disk.layerId, now),
    ...(disk.topLayerId === null ? [] : [noteUnnamed(orm, disk.topLayerId, now)]),
  ];
}
