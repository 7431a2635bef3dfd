import type { CallerContext } from '../context.ts';
import { type ListRequest, listFolder, listImagesAndTrash, type Page } from '../lists.ts';
import { type Image, viewOf, viewOfDeleted } from './view.ts';

export interface ListImages extends ListRequest {
  /** Whether those in the trash are wanted as well. */
  readonly showDeleted?: boolean | undefined;
}

/** The images of exactly this folder, a page at a time; otherwise as `listFolder`. */
export async function listImages(context: CallerContext, input: ListImages): Promise<Page<Image>> {
  const page = await (input.showDeleted
    ? listImagesAndTrash(context, input)
    : listFolder(context, 'image', input));
  const now = context.now();
  const items = page.items.map((row) => ({
    ...('deletedAt' in row ? viewOfDeleted(row, row, now) : viewOf(row, row, now)),
    leases: row.leases,
  }));
  return { ...page, items };
}
