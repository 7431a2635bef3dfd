import { canonicalJson } from '../../core/canonical-json.ts';
import { RegistryError } from '../../core/errors.ts';
import { sha256Hex } from '../digest.ts';
import { namesEtag } from '../images/etag.ts';

/** What can be changed of a resource that keeps no count of its changes. */
interface Versioned {
  readonly id: string;
  readonly name?: string;
  readonly description: string | null;
  readonly labels?: Readonly<Record<string, string>> | null;
}

/** The entity tag of a resource's content, without quotes: two versions with the same content are one. */
export async function contentEtag({ id, name, description, labels }: Versioned): Promise<string> {
  const digest = await sha256Hex(canonicalJson({ name, description, labels: labels ?? {} }));
  return `${id}-${digest.slice(0, 16)}`;
}

/** Throws STALE when `If-Match` was given and names another version. */
export async function demandContentEtag(row: Versioned, ifMatch: string | undefined): Promise<void> {
  if (ifMatch === undefined) return;
  const etag = await contentEtag(row);
  if (namesEtag(ifMatch, etag)) return;
  throw new RegistryError(
    'STALE',
    `If-Match: ${ifMatch} is not the current version of ${row.id}, which is ${etag}; read it again`,
  );
}
