import { notFound } from '../../core/errors.ts';
import { findFolder } from '../../db/folders.ts';
import { countFamily, findImage, findLayerOfImage, latestOfFamily, layerOfLatest } from '../../db/images.ts';
import { readAs, requireFolder, requireVisible } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type Image, viewOf } from './view.ts';

/** One image. Throws NOT_FOUND, also for one that the caller may not see. */
export async function getImage(context: CallerContext, imageId: string): Promise<Image> {
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findImage(orm, imageId),
    findLayerOfImage(orm, imageId),
  ]);
  const [[row], [layer]] = rows;
  return viewOf(requireVisible(row, access, 'compute.images.get', 'Image', imageId), layer, context.now());
}

/**
 * The READY image of a family that was promoted last, in exactly this folder.
 * Throws PERMISSION_DENIED for the folder and NOT_FOUND, which says how many images of the family were passed over.
 */
export async function getLatestByFamily(
  context: CallerContext,
  folderId: string,
  family: string,
): Promise<Image> {
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    findFolder(orm, folderId),
    latestOfFamily(orm, folderId, family),
    layerOfLatest(orm, folderId, family),
  ]);
  const [[folder], [row], [layer]] = rows;
  requireFolder(folder, access, 'compute.images.listByFamily', folderId);
  if (row !== undefined) return viewOf(row, layer, context.now());
  const [statuses] = await context.db.read([countFamily(orm, folderId, family)]);
  throw noneLeft(family, statuses);
}

function noneLeft(family: string, statuses: readonly { status: string; images: number }[]) {
  if (statuses.length === 0) return notFound('Image', family);
  const passedOver = statuses.map(({ status, images }) => `${images} ${status}`).join(', ');
  return notFound('Image', family, [
    {
      kind: 'resource',
      resourceType: 'compute.imageFamily',
      resourceName: family,
      description: `The family has no READY image; passed over: ${passedOver}`,
    },
  ]);
}
