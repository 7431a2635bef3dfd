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
import { toNumber, u32be, u64be } from '../../readers/bytes.ts';
import type { Findings } from '../../report.ts';
import { checkVirtualSize, wholeSectors } from '../container.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { PLAIN, REFERENCE, readFeatures, V3_HEADER_BYTES } from './features.ts';
import { l1Table, noteOverlap, refcountTable, snapshotTable, type Table } from './tables.ts';

const V2_HEADER_BYTES = 72;
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
