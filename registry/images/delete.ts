import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { clearGuards } from '../../db/guards.ts';
import { copiesOfImage, demandNotCopied, findImage } from '../../db/images.ts';
import { demandRevision } from '../../db/resources.ts';
import { deleteUpload, findUpload } from '../../db/uploads.ts';
import { readToChange, requirePermission, requireVisible } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { endUpload } from '../uploads/end.ts';
import { demandEtag } from './etag.ts';
import { removeImage } from './remove.ts';

/**
 * Deletes an image at once; disks and images made from it stay. Its bytes go after the grace period, when no other
 * image names them. Deleting an image that is being created ends its creation as cancelled. One that a disk is being
 * copied from stays.
 * Throws NOT_FOUND, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteImage(
  context: CallerContext,
  imageId: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  const { operation, discard } = await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'image', id: imageId }, [
      findImage(orm, imageId),
      findUpload(orm, imageId),
      copiesOfImage(orm, imageId),
    ]);
    if (replay !== undefined) return { operation: replay, discard: undefined };
    const [[row], [upload], copies] = rows;
    const image = requireVisible(row, access, 'compute.images.get', 'Image', imageId);
    requirePermission(access, 'compute.images.delete', 'image', imageId);
    demandEtag(image, ifMatch);
    const operation = finishedOperation(context, access, {
      kind: 'images.delete',
      resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
      metadata: { imageId },
      response: EMPTY,
    });
    if (image.status === 'CREATING') {
      if (upload === undefined) throw notYet(imageId);
      const cancelled = new RegistryError(
        'CANCELLED',
        `Image "${imageId}" was deleted while it was being created`,
      );
      const ending = endUpload(context, image, upload, cancelled);
      await context.db.write([...ending.statements, ...recordOperation(context, operation)]);
      return { operation, discard: ending.jobId };
    }
    if (copies.length > 0) throw copiedFrom(imageId, copies);
    await context.db.write([
      demandRevision(orm, 'image', image.id, image.revision),
      demandNotCopied(orm, image.id),
      ...removeImage(context, image),
      deleteUpload(orm, image.id),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return { operation, discard: undefined };
  });
  if (discard !== undefined) await context.jobs.send(discard);
  return operation;
}

function copiedFrom(imageId: string, disks: readonly { id: string }[]): RegistryError {
  const names = disks.map(({ id }) => `"${id}"`).join(', ');
  return failedPrecondition(
    imageId,
    'COPYING',
    `Image "${imageId}" is being copied to disk ${names}; try again when that is READY, or cancel its creation`,
  );
}

function notYet(imageId: string): RegistryError {
  return failedPrecondition(
    imageId,
    'CREATING',
    `Image "${imageId}" is being created; try again when its operation is done`,
  );
}
