import { QUOTAS, type QuotaId } from '../../core/quotas.ts';
import type { Orm, Statement } from '../../db/client.ts';
import { changeUsage, ensureQuota, releaseLayerBytes } from '../../db/quotas.ts';
import type { ImageRow } from '../../schema/tables/images.ts';

/** What an image takes of its cloud's quotas. */
export type Demand = Readonly<Partial<Record<QuotaId, number>>>;

/** The folder of the operator's public images: they count for nobody. */
export const STANDARD_IMAGES = 'standard-images';

/** The use that an image with a layer of its own adds; nothing in the folder `standard-images`. */
export function imageDemand(image: Pick<ImageRow, 'folderId' | 'pooled'>, layerBytes: number): Demand {
  if (image.folderId === STANDARD_IMAGES) return {};
  return {
    'compute.images.count': 1,
    'compute.images.size': layerBytes,
    ...(image.pooled ? { 'compute.diskPools.count': 1 } : {}),
  };
}

/** Takes the use in the batch that writes the image; past a limit the whole batch is undone. */
export function claimImage(orm: Orm, image: Pick<ImageRow, 'cloudId'>, demand: Demand): Statement[] {
  return (Object.entries(demand) as [QuotaId, number][]).flatMap(([quotaId, amount]) => [
    ensureQuota(orm, image.cloudId, quotaId, QUOTAS[quotaId].defaultLimit),
    changeUsage(orm, image.cloudId, quotaId, amount),
  ]);
}

/** Gives back what an image took, in the batch that deletes it and before its row goes. */
export function releaseImage(orm: Orm, image: ImageRow): Statement[] {
  if (image.folderId === STANDARD_IMAGES) return [];
  return [
    changeUsage(orm, image.cloudId, 'compute.images.count', -1),
    releaseLayerBytes(orm, 'compute.images.size', image, STANDARD_IMAGES),
    ...(image.pooled ? [changeUsage(orm, image.cloudId, 'compute.diskPools.count', -1)] : []),
  ];
}
