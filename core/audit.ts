/** What an audit event keeps of a change: the fields that differ, without secrets and without what nobody asked for. */
import { canonicalJson } from './canonical-json.ts';

/** A record as verbs have it: a row, or a part of one. */
export type Facts = Readonly<Record<string, unknown>>;

export interface Difference {
  /** The fields that differ as they were; null for what was made. */
  readonly before: Record<string, unknown> | null;
  /** The same fields as they are; null for what is gone. */
  readonly after: Record<string, unknown> | null;
}

/** Names of secrets, and of members that hold one, at every depth. */
const SECRET = /secret|password|private_?key|token|jwt|jwks$|authorization|^sourceUri$/i;

/** What a row holds for the registry itself, and what changes without anybody changing it. */
const INTERNAL: ReadonlySet<string> = new Set([
  'sequence',
  'revision',
  'etag',
  'prefix',
  'passedOver',
  'smallestDiskSize',
  'inspection',
  'deletionId',
  'operationId',
  'lastUsedAt',
  'lastAuthenticatedAt',
]);

/** UTF-16 units of JSON that each side keeps; a change of as many bindings as one call may set stays below it. */
export const MAX_SIDE_LENGTH = 131_072;

/**
 * The fields that differ between two records; all that are set of one when there is no other. Values are compared and
 * kept whole; one that does not fit any more leaves only its length, as `{ omittedCharacters }`. Links lose their
 * query, which may hold a signature. Null and absent are the same.
 * in: records of what JSON can hold. errors: TypeError for other values.
 */
export function differenceOf(before: Facts | undefined, after: Facts | undefined): Difference {
  const was = fieldsOf(before);
  const is = fieldsOf(after);
  const names = [...new Set([...was.keys(), ...is.keys()])].filter(
    (name) => canonicalJson(was.get(name) ?? null) !== canonicalJson(is.get(name) ?? null),
  );
  return {
    before: before === undefined ? null : sideOf(names, was),
    after: after === undefined ? null : sideOf(names, is),
  };
}

function fieldsOf(facts: Facts = {}): ReadonlyMap<string, unknown> {
  const shown = Object.entries(facts).filter(([name]) => !INTERNAL.has(name) && !SECRET.test(name));
  return new Map(shown.map(([name, value]) => [name, withoutSecrets(name, value)]));
}

function withoutSecrets(name: string, value: unknown): unknown {
  if (typeof value === 'string') return /(uri|url)$/i.test(name) ? withoutQuery(value) : value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(name, item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([member]) => !SECRET.test(member))
      .map(([member, inner]) => [member, withoutSecrets(member, inner)]),
  );
}

/** A link without query and fragment, and without a user's name and password before its host. */
function withoutQuery(link: string): string {
  return link.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}

function sideOf(names: readonly string[], fields: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const side: Record<string, unknown> = {};
  let left = MAX_SIDE_LENGTH;
  for (const name of names) {
    const value = fields.get(name);
    if (value === undefined || value === null) continue;
    const { length } = canonicalJson(value);
    left -= length;
    side[name] = left < 0 ? { omittedCharacters: length } : value;
    if (left < 0) left += length;
  }
  return side;
}
