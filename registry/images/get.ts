import { findDeletedImage, findLayerOfDeleted } from '../../db/deleted-images.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import { countLeases } from '../../db/leases.ts';
import type { DeletedImageRow, ImageRow, LayerRow } from '../../schema/tables/images.ts';
import { readAs, requireVisible } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type Image, viewOf, viewOfDeleted } from './view.ts';

/**
 * One image; with `showDeleted` also one in the trash or a purged one, as long as something is known of it.
 * Throws NOT_FOUND, also for one that the caller may not see.
 */
export async function getImage(
  context: CallerContext,
  imageId: string,
  { showDeleted = false }: { readonly showDeleted?: boolean | undefined } = {},
): Promise<Image> {
  const { orm } = context.db;
  const now = context.now();
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findImage(orm, imageId),
    findLayerOfImage(orm, imageId),
    countLeases(orm, imageId, now),
    ...(showDeleted ? [findDeletedImage(orm, imageId), findLayerOfDeleted(orm, imageId)] : []),
  ]);
  const [[row], [layer], [count], [deleted] = [], [layerOfDeleted] = []] = rows as unknown as [
    ImageRow[],
    LayerRow[],
    { leases: number }[],
    DeletedImageRow[]?,
    LayerRow[]?,
  ];
  const found =
    row !== undefined
      ? viewOf(row, layer, now)
      : deleted !== undefined
        ? viewOfDeleted(deleted, layerOfDeleted, now)
        : undefined;
  const image = requireVisible(found, access, 'compute.images.get', 'Image', imageId);
  return { ...image, leases: count?.leases ?? 0 };
}
