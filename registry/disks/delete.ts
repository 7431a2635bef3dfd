import { RegistryError } from '../../core/errors.ts';
import { findDisk } from '../../db/disks.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandRevision } from '../../db/resources.ts';
import { readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent, revisionEtag } from '../etag.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { endDisk } from './end.ts';
import { removeDisk } from './remove.ts';

/**
 * Deletes a disk at once; snapshots and images made from it stay. Its own bytes go after the grace period. Deleting a
 * disk that is being created ends its creation as cancelled. Throws NOT_FOUND, PERMISSION_DENIED, STALE.
 */
export async function deleteDisk(
  context: CallerContext,
  diskId: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  const { operation, discard } = await decideAgain(async () => {
    const { orm } = context.db;
    const resource = { kind: 'disk', id: diskId } as const;
    const { access, rows, replay } = await readToChange(context, resource, [findDisk(orm, diskId)]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return { operation: replay, discard: undefined };
    const disk = requireResource(rows[0][0], access, resource, 'compute.disks.delete');
    demandCurrent(disk.id, revisionEtag(disk), ifMatch);
    const operation = finishedOperation(context, access, {
      kind: 'disks.delete',
      resource: { ...resource, folderId: disk.folderId, cloudId: disk.cloudId },
      metadata: { diskId },
      response: EMPTY,
    });
    if (disk.status === 'CREATING') {
      const cancelled = new RegistryError(
        'CANCELLED',
        `Disk "${diskId}" was deleted while it was being created`,
      );
      const ending = await endDisk(context, disk, cancelled);
      await context.db.write([
        ...ending.statements,
        ...recordOperation(context, operation, { before: disk }),
      ]);
      return { operation, discard: ending.jobId };
    }
    await context.db.write([
      demandRevision(orm, 'disk', disk.id, disk.revision),
      ...removeDisk(context, disk),
      ...recordOperation(context, operation, { before: disk }),
      clearGuards(orm),
    ]);
    return { operation, discard: undefined };
  });
  if (discard !== undefined) await context.jobs.send(discard);
  return operation;
}
