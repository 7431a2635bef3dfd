import { RegistryError } from '../core/errors.ts';

/**
 * Whether a list of entity tags, as `If-Match` and `If-None-Match` have it, names this one (weakness aside) or is `*`.
 * The quotes may be missing: in a resource's own `etag` the tag stands without them.
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

/** Throws STALE when `If-Match` was given and does not name the current version of a resource. */
export function demandCurrent(id: string, etag: string, ifMatch: string | undefined): void {
  if (ifMatch === undefined || namesEtag(ifMatch, etag)) return;
  throw new RegistryError(
    'STALE',
    `If-Match: ${ifMatch} is not the current version of ${id}, which is ${etag}; read it again`,
  );
}

/** What counts its changes. */
interface Revised {
  readonly id: string;
  readonly revision: number;
}

/** The entity tag of the current version of what counts its changes, without the quotes that a header puts around it. */
export function revisionEtag({ id, revision }: Revised): string {
  return `${id}-${revision}`;
}
