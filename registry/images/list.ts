import { layersOfImages } from '../../db/layers.ts';
import type { CallerContext } from '../context.ts';
import { type ListRequest, listFolder, listImagesAndTrash, type Page } from '../lists.ts';
import { type Image, viewOf, viewOfDeleted } from './view.ts';

export interface ListImages extends ListRequest {
  /** Whether the inspections are wanted as well. */
  readonly full: boolean;
  /** Whether those in the trash are wanted as well. */
  readonly showDeleted?: boolean | undefined;
}

/** The images of exactly this folder, a page at a time; otherwise as `listFolder`. */
export async function listImages(context: CallerContext, input: ListImages): Promise<Page<Image>> {
  const page = await (input.showDeleted
    ? listImagesAndTrash(context, input)
    : listFolder(context, 'image', input));
  const ids = page.items.map(({ id }) => id);
  const [layers] = input.full ? await context.db.read([layersOfImages(context.db.orm, ids)]) : [[]];
  const inspections = new Map(layers.map(({ id, inspection }) => [id, inspection]));
  const now = context.now();
  const items = page.items.map((row) => {
    const layer = { digest: row.digest, inspection: inspections.get(row.layerId ?? '') ?? null };
    const view = 'deletedAt' in row ? viewOfDeleted(row, layer, now) : viewOf(row, layer, now);
    return { ...view, leases: row.leases };
  });
  return { ...page, items };
}
