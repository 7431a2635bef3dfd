import type { ImageRow } from '../../schema/tables/images.ts';
import { demandCurrent, namesEtag } from '../etag.ts';
import type { Image } from './view.ts';

type Version = Pick<ImageRow, 'id' | 'revision'>;

/**
 * The entity tag of an image as it is shown, without the quotes that a header puts around it. The digest, which may
 * become known after everything else, makes it another one.
 */
export function etagOf(image: Version & Pick<Image, 'digest'>): string {
  return image.digest === null ? versionOf(image) : digestedOf(image);
}

/**
 * Throws STALE when `If-Match` was given and names another version. With its digest or without, it is one version:
 * nothing that a caller can change has changed.
 */
export function demandEtag(image: Version, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && namesEtag(ifMatch, digestedOf(image))) return;
  demandCurrent(image.id, versionOf(image), ifMatch);
}

function versionOf({ id, revision }: Version): string {
  return `${id}-${revision}`;
}

function digestedOf(image: Version): string {
  return `${versionOf(image)}-d`;
}
