import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { noteUnnamed } from '../../db/layers.ts';
import { deleteResource } from '../../db/resources.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import { releaseImage } from '../quotas/image.ts';

/**
 * The statements that take an image away, whatever the reason: its quota, its row, its bindings and its name on the
 * layer, whose grace period begins when no other image names it. The caller guards the batch.
 */
export function removeImage(context: Context, image: ImageRow): Statement[] {
  const { orm } = context.db;
  return [
    ...releaseImage(orm, image),
    deleteResource(orm, 'image', image.id),
    deleteBindingsOf(orm, 'image', image.id),
    noteUnnamed(orm, image.layerId, context.now()),
  ];
}
