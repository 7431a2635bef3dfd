import { failedPrecondition } from '../../core/errors.ts';
import { passedOverFor } from '../../core/families.ts';
import { familyOfImage, findFolderOfImage, imagesInStanding } from '../../db/families.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { writePromotion, writeUnchanged } from '../families/promotion.ts';
import { demandActive } from '../identity/active.ts';
import type { Operation } from '../operations/record.ts';
import { demandReady, requireResource } from '../resources.ts';

export interface PromoteImage {
  /** Why; kept with the promotion. */
  readonly note?: string | undefined;
}

/**
 * Makes an image the latest of its family; a candidate is none any more. One that is the latest already stays as it is.
 * Throws NOT_FOUND, PERMISSION_DENIED, and FAILED_PRECONDITION for an image that cannot be the latest.
 */
export function promoteImage(
  context: CallerContext,
  imageId: string,
  { note }: PromoteImage,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const resource = { kind: 'image', id: imageId } as const;
    const now = context.now();
    const { access, rows, replay } = await readToChange(context, resource, [
      findImage(orm, imageId),
      findLayerOfImage(orm, imageId),
      findFolderOfImage(orm, imageId),
      imagesInStanding(orm, familyOfImage(imageId), now, 1),
    ]);
    const [[row], [layer], [folder], [latest]] = rows;
    const image = requireResource(row, access, resource, 'compute.images.update');
    if (replay !== undefined) return replay;
    if (folder !== undefined) demandActive(folder);
    demandPromotable(image, now);
    const promotion = { kind: 'images.promote', access, image, layer, from: latest, note, now } as const;
    return latest?.id === image.id
      ? await writeUnchanged(context, promotion)
      : await writePromotion(context, promotion);
  });
}

function demandPromotable(image: ImageRow, now: number): void {
  const { id } = image;
  demandReady({ kind: 'image', id }, image.status, 'promoted');
  if (image.family === '') {
    throw failedPrecondition(
      id,
      'NO_FAMILY',
      `Image "${id}" is of no family; make an image of a family from it with imageId and family`,
    );
  }
  const reason = passedOverFor({ ...image, candidate: false }, now);
  if (reason === undefined) return;
  throw failedPrecondition(
    id,
    reason,
    `Image "${id}" is ${reason}; deprecate it with the state ACTIVE before it is promoted`,
  );
}
