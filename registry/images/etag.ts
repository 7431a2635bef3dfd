import type { ImageRow } from '../../schema/tables/images.ts';
import { demandCurrent } from '../etag.ts';

/** The entity tag of an image's current version, without the quotes that a header puts around it. */
export function etagOf(image: Pick<ImageRow, 'id' | 'revision'>): string {
  return `${image.id}-${image.revision}`;
}

/** Throws STALE when `If-Match` was given and names another version. */
export function demandEtag(image: Pick<ImageRow, 'id' | 'revision'>, ifMatch: string | undefined): void {
  demandCurrent(image.id, etagOf(image), ifMatch);
}
