import { RegistryError } from '../../core/errors.ts';
import type { ImageRow } from '../../schema/tables/images.ts';

/** The entity tag of an image's current version, without the quotes that a header puts around it. */
export function etagOf(image: Pick<ImageRow, 'id' | 'revision'>): string {
  return `${image.id}-${image.revision}`;
}

/**
 * Whether a list of entity tags, as `If-Match` and `If-None-Match` have it, names this one (weakness aside) or is `*`.
 * The quotes may be missing: the tag stands without them in an image's own `etag`.
 */
export function namesEtag(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some(
    (tag) =>
      tag
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1') === etag,
  );
}

/** Throws STALE when `If-Match` was given and names another version. */
export function demandEtag(image: Pick<ImageRow, 'id' | 'revision'>, ifMatch: string | undefined): void {
  if (ifMatch === undefined || namesEtag(ifMatch, etagOf(image))) return;
  throw new RegistryError(
    'STALE',
    `If-Match: ${ifMatch} is not the current version of image ${image.id}, which is ${etagOf(image)}; read it again`,
  );
}
