import { layersOfImages } from '../../db/layers.ts';
import type { CallerContext } from '../context.ts';
import { type ListRequest, listFolder, type Page } from '../lists.ts';
import { type Image, viewOf } from './view.ts';

export interface ListImages extends ListRequest {
  /** Whether the inspections are wanted as well. */
  readonly full: boolean;
}

/** The images of exactly this folder, a page at a time; otherwise as `listFolder`. */
export async function listImages(context: CallerContext, input: ListImages): Promise<Page<Image>> {
  const page = await listFolder(context, 'image', input);
  const ids = page.items.map(({ id }) => id);
  const [layers] = input.full ? await context.db.read([layersOfImages(context.db.orm, ids)]) : [[]];
  const inspections = new Map(layers.map(({ id, inspection }) => [id, inspection]));
  const now = context.now();
  const items = page.items.map((row) =>
    viewOf(row, { digest: row.digest, inspection: inspections.get(row.layerId) ?? null }, now),
  );
  return { ...page, items };
}
