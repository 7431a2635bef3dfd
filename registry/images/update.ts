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
}

const IMAGE: Updatable<ImageRow, UpdateImage, LayerRow> = {
  kind: 'image',
  fields: ['minDiskSize'],
  find: findImage,
  findMore: findLayerOfImage,
  demandEtag,
  changeOf(image, { minDiskSize }, mask) {
    if (!mask.has('minDiskSize')) return {};
    const smallest = image.smallestDiskSize ?? 0;
    const wanted = minDiskSize ?? smallestMinDiskSize(smallest);
    if (wanted < smallest) throw tooSmallForSource('min_disk_size', smallest);
    return { minDiskSize: wanted };
  },
  result: (image, [layer], now) => imageResult(viewOf(image, layer, now)),
};

/** Changes name, description, labels and `minDiskSize` of an image, as `updateResource` does. */
export function updateImage(
  context: CallerContext,
  imageId: string,
  input: UpdateImage,
  ifMatch: string | undefined,
): Promise<Operation> {
  return updateResource(context, IMAGE, imageId, input, ifMatch);
}
