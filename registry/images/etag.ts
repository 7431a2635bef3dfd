import type { DeprecationState } from '../../core/deprecation.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { demandCurrent, namesEtag } from '../etag.ts';
import type { Image } from './view.ts';

type Version = Pick<ImageRow, 'id' | 'revision'>;

/** What stands behind the version while an image is in a state. */
const STATE_MARKS: Readonly<Partial<Record<DeprecationState, string>>> = { DEPRECATED: '-p', OBSOLETE: '-o' };
const DIGEST_MARK = '-d';

/**
 * The entity tag of an image as it is shown, without the quotes that a header puts around it. What changes without
 * anybody changing it makes it another one: the digest, which may become known after everything else, and the state
 * of its deprecation, whose dates come.
 */
export function etagOf(image: Version & Pick<Image, 'digest' | 'deprecationState'>): string {
  const digest = image.digest === null ? '' : DIGEST_MARK;
  return versionOf(image) + digest + (STATE_MARKS[image.deprecationState] ?? '');
}

/**
 * Throws STALE when `If-Match` was given and names another version. With its digest or without, before a date or after
 * it, it is one version: nothing that a caller can change has changed.
 */
export function demandEtag(image: Version, ifMatch: string | undefined): void {
  const version = versionOf(image);
  for (const digest of ['', DIGEST_MARK]) {
    for (const state of ['', ...Object.values(STATE_MARKS)]) {
      if (ifMatch !== undefined && namesEtag(ifMatch, version + digest + state)) return;
    }
  }
  demandCurrent(image.id, version, ifMatch);
}

function versionOf({ id, revision }: Version): string {
  return `${id}-${revision}`;
}
