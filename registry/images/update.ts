import { failedPrecondition } from '../../core/errors.ts';
import { parseMask } from '../../core/field-mask.ts';
import { smallestMinDiskSize, tooSmallForSource } from '../../core/sizes.ts';
import { clearGuards } from '../../db/guards.ts';
import {
  demandRevision,
  findImage,
  findLayerOfImage,
  findNamesake,
  updateImage as updateRow,
} from '../../db/images.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { readInput, readToChange, requirePermission, requireVisible } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { demandEtag } from './etag.ts';
import { nameTaken } from './new-image.ts';
import { imageResult, viewOf } from './view.ts';

export const UPDATABLE = ['name', 'description', 'labels', 'minDiskSize'] as const;

export interface UpdateImage {
  readonly updateMask?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
  readonly minDiskSize?: number | undefined;
}

/**
 * Changes the fields that the mask names, or all updatable ones without a mask; a named field without a value goes
 * back to its default. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, STALE and
 * FAILED_PRECONDITION for an image that is not READY.
 */
export async function updateImage(
  context: CallerContext,
  imageId: string,
  input: UpdateImage,
  ifMatch: string | undefined,
): Promise<Operation> {
  const mask = await readInput(context, () => parseMask(input.updateMask, UPDATABLE));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'image', id: imageId }, [
      findImage(orm, imageId),
      findLayerOfImage(orm, imageId),
      findNamesake(orm, imageId, input.name ?? ''),
    ]);
    const [[row], [layer], [namesake]] = rows;
    const image = requireVisible(row, access, 'compute.images.get', 'Image', imageId);
    requirePermission(access, 'compute.images.update', 'image', imageId);
    if (replay !== undefined) return replay;
    demandEtag(image, ifMatch);
    if (image.status !== 'READY') {
      throw failedPrecondition(
        imageId,
        'STATUS',
        `Image "${imageId}" is ${image.status}; only a READY image can be updated`,
      );
    }
    const change = changeOf(image, input, mask);
    if (change.name && namesake !== undefined) throw nameTaken(change.name);
    const updated: ImageRow = { ...image, ...change, revision: image.revision + 1 };
    const operation = finishedOperation(context, access, {
      kind: 'images.update',
      resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
      metadata: { imageId },
      response: imageResult(viewOf(updated, layer)),
    });
    await context.db.write([
      demandRevision(orm, image.id, image.revision),
      updateRow(orm, image.id, change),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function changeOf(
  image: ImageRow,
  input: UpdateImage,
  mask: ReadonlySet<(typeof UPDATABLE)[number]>,
): Partial<ImageRow> {
  const change: Partial<ImageRow> = {};
  if (mask.has('name')) change.name = input.name ?? '';
  if (mask.has('description')) change.description = input.description || null;
  if (mask.has('labels')) {
    change.labels = input.labels !== undefined && Object.keys(input.labels).length > 0 ? input.labels : null;
  }
  if (mask.has('minDiskSize')) {
    const smallest = image.smallestDiskSize ?? 0;
    const wanted = input.minDiskSize ?? smallestMinDiskSize(smallest);
    if (wanted < smallest) throw tooSmallForSource('min_disk_size', smallest);
    change.minDiskSize = wanted;
  }
  return change;
}
