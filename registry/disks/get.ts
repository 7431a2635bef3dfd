import { findDisk } from '../../db/disks.ts';
import { readAs } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { requireResource } from '../resources.ts';
import type { Disk } from './view.ts';

/** One disk. Throws NOT_FOUND, also for one that the caller may not see. */
export async function getDisk(context: CallerContext, diskId: string): Promise<Disk> {
  const resource = { kind: 'disk', id: diskId } as const;
  const { access, rows } = await readAs(context, resource, [findDisk(context.db.orm, diskId)]);
  return requireResource(rows[0][0], access, resource, 'compute.disks.get');
}
