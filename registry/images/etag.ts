import type { DeprecationState } from '../../core/deprecation.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { demandCurrent } from '../etag.ts';
import type { Image } from './view.ts';

type Version = Pick<ImageRow, 'id' | 'revision'>;

/** What stands behind the version while an image is in a state. */
const STATE_MARKS: Readonly<Partial<Record<DeprecationState, string>>> = { DEPRECATED: '-p', OBSOLETE: '-o' };
const DIGEST_MARK = '-d';
const LEASES_MARK = '-l';

/**
 * The entity tag of an image as it is shown, without the quotes that a header puts around it. What changes without
 * anybody changing it makes it another one: the digest, which may become known after everything else, the state of its
 * deprecation, whose dates come, and the leases on it, which come and expire.
 */
export function etagOf(image: Version & Pick<Image, 'digest' | 'deprecationState' | 'leases'>): string {
  const digest = image.digest === null ? '' : DIGEST_MARK;
  const leases = image.leases ? `${LEASES_MARK}${image.leases}` : '';
  return versionOf(image) + digest + (STATE_MARKS[image.deprecationState] ?? '') + leases;
}

/**
 * Throws STALE when `If-Match` was given and names another version. With its digest or without, before a date or after
 * it, leased or not, it is one version: nothing that an update can change has changed.
 */
export function demandEtag(image: Version, ifMatch: string | undefined): void {
  const version = versionOf(image);
  const marks = new RegExp(`${version}(?:-[a-z]\\d*)+(?=["\\s,]|$)`, 'g');
  demandCurrent(image.id, version, ifMatch?.replace(marks, version));
}

function versionOf({ id, revision }: Version): string {
  return `${id}-${revision}`;
}
