import { findDeletedImage, findLayerOfDeleted } from '../../db/deleted-images.ts';
import { findShownImage } from '../../db/images.ts';
import { countLeases } from '../../db/leases.ts';
import { readAs, requireVisible } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type Image, viewOf, viewOfDeleted } from './view.ts';

/** One image. Throws NOT_FOUND, also for one that the caller may not see. */
export async function getImage(context: CallerContext, imageId: string): Promise<Image> {
  const { orm } = context.db;
  const now = context.now();
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findShownImage(orm, { id: imageId, now }),
  ]);
  const [[row]] = rows;
  const image = requireVisible(row, access, 'compute.images.get', 'Image', imageId);
  return { ...viewOf(image, image, now), leases: image.leases };
}

/** As `getImage`, but also one in the trash, or a purged one as long as something is known of it. */
export async function getImageOrDeleted(context: CallerContext, imageId: string): Promise<Image> {
  const { orm } = context.db;
  const now = context.now();
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findShownImage(orm, { id: imageId, now }),
    findDeletedImage(orm, imageId),
    findLayerOfDeleted(orm, imageId),
    countLeases(orm, imageId, now),
  ]);
  const [[standing], [deleted], [layerOfDeleted], [count]] = rows;
  const found =
    standing === undefined
      ? deleted && viewOfDeleted(deleted, layerOfDeleted, now)
      : viewOf(standing, standing, now);
  const image = requireVisible(found, access, 'compute.images.get', 'Image', imageId);
  return { ...image, ...count };
}
