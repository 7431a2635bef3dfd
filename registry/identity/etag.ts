import { canonicalJson } from '../../core/canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import { demandCurrent } from '../etag.ts';

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
  demandCurrent(row.id, await contentEtag(row), ifMatch);
}
