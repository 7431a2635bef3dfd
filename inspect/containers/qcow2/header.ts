/**
 * The qcow2 header (QEMU `docs/interop/qcow2.rst`, "Header"); integers are big-endian.
 *
 *   0  4    magic 51 46 49 FB            48  u64  refcount table offset
 *   4  u32  version                      56  u32  refcount table clusters
 *   8  u64  backing file name offset     60  u32  snapshots
 *  16  u32  backing file name length     64  u64  snapshot table offset
 *  20  u32  cluster bits                 -- version 2 ends; from version 3 on:
 *  24  u64  virtual size                 72  u64  incompatible features
 *  32  u32  encryption method            80  u64  compatible features
 *  36  u32  L1 entries                   88  u64  autoclear features
 *  40  u64  L1 table offset              96  u32  refcount order
 *                                       100  u32  header length
 *                                       104  u8   compression type, when the header is longer than 104
 */
import type { Limits } from '../../limits.ts';
import { allZero, covers, toNumber, u8, u32be, u64be } from '../../readers/bytes.ts';
import type { Findings } from '../../report.ts';
import { checkVirtualSize, pastEnd, wholeSectors } from '../container.ts';
import { type Extensions, readExtensions } from './extensions.ts';

export const REFERENCE = 'qcow2, "Header"';
const V2_HEADER_BYTES = 72;
const V3_HEADER_BYTES = 104;
const MIB = 1024 * 1024;
/** What qemu allows a table to be (block/qcow2.h: QCOW_MAX_L1_SIZE, QCOW_MAX_REFTABLE_SIZE). */
const MAX_L1_BYTES = 32 * MIB;
const MAX_REFCOUNT_TABLE_BYTES = 8 * MIB;
const MAX_SNAPSHOTS = 65_536;

const INCOMPATIBLE = { dirty: 0, corrupt: 1, dataFile: 2, compressionType: 3, extendedL2: 4 } as const;
const AUTOCLEAR_RAW_DATA = 1;

/** A table by its place in the file, checked to lie inside it. */
export interface Table {
  readonly offset: number;
  readonly entries: number;
}

/** A header that may be followed: every table that it names lies in the file. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBytes: number;
  /** Bytes that the guest sees: whole sectors. */
  readonly size: number;
  readonly l1: Table;
  readonly refcounts: Table;
  readonly refcountBits: number;
  readonly snapshots: Table;
  readonly extendedL2: boolean;
  readonly compression: 'DEFLATE' | 'ZSTD';
  /** `consistent`: no program that does not know bitmaps has written since. */
  readonly bitmaps: (NonNullable<Extensions['bitmaps']> & { readonly consistent: boolean }) | undefined;
}

export interface ParsedHeader {
  readonly variant?: string;
  readonly virtualSize?: bigint;
  readonly clusterSize?: number;
  readonly features: Set<string>;
  /** Absent when a finding refuses. */
  readonly header?: Qcow2Header;
}

export function isQcow2(bytes: Uint8Array): boolean {
  return covers(bytes.length, 0, 4) && u32be(bytes, 0) === 0x514649fb;
}

/**
 * Judges the header. `bytes` is the beginning of the file, at least 512 bytes of it; when the header's own cluster
 * is longer than `bytes` and its extensions pass them, the answer is how many bytes are needed instead.
 */
export function parseHeader(
  bytes: Uint8Array,
  fileSize: number,
  limits: Limits,
  findings: Findings,
): ParsedHeader | { readonly needs: number } {
  const bad = (offset: number, field: string, message: string, expected?: string) =>
    findings.add('BAD_HEADER', {
      message,
      offset: String(offset),
      field,
      ...(expected === undefined ? {} : { expected }),
      found: String(u32be(bytes, offset)),
      reference: REFERENCE,
    });

  const version = u32be(bytes, 4);
  if (version !== 2 && version !== 3) {
    findings.add('UNSUPPORTED_VERSION', {
      message: `This is qcow2 version ${version}; convert the image to version 2 or 3 (qemu-img convert -O qcow2).`,
      offset: '4',
      field: 'version',
      expected: '2 or 3',
      found: String(version),
      reference: REFERENCE,
    });
    return { features: new Set() };
  }
  const variant = version === 2 ? 'v2' : 'v3';
  const clusterBits = u32be(bytes, 20);
  const rawSize = u64be(bytes, 24);
  const features = new Set<string>();
  const fixed = { variant, virtualSize: visibleSize(rawSize), features };
  if (clusterBits < 9 || clusterBits > 21) {
    bad(20, 'cluster_bits', 'The cluster size is out of range; convert the image again.', '9..21');
    noteEncryption(bytes, findings);
    noteBacking(bytes, findings);
    return fixed;
  }
  const clusterBytes = 2 ** clusterBits;
  const known = { ...fixed, clusterSize: clusterBytes };

  let headerBytes = V2_HEADER_BYTES;
  let walkable = true;
  if (version === 3) {
    headerBytes = u32be(bytes, 100);
    if (headerBytes < V3_HEADER_BYTES || headerBytes % 8 !== 0 || headerBytes > clusterBytes) {
      bad(
        100,
        'header_length',
        'The header length is out of range, so nothing behind it can be found; convert the image again.',
        `a multiple of 8 from 104 to ${clusterBytes}`,
      );
      walkable = false;
    }
  }
  const backingOffset = toNumber(u64be(bytes, 8));
  const areaEnd =
    backingOffset >= headerBytes && backingOffset <= clusterBytes ? backingOffset : clusterBytes;
  const extensions = readExtensions(bytes, walkable ? headerBytes : areaEnd, Math.min(areaEnd, fileSize));
  if ('needs' in extensions) return extensions;
  extensions.note(findings);
  if (extensions.bitmaps !== undefined) features.add('BITMAPS');

  noteBacking(bytes, findings);
  noteEncryption(bytes, findings);
  const flags = version === 3 ? readFeatures(bytes, headerBytes, extensions, features, findings) : PLAIN;
  if (flags.extendedL2 && clusterBits < 14) {
    bad(
      20,
      'cluster_bits',
      'Extended L2 entries need clusters of 16 KiB or more; convert the image again.',
      '14..21',
    );
  }
  const refcountOrder = version === 3 ? u32be(bytes, 96) : 4;
  if (refcountOrder > 6) {
    bad(96, 'refcount_order', 'The refcount width is out of range; convert the image again.', '0..6');
  }
  const sized = checkVirtualSize(findings, limits, rawSize, {
    field: 'size',
    offset: 24,
    reference: REFERENCE,
  });
  const size = sized ? wholeSectors(Number(rawSize)) : 0;
  const tables = { fileSize, clusterBytes, size, findings };
  const l2Entries = clusterBytes / (flags.extendedL2 ? 16 : 8);
  const l1 = l1Table(bytes, tables, sized ? Math.ceil(Number(rawSize) / (clusterBytes * l2Entries)) : 0);
  const refcounts = refcountTable(bytes, tables);
  const snapshots = snapshotTable(bytes, tables);
  if (snapshots.entries > 0) features.add('INTERNAL_SNAPSHOTS');
  if (l1 !== undefined && refcounts !== undefined) noteOverlap(l1, refcounts, clusterBytes, findings);
  if (findings.refused || l1 === undefined || refcounts === undefined) return known;
  return {
    ...known,
    header: {
      version,
      clusterBytes,
      size,
      l1,
      refcounts,
      refcountBits: 2 ** refcountOrder,
      snapshots,
      extendedL2: flags.extendedL2,
      compression: flags.compression,
      bitmaps: extensions.bitmaps && { ...extensions.bitmaps, consistent: flags.bitmapsConsistent },
    },
  };
}

/** What a guest sees of a size: a size that leaves no sector, or none of any disk, is shown as it stands. */
function visibleSize(size: bigint): bigint {
  return size - (size % 512n) || size;
}

function noteBacking(bytes: Uint8Array, findings: Findings): void {
  const offset = u64be(bytes, 8);
  const length = u32be(bytes, 16);
  if (offset === 0n && length === 0) return;
  findings.add('BACKING_FILE', {
    message:
      'The header has a backing file, so this file is only a part of the disk; flatten it into one file (qemu-img convert) and upload that.',
    offset: offset === 0n ? '16' : '8',
    field: offset === 0n ? 'backing_file_size' : 'backing_file_offset',
    expected: '0',
    found: String(offset === 0n ? length : offset),
    reference: REFERENCE,
  });
}

function noteEncryption(bytes: Uint8Array, findings: Findings): void {
  const method = u32be(bytes, 32);
  if (method === 0) return;
  const where = {
    offset: '32',
    field: 'crypt_method',
    expected: '0',
    found: String(method),
    reference: REFERENCE,
  };
  if (method <= 2) {
    findings.add('ENCRYPTED', {
      message: `The image is encrypted (${method === 1 ? 'AES' : 'LUKS'}); convert it to a plain qcow2 before you upload it.`,
      ...where,
    });
  } else {
    findings.add('BAD_HEADER', {
      message: 'The encryption method is not a known one; convert the image again.',
      ...where,
    });
  }
}

const PLAIN: Flags = { extendedL2: false, bitmapsConsistent: false, compression: 'DEFLATE' };

interface Flags {
  readonly extendedL2: boolean;
  readonly bitmapsConsistent: boolean;
  readonly compression: 'DEFLATE' | 'ZSTD';
}

/** Feature words, compression type and padding of a version 3 header. */
function readFeatures(
  bytes: Uint8Array,
  headerBytes: number,
  extensions: Extensions,
  features: Set<string>,
  findings: Findings,
): Flags {
  const incompatible = u64be(bytes, 72);
  const has = (bit: number) => ((incompatible >> BigInt(bit)) & 1n) === 1n;
  const where = { offset: '72', field: 'incompatible_features', reference: REFERENCE };
  for (let bit = 5; bit < 64; bit++) {
    if (!has(bit)) continue;
    findings.add('UNKNOWN_FEATURE', {
      message: `The image needs a feature that is not known: ${extensions.featureName(0, bit)}; convert it without that feature.`,
      ...where,
      found: `bit ${bit}`,
    });
  }
  if (has(INCOMPATIBLE.dirty)) {
    findings.add('DIRTY', {
      message:
        'The image was not closed properly and its reference counts may be wrong; its data are read safely, qemu-img check -r all mends it.',
      ...where,
    });
  }
  if (has(INCOMPATIBLE.corrupt)) {
    findings.add('MARKED_CORRUPT', {
      message:
        'The program that wrote the image marked it as corrupt; mend it (qemu-img check -r all) or convert it from a good copy.',
      ...where,
    });
  }
  if (has(INCOMPATIBLE.dataFile)) {
    findings.add('EXTERNAL_DATA_FILE', {
      message:
        'The data of the image are in another file; convert it into one file (qemu-img convert) and upload that.',
      ...where,
    });
  }
  const extendedL2 = has(INCOMPATIBLE.extendedL2);
  if (extendedL2) features.add('EXTENDED_L2');

  const compatible = u64be(bytes, 80);
  if ((compatible & 1n) === 1n) features.add('LAZY_REFCOUNTS');
  noteCompatible(compatible & ~1n, 80, 'compatible_features', findings);
  const autoclear = u64be(bytes, 88);
  noteCompatible(autoclear & ~3n, 88, 'autoclear_features', findings);
  if ((autoclear >> BigInt(AUTOCLEAR_RAW_DATA)) & 1n && !has(INCOMPATIBLE.dataFile)) {
    findings.add('BAD_HEADER', {
      message:
        'The header says that its external data file is raw, but has no external data file; convert the image again.',
      offset: '88',
      field: 'autoclear_features',
      reference: REFERENCE,
    });
  }

  const type = headerBytes > V3_HEADER_BYTES ? u8(bytes, 104) : 0;
  const typeWhere = { offset: '104', field: 'compression_type', found: String(type), reference: REFERENCE };
  if (type > 1) {
    findings.add('UNSUPPORTED_VARIANT', {
      message:
        'The clusters are compressed by a method that is not known; convert the image with deflate or zstd.',
      expected: '0 (deflate) or 1 (zstd)',
      ...typeWhere,
    });
  } else if (has(INCOMPATIBLE.compressionType) !== (type !== 0)) {
    findings.add('BAD_HEADER', {
      message: 'The compression type and its feature bit contradict each other; convert the image again.',
      ...typeWhere,
    });
  }
  const known = Math.min(112, headerBytes);
  if (known > 105 && !allZero(bytes, 105, known - 105)) {
    findings.add('UNKNOWN_COMPATIBLE_FEATURE', {
      message: 'The header has a field behind the compression type that is not known; it was ignored.',
      offset: '105',
      reference: REFERENCE,
    });
  }
  return {
    extendedL2,
    bitmapsConsistent: (autoclear & 1n) === 1n,
    compression: type === 1 ? 'ZSTD' : 'DEFLATE',
  };
}

function noteCompatible(bits: bigint, offset: number, field: string, findings: Findings): void {
  if (bits === 0n) return;
  findings.add('UNKNOWN_COMPATIBLE_FEATURE', {
    message: 'The image uses a compatible feature that is not known; the format allows to ignore it.',
    offset: String(offset),
    field,
    found: `0x${bits.toString(16)}`,
    reference: REFERENCE,
  });
}

interface TableContext {
  readonly fileSize: number;
  readonly clusterBytes: number;
  readonly size: number;
  readonly findings: Findings;
}

/** Checks that a table is aligned, behind the header's cluster and wholly in the file; notes what is not. */
function placeTable(
  context: TableContext,
  table: { offset: bigint; bytes: number; entries: number },
  field: { name: string; at: number; misaligned: 'BAD_HEADER' | 'BAD_TABLE' },
): Table | undefined {
  const { fileSize, clusterBytes, size, findings } = context;
  const where = {
    offset: String(field.at),
    field: field.name,
    found: String(table.offset),
    reference: REFERENCE,
  };
  if (table.offset % BigInt(clusterBytes) !== 0n || table.offset < BigInt(clusterBytes)) {
    findings.add(field.misaligned, {
      message: `The ${field.name} does not begin on a cluster behind the header; convert the image again.`,
      expected: `a multiple of ${clusterBytes}`,
      ...where,
    });
    return undefined;
  }
  const offset = toNumber(table.offset);
  if (!covers(fileSize, offset, table.bytes)) {
    findings.add(pastEnd(offset, size), {
      message: `The file ends before its ${field.name}; the copy is incomplete, upload the whole file.`,
      expected: `at most ${fileSize - table.bytes}`,
      ...where,
    });
    return undefined;
  }
  return { offset, entries: table.entries };
}

function l1Table(bytes: Uint8Array, context: TableContext, needed: number): Table | undefined {
  const entries = u32be(bytes, 36);
  if (entries < needed || entries * 8 > MAX_L1_BYTES) {
    context.findings.add('BAD_HEADER', {
      message: 'The number of L1 entries does not fit the virtual size; convert the image again.',
      offset: '36',
      field: 'l1_size',
      expected: `${needed}..${MAX_L1_BYTES / 8}`,
      found: String(entries),
      reference: REFERENCE,
    });
    return undefined;
  }
  return placeTable(
    context,
    { offset: u64be(bytes, 40), bytes: entries * 8, entries },
    { name: 'L1 table', at: 40, misaligned: 'BAD_HEADER' },
  );
}

function refcountTable(bytes: Uint8Array, context: TableContext): Table | undefined {
  const clusters = u32be(bytes, 56);
  if (clusters === 0 || clusters * context.clusterBytes > MAX_REFCOUNT_TABLE_BYTES) {
    context.findings.add('BAD_TABLE', {
      message: 'The refcount table is missing or too long; convert the image again.',
      offset: '56',
      field: 'refcount_table_clusters',
      expected: `1..${MAX_REFCOUNT_TABLE_BYTES / context.clusterBytes}`,
      found: String(clusters),
      reference: REFERENCE,
    });
    return undefined;
  }
  const length = clusters * context.clusterBytes;
  return placeTable(
    context,
    { offset: u64be(bytes, 48), bytes: length, entries: length / 8 },
    { name: 'refcount table', at: 48, misaligned: 'BAD_TABLE' },
  );
}

function snapshotTable(bytes: Uint8Array, context: TableContext): Table {
  const entries = u32be(bytes, 60);
  const none = { offset: 0, entries: 0 };
  if (entries === 0) return none;
  if (entries > MAX_SNAPSHOTS) {
    context.findings.add('BAD_TABLE', {
      message: 'The number of internal snapshots is out of range; delete them or convert the image again.',
      offset: '60',
      field: 'nb_snapshots',
      expected: `0..${MAX_SNAPSHOTS}`,
      found: String(entries),
      reference: REFERENCE,
    });
    return none;
  }
  const smallest = 40 * entries;
  const table = placeTable(
    context,
    { offset: u64be(bytes, 64), bytes: smallest, entries },
    { name: 'snapshot table', at: 64, misaligned: 'BAD_TABLE' },
  );
  if (table !== undefined) {
    context.findings.add('INTERNAL_SNAPSHOTS', {
      message: `The image holds ${entries} internal snapshot${entries === 1 ? '' : 's'}; they are not part of the disk that is made from it.`,
      offset: '60',
      field: 'nb_snapshots',
      found: String(entries),
      reference: 'qcow2, "Snapshots"',
    });
  }
  return table ?? none;
}

function noteOverlap(l1: Table, refcounts: Table, clusterBytes: number, findings: Findings): void {
  const l1End = l1.offset + Math.ceil((l1.entries * 8) / clusterBytes) * clusterBytes;
  if (l1.offset < refcounts.offset + refcounts.entries * 8 && refcounts.offset < l1End) {
    findings.add('BAD_TABLE', {
      message: 'The L1 table and the refcount table lie over each other; convert the image again.',
      offset: '40',
      field: 'L1 table',
      reference: REFERENCE,
    });
  }
}
