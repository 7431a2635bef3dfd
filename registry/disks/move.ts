import { invalidField } from '../../core/errors.ts';
import { quotaError, violated } from '../../core/quotas.ts';
import { findDisk, quotasOfDisk } from '../../db/disks.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { changeResource, demandRevision, findNamesakeIn } from '../../db/resources.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { claimMove, moveDemand } from '../quotas/disk.ts';
import { demandReady, nameTaken, requireResource } from '../resources.ts';
import { diskResult } from './view.ts';

/**
 * Moves a disk to another folder of its cloud; its quota stays as it is, because that is the cloud's. Throws
 * NOT_FOUND, PERMISSION_DENIED for the disk and for the folder, FAILED_PRECONDITION, INVALID_ARGUMENT for a folder of
 * another cloud, ALREADY_EXISTS.
 */
export function moveDisk(
  context: CallerContext,
  diskId: string,
  destinationFolderId: string,
): Promise<Operation> {
  const resource = { kind: 'disk', id: diskId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const {
      access,
      sourceAccess: destinationAccess,
      rows,
      replay,
    } = await readToChange(
      context,
      resource,
      [
        findDisk(orm, diskId),
        findFolder(orm, destinationFolderId),
        findNamesakeIn(orm, 'disk', diskId, destinationFolderId),
        quotasOfDisk(orm, diskId),
      ],
      { kind: 'folder', id: destinationFolderId },
    );
    const [[row], [folderRow], [namesake], quotas] = rows;
    const disk = requireResource(row, access, resource, 'compute.disks.update');
    const folder = requireFolder(folderRow, destinationAccess, 'compute.disks.create', destinationFolderId);
    if (replay !== undefined) return replay;
    demandReady(resource, disk.status, 'moved');
    if (folder.cloudId !== disk.cloudId) {
      throw invalidField(
        'destination_folder_id',
        `folder "${folder.id}" is in another cloud; a disk moves within its cloud ${disk.cloudId} only`,
      );
    }
    demandActive(folder);
    if (namesake !== undefined) throw nameTaken('disk', disk.name);
    const violations = violated(quotas, moveDemand(disk, folder.id));
    if (violations.length > 0) throw quotaError(violations);
    const moved: DiskRow = { ...disk, folderId: folder.id, revision: disk.revision + 1 };
    const operation = finishedOperation(context, access, {
      kind: 'disks.move',
      resource: { ...resource, folderId: moved.folderId, cloudId: moved.cloudId },
      metadata: { diskId, sourceFolderId: disk.folderId, destinationFolderId },
      response: diskResult(moved),
    });
    await context.db.write([
      demandRevision(orm, 'disk', disk.id, disk.revision),
      demandActiveFolder(orm, folder.id),
      changeResource(orm, 'disk', disk.id, { folderId: folder.id }),
      ...claimMove(orm, disk, folder.id),
      ...recordOperation(context, operation, { before: disk, after: moved }),
      clearGuards(orm),
    ]);
    return operation;
  });
}
