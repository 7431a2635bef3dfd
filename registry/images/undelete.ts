import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { next } from '../../core/lifecycle.ts';
import { violated } from '../../core/quotas.ts';
import {
  deleteDeletedImage,
  demandTrashed,
  findDeletedImage,
  findLayerOfDeleted,
  findSuccessor,
} from '../../db/deleted-images.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImage, insertImage } from '../../db/images.ts';
import { nameLayer } from '../../db/layers.ts';
import { countLeases } from '../../db/leases.ts';
import { quotasOfCloud } from '../../db/quotas.ts';
import type { DeletedImageRow, ImageRow } from '../../schema/tables/images.ts';
import { readToChange, requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { claimCount, imageDemand, imageQuotaError } from '../quotas/image.ts';
import { requireResource } from '../resources.ts';
import { announceLatest, writeAndTell } from '../webhooks/announce.ts';
import { isTrashed, type TrashedImage } from './purge.ts';
import { imageResult, viewOf, viewOfDeleted } from './view.ts';

/**
 * Brings an image back from the trash as it was, or under another name: its id, its place in its family, its labels,
 * its access bindings, its leases. Takes the right to delete it and the right to create in its folder, which must still
 * be there. Throws NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, RESOURCE_EXHAUSTED, FAILED_PRECONDITION.
 */
export function undeleteImage(
  context: CallerContext,
  imageId: string,
  { name }: { readonly name?: string | undefined },
): Promise<Operation> {
  const resource = { kind: 'image', id: imageId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const now = context.now();
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      resource,
      [
        findImage(orm, imageId),
        findDeletedImage(orm, imageId),
        findLayerOfDeleted(orm, imageId),
        findSuccessor(orm, imageId, name),
        countLeases(orm, imageId, now),
      ],
      { kind: 'folderOfDeletedImage', id: imageId },
    );
    const [[standing], [deleted], [layer], [namesake], [count]] = rows;
    requireResource(standing ?? deleted, access, resource, 'compute.images.delete');
    if (replay !== undefined) return replay;
    const trashed = demandInTrash(imageId, deleted);
    requirePermission(sourceAccess, 'compute.images.create', 'folder', trashed.folderId);
    const [[folder], quotas] = await context.db.read([
      findFolder(orm, trashed.folderId),
      quotasOfCloud(orm, trashed.cloudId),
    ]);
    if (folder === undefined) throw folderGone(trashed);
    demandActive(folder);
    if (namesake !== undefined) throw nameTakenMeanwhile(trashed, namesake);
    const violations = violated(quotas, imageDemand(trashed));
    if (violations.length > 0) throw await imageQuotaError(context, trashed.cloudId, violations);
    const image = broughtBack(trashed, name, now);
    const view = { ...viewOf(image, layer, now), ...count };
    const operation = finishedOperation(context, access, {
      kind: 'images.undelete',
      resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
      metadata: { imageId },
      response: imageResult(view),
    });
    await writeAndTell(context, [
      demandTrashed(orm, trashed),
      demandActiveFolder(orm, image.folderId),
      ...nameLayer(orm, image.layerId),
      insertImage(orm, image),
      deleteDeletedImage(orm, image.id),
      ...claimCount(orm, image),
      ...recordOperation(context, operation, { before: viewOfDeleted(trashed, layer, now), after: view }),
      ...announceLatest(context, image, operation.id),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** A day of deletion that has come is over with: it would delete the image again. */
function broughtBack(trashed: TrashedImage, name: string | undefined, now: number): ImageRow {
  const { deletedAt, deletedBy, reason, purgeAt, purgedAt, digest, inspection, ...image } = trashed;
  return {
    ...image,
    name: name ?? image.name,
    deleteAt: image.deleteAt !== null && image.deleteAt <= now ? null : image.deleteAt,
    status: next('image', 'DELETING', 'undelete') as ImageRow['status'],
    revision: image.revision + 1,
  };
}

/** Throws FAILED_PRECONDITION for an image that stands, or that was purged. */
function demandInTrash(imageId: string, deleted: DeletedImageRow | undefined): TrashedImage {
  if (deleted === undefined) {
    throw failedPrecondition(imageId, 'NOT_DELETED', `Image "${imageId}" is not deleted`);
  }
  if (isTrashed(deleted)) return deleted;
  throw failedPrecondition(
    imageId,
    'PURGED',
    `Image "${imageId}" was purged and cannot be brought back; only what was known of it is kept`,
  );
}

function folderGone({ id, folderId }: TrashedImage): RegistryError {
  return failedPrecondition(id, 'FOLDER', `Folder "${folderId}" of image "${id}" is gone; use another image`);
}

function nameTakenMeanwhile(
  { id }: TrashedImage,
  namesake: { readonly id: string; readonly name: string },
): RegistryError {
  return new RegistryError(
    'ALREADY_EXISTS',
    `Image "${namesake.id}" has the name "${namesake.name}" now; give another name to bring image "${id}" back under`,
  );
}
