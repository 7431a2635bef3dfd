/** One text for one JSON value, whatever the order of its members: what a request's fingerprint is made over. */

/**
 * Members sorted by their UTF-16 units, no white space; members without a value are left out, as JSON does.
 * errors: TypeError for what JSON cannot hold (a number that is not finite, a bigint, a function, a circle).
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, within: readonly object[]): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`);
  if (
    value === null ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'string'
  ) {
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw new TypeError(`JSON has no ${typeof value}`);
  if (within.includes(value)) throw new TypeError('JSON has no circles');
  const path = [...within, value];
  if (Array.isArray(value)) return `[${value.map((item) => write(item ?? null, path)).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${write(member, path)}`);
  return `{${members.join(',')}}`;
}
