/**
 * The os-release file: lines `NAME=value` in UTF-8, a value bare, in double or in single quotes
 * (freedesktop.org, os-release(5), section "Description").
 */
import { clean, utf8, utf8Bytes } from './readers/text.ts';
import type { OsRelease } from './report.ts';

/** Longer files are read up to here. In bytes. */
export const OS_RELEASE_BYTES = 64 * 1024;
const LONGEST_VALUE_BYTES = 256;

const ASSIGNMENT = /^([A-Z0-9_]+)=(.*)$/;
const BARE = /^[^\s"'\\$`]*$/;
const SINGLE_QUOTED = /^'([^']*)'$/;
const DOUBLE_QUOTED = /^"((?:[^"\\]|\\.)*)"$/;
const IDENTIFIER = /^[a-z0-9._-]+$/;

const FIELDS = {
  id: 'ID',
  versionId: 'VERSION_ID',
  versionCodename: 'VERSION_CODENAME',
  prettyName: 'PRETTY_NAME',
  variantId: 'VARIANT_ID',
  idLike: 'ID_LIKE',
} as const satisfies Record<keyof OsRelease, string>;
/** Fields that programs compare: anything but an identifier is dropped. */
const IDENTIFIERS: ReadonlySet<keyof OsRelease> = new Set(['id', 'versionId'] as const);

/** Reads the file; undefined when none of the fields that reports give is in it. The last assignment counts. */
export function parseOsRelease(bytes: Uint8Array): OsRelease | undefined {
  const values = new Map<string, string>();
  for (const line of utf8(bytes).split('\n')) {
    const [, name, written] = ASSIGNMENT.exec(line.trim()) ?? [];
    const value = written === undefined ? undefined : unquoted(written);
    if (name !== undefined && value !== undefined) values.set(name, value);
  }
  const release: Partial<Record<keyof OsRelease, string>> = {};
  for (const [field, name] of Object.entries(FIELDS) as [keyof OsRelease, string][]) {
    const value = clean(values.get(name) ?? '').trim();
    if (value === '' || utf8Bytes(value).length > LONGEST_VALUE_BYTES) continue;
    if (IDENTIFIERS.has(field) && !IDENTIFIER.test(value)) continue;
    release[field] = value;
  }
  return Object.keys(release).length === 0 ? undefined : release;
}

/** The value as a shell would take it, without expansion; undefined when it is not written as one value. */
function unquoted(written: string): string | undefined {
  if (BARE.test(written)) return written;
  const single = SINGLE_QUOTED.exec(written);
  if (single !== null) return single[1];
  const double = DOUBLE_QUOTED.exec(written);
  return double === null ? undefined : double[1]!.replace(/\\(["$\\`])/g, '$1');
}
