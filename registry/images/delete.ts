import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { findDeletedImage } from '../../db/deleted-images.ts';
import { clearGuards } from '../../db/guards.ts';
import { copiesOfImage, findImage } from '../../db/images.ts';
import { leasesInForce } from '../../db/leases.ts';
import { findUpload } from '../../db/uploads.ts';
import { type Access, readToChange, requirePermission, requireVisible } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { endUpload } from '../uploads/end.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { demandEtag } from './etag.ts';
import { leasedImage, NAMED_HOLDERS, protectedImage } from './held.ts';
import { isTrashed, purgeTrashed } from './purge.ts';
import { demandRemovable, purgeTime, removeImage } from './remove.ts';

export interface DeleteImage {
  readonly ifMatch: string | undefined;
  /** At once, and for good: also one that lies in the trash already. */
  readonly purge?: boolean | undefined;
  /** Although leases on it are in force. */
  readonly force?: boolean | undefined;
}

/** What can be deleted or purged: an image that stands or lies in the trash. */
interface Deletable {
  readonly id: string;
  readonly folderId: string;
  readonly cloudId: string;
}

/**
 * Deletes an image: it goes to the trash, or is purged; disks and images made from it stay. Deleting an image that is
 * being created ends its creation as cancelled. One that a disk is being copied from, a protected one, and without
 * `force` a leased one stay.
 * Throws NOT_FOUND, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteImage(
  context: CallerContext,
  imageId: string,
  { ifMatch, purge = false, force = false }: DeleteImage,
): Promise<Operation> {
  const { operation, discard } = await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'image', id: imageId }, [
      findImage(orm, imageId),
      findDeletedImage(orm, imageId),
      findUpload(orm, imageId),
      copiesOfImage(orm, imageId),
      leasesInForce(orm, imageId, context.now(), NAMED_HOLDERS + 1),
    ]);
    if (replay !== undefined) return { operation: replay, discard: undefined };
    const [[standing], [deleted], [upload], copies, leases] = rows;
    const trashed = purge && deleted !== undefined && isTrashed(deleted) ? deleted : undefined;
    const found = requireVisible(standing ?? trashed, access, 'compute.images.get', 'Image', imageId);
    requirePermission(access, 'compute.images.delete', 'image', imageId);
    if (force) requirePermission(access, 'compute.images.forceDelete', 'image', imageId);
    demandEtag(found, ifMatch);
    if (standing === undefined) {
      const operation = deletionOf(context, access, found, {});
      await context.db.write([
        ...recordOperation(context, operation, { before: found }),
        ...purgeTrashed(context, trashed!),
        clearGuards(orm),
      ]);
      return { operation, discard: undefined };
    }
    if (standing.status === 'CREATING') {
      if (upload === undefined) throw notYet(imageId);
      const operation = deletionOf(context, access, found, {});
      const cancelled = new RegistryError(
        'CANCELLED',
        `Image "${imageId}" was deleted while it was being created`,
      );
      const ending = endUpload(context, standing, upload, cancelled);
      await writeAndTell(context, [
        ...ending.statements,
        ...recordOperation(context, operation, { before: standing }),
      ]);
      return { operation, discard: ending.jobId };
    }
    if (standing.deleteProtection) throw protectedImage(imageId);
    if (copies.length > 0) throw copiedFrom(imageId, copies);
    if (leases.length > 0 && !force) throw leasedImage(imageId, leases);
    const at = context.now();
    const purgeAt = purgeTime(context, standing, { purge, at });
    const operation = deletionOf(context, access, found, { purgeAt });
    await writeAndTell(context, [
      ...demandRemovable(context, standing, force),
      ...removeImage(context, standing, { by: access.callerId, reason: 'REQUEST', purge, at }),
      ...recordOperation(context, operation, { before: standing }),
      clearGuards(orm),
    ]);
    return { operation, discard: undefined };
  });
  if (discard !== undefined) await context.jobs.send(discard);
  return operation;
}

function deletionOf(
  context: CallerContext,
  access: Access,
  { id, folderId, cloudId }: Deletable,
  more: { readonly purgeAt?: number },
): Operation {
  return finishedOperation(context, access, {
    kind: 'images.delete',
    resource: { kind: 'image', id, folderId, cloudId },
    metadata: { imageId: id, ...more },
    response: EMPTY,
  });
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
