import type { QuotaViolation, RegistryError } from '../../core/errors.ts';
import { quotaError, STANDARD_IMAGES } from '../../core/quotas.ts';
import type { Orm, Statement } from '../../db/client.ts';
import { trashedBytes } from '../../db/deleted-images.ts';
import type { NamesLayer } from '../../db/quotas.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
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

/** Gives back what an image took, in the batch that takes back its creation. */
export function releaseImage(orm: Orm, image: ImageRow): Statement[] {
  return [...releaseBytes(orm, image), ...releaseCount(orm, image)];
}

type CountedImage = Pick<ImageRow, 'cloudId' | 'folderId' | 'pooled'>;

/** Gives back what an image took but its bytes, in the batch that moves it to the trash. */
export function releaseCount(orm: Orm, image: CountedImage): Statement[] {
  return release(orm, image.cloudId, imageDemand(image));
}

/** Takes that again, in the batch that brings it back. */
export function claimCount(orm: Orm, image: CountedImage): Statement[] {
  return claim(orm, image.cloudId, imageDemand(image));
}

/** Gives back the bytes of an image, in the batch that purges it. */
export function releaseBytes(orm: Orm, image: NamesLayer & Pick<ImageRow, 'folderId'>): Statement[] {
  if (image.folderId === STANDARD_IMAGES) return [];
  return releaseLayer(orm, 'compute.images.size', image);
}

/** The refusal of an image, which says how much of its quota lies in the trash when that is in the way. */
export async function imageQuotaError(
  { db }: Context,
  cloudId: string,
  violations: readonly QuotaViolation[],
): Promise<RegistryError> {
  if (!violations.some(({ quotaId }) => quotaId === 'compute.images.size')) return quotaError(violations);
  const [[trash]] = await db.read([trashedBytes(db.orm, cloudId)]);
  return quotaError(violations, trash?.bytes);
}
