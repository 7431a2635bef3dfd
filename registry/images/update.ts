import { smallestMinDiskSize, tooSmallForSource } from '../../core/sizes.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import type { ImageRow, LayerRow } from '../../schema/tables/images.ts';
import type { CallerContext } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { type ContentUpdate, type Updatable, updateResource } from '../update.ts';
import { demandEtag } from './etag.ts';
import { imageResult, viewOf } from './view.ts';

export interface UpdateImage extends ContentUpdate {
  readonly minDiskSize?: number | undefined;
  readonly deleteProtection?: boolean | undefined;
}

const IMAGE: Updatable<ImageRow, UpdateImage, LayerRow> = {
  kind: 'image',
  fields: ['minDiskSize', 'deleteProtection'],
  // Clients of the original service, which does not know it, leave it out of updates without a mask.
  keptUnlessGiven: ['deleteProtection'],
  find: findImage,
  findMore: findLayerOfImage,
  demandEtag,
  changeOf(image, { minDiskSize, deleteProtection = false }, mask) {
    const smallest = image.smallestDiskSize ?? 0;
    const wanted = minDiskSize ?? smallestMinDiskSize(smallest);
    const resized = mask.has('minDiskSize');
    if (resized && wanted < smallest) throw tooSmallForSource('min_disk_size', smallest);
    return {
      ...(resized && { minDiskSize: wanted }),
      ...(mask.has('deleteProtection') && { deleteProtection }),
    };
  },
  result: (image, [layer], now) => imageResult(viewOf(image, layer, now)),
};

/**
 * Changes name, description, labels, `minDiskSize` and `deleteProtection` of an image, as `updateResource` does.
 * Without a mask the protection stays as it is unless it is given.
 */
export function updateImage(
  context: CallerContext,
  imageId: string,
  input: UpdateImage,
  ifMatch: string | undefined,
): Promise<Operation> {
  return updateResource(context, IMAGE, imageId, input, ifMatch);
}
