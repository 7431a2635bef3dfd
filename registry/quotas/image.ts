import { STANDARD_IMAGES } from '../../core/quotas.ts';
import type { Orm, Statement } from '../../db/client.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { claim, claimLayer, type Demand, release, releaseLayer } from './claim.ts';

/** The use that an image adds, its bytes aside; nothing in the folder `standard-images`. */
export function imageDemand(image: Pick<ImageRow, 'folderId' | 'pooled'>): Demand {
  if (image.folderId === STANDARD_IMAGES) return {};
  return { 'compute.images.count': 1, ...(image.pooled ? { 'compute.diskPools.count': 1 } : {}) };
}

/** The use that an image with a layer of its own adds. */
export function ownLayerDemand(image: Pick<ImageRow, 'folderId' | 'pooled'>, layerBytes: number): Demand {
  if (image.folderId === STANDARD_IMAGES) return {};
  return { ...imageDemand(image), 'compute.images.size': layerBytes };
}

/** Takes the use of an image that names an existing layer, in the batch that writes its row. */
export function claimNamingImage(orm: Orm, image: ImageRow): Statement[] {
  if (image.folderId === STANDARD_IMAGES) return [];
  return [...claim(orm, image.cloudId, imageDemand(image)), ...claimLayer(orm, 'compute.images.size', image)];
}

/** Gives back what an image took, in the batch that deletes it. */
export function releaseImage(orm: Orm, image: ImageRow): Statement[] {
  if (image.folderId === STANDARD_IMAGES) return [];
  return [
    ...releaseLayer(orm, 'compute.images.size', image),
    ...release(orm, image.cloudId, imageDemand(image)),
  ];
}
