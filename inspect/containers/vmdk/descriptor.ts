/**
 * The text descriptor of a VMDK (VMware, "Virtual Disk Format 5.0", "The Descriptor File"). Keys are
 * case-insensitive; lines end LF or CRLF; the text ends at the first NUL. Programs read it in different ways (some
 * take the first of two equal keys, some the last, some search the text for a key wherever it stands), so it is
 * taken only when all of them must read the same.
 */
import { latin1, untilNul } from '../../readers/text.ts';
import type { FindingCode, Findings } from '../../report.ts';

export const DESCRIPTOR_REFERENCE = 'VMDK 5.0, "The Descriptor File"';

export interface Extent {
  readonly access: string;
  /** As it is written: a decimal number of sectors. */
  readonly sectors: string;
  readonly type: string;
  readonly name: string;
  /** What follows the name. */
  readonly rest: string;
}

export interface Descriptor {
  /** Keys in lower case. */
  readonly values: ReadonlyMap<string, string>;
  readonly duplicates: readonly string[];
  readonly extents: readonly Extent[];
  /** The first line that is neither a comment, a key nor an extent. */
  readonly strange: string | undefined;
  /** A key of a parent disk stands somewhere in the text, be it in a comment. */
  readonly mentionsParent: boolean;
}

/** No program writes longer lines; a longer one is not taken apart. */
const MAX_LINE_BYTES = 4096;
const EXTENT_LINE = /^(rw|rdonly|noaccess)\s+(\S+)\s+(\S+)(?:\s+"([^"]*)")?\s*(.*)$/i;
const KEY = /^[A-Za-z_][\w.:-]*$/;

/** `key = value` with or without quotes; undefined for any other line. */
function keyAndValue(line: string): readonly [string, string] | undefined {
  const equals = line.indexOf('=');
  const key = line.slice(0, Math.max(0, equals)).trimEnd();
  if (equals < 0 || !KEY.test(key)) return undefined;
  const value = line.slice(equals + 1).trim();
  const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  const bare = quoted ? value.slice(1, -1) : value;
  return bare.includes('"') ? undefined : [key.toLowerCase(), bare];
}

/** Reads descriptor text, one character a byte. */
export function parseDescriptor(bytes: Uint8Array): Descriptor {
  const text = latin1(untilNul(bytes));
  const values = new Map<string, string>();
  const duplicates: string[] = [];
  const extents: Extent[] = [];
  let strange: string | undefined;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const readable = line.length <= MAX_LINE_BYTES;
    const extent = readable ? EXTENT_LINE.exec(line) : null;
    const pair = readable ? keyAndValue(line) : undefined;
    if (extent !== null) {
      const [, access, sectors, type, name, rest] = extent;
      extents.push({ access: access!, sectors: sectors!, type: type!, name: name ?? '', rest: rest ?? '' });
    } else if (pair !== undefined) {
      const [key, value] = pair;
      if (values.has(key)) duplicates.push(key);
      else values.set(key, value);
    } else strange ??= line;
  }
  return { values, duplicates, extents, strange, mentionsParent: /parentfilenamehint/i.test(text) };
}

const TAKEN_TYPES: ReadonlySet<string> = new Set(['monolithicSparse', 'streamOptimized']);
/** Types whose data are plain files beside the descriptor: only the extent is wrong with them. */
const FLAT_TYPES: ReadonlySet<string> = new Set(['monolithicFlat', 'twoGbMaxExtentFlat']);
const NO_PARENT = 'ffffffff';
const MAX_NAME_BYTES = 255;

type Note = (code: FindingCode, message: string, field: string, found?: string, expected?: string) => void;

/**
 * Notes everything by which a descriptor could lead out of its file or be read in two ways.
 * @param sparse the header that the descriptor is embedded with; absent for a file of text only.
 * @param at the descriptor's place in the file, in bytes.
 */
export function checkDescriptor(
  descriptor: Descriptor,
  sparse: { capacity: bigint; grainSectors: bigint; compressed: boolean } | undefined,
  at: number,
  findings: Findings,
): void {
  const note: Note = (code, message, field, found, expected) =>
    findings.add(code, {
      message,
      offset: String(at),
      field,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found: show(found) }),
      reference: DESCRIPTOR_REFERENCE,
    });
  checkParent(descriptor, note);
  checkType(descriptor, note);
  for (const key of descriptor.values.keys()) {
    if (/^encryption\.|keysafe|encryptionkeys|^keyid$/.test(key)) {
      note('ENCRYPTED', 'The disk is encrypted; export it without encryption and upload that.', key);
    }
  }
  if (descriptor.values.has('changetrackpath')) {
    note(
      'EXTERNAL_EXTENT',
      'The descriptor names a change tracking file beside the disk; export the disk without it.',
      'changeTrackPath',
      descriptor.values.get('changetrackpath'),
    );
  }
  if (sparse === undefined) {
    const name = descriptor.extents[0]?.name ?? '';
    note(
      'EXTERNAL_EXTENT',
      'The file is only the description of a disk whose data are elsewhere; upload the disk as one file (qemu-img convert).',
      'extent',
      name,
    );
    return;
  }
  checkExtents(descriptor, sparse, note);
  checkReadings(descriptor, sparse.compressed, note);
}

function checkParent({ values, mentionsParent }: Descriptor, note: Note): void {
  const parent = values.get('parentcid');
  if (parent !== undefined && parent.toLowerCase() !== NO_PARENT) {
    note(
      'BACKING_FILE',
      'The disk has a parent, so this file holds only the changes to another; consolidate it and upload the result.',
      'parentCID',
      parent,
      NO_PARENT,
    );
  }
  if (mentionsParent) {
    note(
      'BACKING_FILE',
      'The descriptor names the file of a parent disk; consolidate the disk and upload the result.',
      'parentFileNameHint',
      values.get('parentfilenamehint'),
    );
  }
}

function checkType({ values }: Descriptor, note: Note): void {
  const type = values.get('createtype');
  if (type === undefined || TAKEN_TYPES.has(type)) return;
  if (FLAT_TYPES.has(type)) {
    note(
      'EXTERNAL_EXTENT',
      'The data of this kind of VMDK are in another file; convert it into one file (qemu-img convert) and upload that.',
      'createType',
      type,
    );
    return;
  }
  note(
    'UNSUPPORTED_VARIANT',
    'This kind of VMDK is not taken; convert it to streamOptimized or monolithicSparse, or to qcow2.',
    'createType',
    type,
    'monolithicSparse or streamOptimized',
  );
}

function checkExtents(
  { extents }: Descriptor,
  { capacity, grainSectors }: { capacity: bigint; grainSectors: bigint },
  note: Note,
): void {
  const [extent] = extents;
  if (capacity === 0n) {
    if (extent !== undefined) {
      note(
        'EXTERNAL_EXTENT',
        'The header gives no capacity, so programs follow the extents of the descriptor instead; convert the image again.',
        'extent',
        extent.name,
      );
    }
    return;
  }
  if (extent === undefined || extents.length > 1) {
    note(
      'EXTERNAL_EXTENT',
      'The descriptor must have exactly one extent, the file itself; upload the disk as one file (qemu-img convert).',
      'extent',
      String(extents.length),
      '1',
    );
    return;
  }
  if (extent.type.toUpperCase() !== 'SPARSE' || extent.access.toUpperCase() === 'NOACCESS') {
    note(
      'EXTERNAL_EXTENT',
      'The extent is not a sparse extent inside this file; upload the disk as one file (qemu-img convert).',
      'extent type',
      `${extent.access} ${extent.type}`,
      'RW or RDONLY, SPARSE',
    );
  }
  const rounded =
    grainSectors > 0n ? ((capacity + grainSectors - 1n) / grainSectors) * grainSectors : capacity;
  const sectors = /^\d{1,19}$/.test(extent.sectors) ? BigInt(extent.sectors) : undefined;
  if (sectors !== capacity && sectors !== rounded) {
    note(
      'EXTERNAL_EXTENT',
      'The extent is not as long as the capacity in the header, so it cannot be this file alone; convert the image again.',
      'extent size',
      extent.sectors,
      String(capacity),
    );
  }
  if (!isPlainName(extent.name)) {
    note(
      'EXTERNAL_EXTENT',
      'The name of the extent leads to another place; give it a plain file name and upload the file again.',
      'extent name',
      extent.name,
    );
  }
  if (extent.rest !== '' && extent.rest !== '0') {
    note(
      'EXTERNAL_EXTENT',
      'The extent begins elsewhere than at its own start; convert the image again.',
      'extent offset',
      extent.rest,
    );
  }
}

function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name.length <= MAX_NAME_BYTES &&
    name !== '.' &&
    !name.includes('..') &&
    !/[/\\:\u0000-\u001f\u007f]/.test(name)
  );
}

/** What programs would read differently. */
function checkReadings({ values, duplicates, strange }: Descriptor, compressed: boolean, note: Note): void {
  const bad = (message: string, field: string, found?: string, expected?: string) =>
    note('BAD_HEADER', message, field, found, expected);
  for (const key of duplicates.slice(0, 8)) {
    bad('A key stands twice in the descriptor, and programs do not agree which one counts; remove one.', key);
  }
  if (strange !== undefined) {
    bad(
      'A line of the descriptor is neither a comment, a value nor an extent; convert the image again.',
      'line',
      strange,
    );
  }
  const version = values.get('version');
  if (version === undefined) bad('The descriptor has no version; convert the image again.', 'version');
  else if (!/^[123]$/.test(version)) {
    note(
      'UNSUPPORTED_VERSION',
      'The version of the descriptor is not taken; convert the image again.',
      'version',
      version,
      '1, 2 or 3',
    );
  }
  const type = values.get('createtype');
  if (type === undefined) bad('The descriptor has no createType; convert the image again.', 'createType');
  if (type !== undefined && TAKEN_TYPES.has(type) && (type === 'streamOptimized') !== compressed) {
    bad(
      'The createType and the compression in the header contradict each other; convert the image again.',
      'createType',
      type,
      compressed ? 'streamOptimized' : 'monolithicSparse',
    );
  }
}

/** Text out of a hostile file as a message may show it. */
function show(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 64 ? `${clean.slice(0, 64)}...` : clean;
}
