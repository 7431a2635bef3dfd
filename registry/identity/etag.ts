import { canonicalJson } from '../../core/canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import { demandCurrent } from '../etag.ts';

/** What changes of a resource that keeps no count of its changes. */
interface Versioned {
  readonly id: string;
  readonly name?: string;
  readonly description: string | null;
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Of a folder. */
  readonly status?: string;
  /** Of a service account. */
  readonly suspendedAt?: number | null;
  /** Of a federation. */
  readonly enabled?: boolean;
  readonly audiences?: readonly string[];
  readonly jwksUrl?: string;
}

/** The entity tag of a resource's content, without quotes: two versions with the same content are one. */
export async function contentEtag({ id, labels, ...resource }: Versioned): Promise<string> {
  const { name, description, status, suspendedAt, enabled, audiences, jwksUrl } = resource;
  const content = {
    ...{ name, description, labels: labels ?? {}, status, suspendedAt },
    ...{ enabled, audiences, jwksUrl },
  };
  const digest = await sha256Hex(canonicalJson(content));
  return `${id}-${digest.slice(0, 16)}`;
}

/** Throws STALE when `If-Match` was given and names another version. */
export async function demandContentEtag(row: Versioned, ifMatch: string | undefined): Promise<void> {
  if (ifMatch === undefined) return;
  demandCurrent(row.id, await contentEtag(row), ifMatch);
}
