/**
 * The header of a VMDK sparse extent (VMware, "Virtual Disk Format 5.0", "Hosted Sparse Extent Header"): 512 bytes,
 * integers little-endian and not aligned, places and lengths in sectors of 512 bytes.
 *
 *   0  4    "KDMV"                   44  u32  entries of a grain table
 *   4  u32  version                  48  u64  redundant grain directory
 *   8  u32  flags                    56  u64  grain directory, all ones: the footer has it
 *  12  u64  capacity                 64  u64  overhead
 *  20  u64  grain size               72  u8   unclean shutdown
 *  28  u64  descriptor               73  4    0A 20 0D 0A
 *  36  u64  descriptor size          77  u16  compression
 *                                    79  433  zero
 */
import { allZero, hasAscii, hasBytes, toNumber, u8, u16le, u32le, u64le } from '../../readers/bytes.ts';
import type { Findings } from '../../report.ts';

export const HEADER_BYTES = 512;
export const SECTOR_BYTES = 512;
export const HEADER_REFERENCE = 'VMDK 5.0, "Hosted Sparse Extent Header"';
const GD_AT_END = 0xffffffffffffffffn;
const ENTRIES_PER_TABLE = 512;
const MAX_GRAIN_SECTORS = 2048;
const MAX_DESCRIPTOR_SECTORS = 2048;

const FLAG = { newline: 1, redundant: 2, zeroedGrain: 4, compressed: 1 << 16, markers: 1 << 17 } as const;
/** Flags from bit 16 on must be understood by whoever reads the file. */
const INCOMPATIBLE_KNOWN = FLAG.compressed | FLAG.markers;

export interface SparseHeader {
  readonly version: number;
  readonly flags: number;
  /** Sectors. */
  readonly capacity: bigint;
  readonly grainSectors: bigint;
  readonly descriptorSector: bigint;
  readonly descriptorSectors: bigint;
  readonly tableEntries: number;
  readonly redundantDirectory: bigint;
  readonly directory: bigint;
  readonly overhead: bigint;
  readonly compressed: boolean;
  readonly markers: boolean;
  readonly zeroedGrains: boolean;
  readonly redundant: boolean;
  readonly directoryAtEnd: boolean;
}

export function isSparseHeader(bytes: Uint8Array, at = 0): boolean {
  return hasAscii(bytes, at, 'KDMV');
}

export function parseSparseHeader(bytes: Uint8Array, at = 0): SparseHeader {
  const flags = u32le(bytes, at + 8);
  return {
    version: u32le(bytes, at + 4),
    flags,
    capacity: u64le(bytes, at + 12),
    grainSectors: u64le(bytes, at + 20),
    descriptorSector: u64le(bytes, at + 28),
    descriptorSectors: u64le(bytes, at + 36),
    tableEntries: u32le(bytes, at + 44),
    redundantDirectory: u64le(bytes, at + 48),
    directory: u64le(bytes, at + 56),
    overhead: u64le(bytes, at + 64),
    compressed: u16le(bytes, at + 77) === 1,
    markers: (flags & FLAG.markers) !== 0,
    zeroedGrains: (flags & FLAG.zeroedGrain) !== 0,
    redundant: (flags & FLAG.redundant) !== 0,
    directoryAtEnd: u64le(bytes, at + 56) === GD_AT_END,
  };
}

/** Notes what is wrong in the fields of the header that stands at the start of the file. */
export function checkSparseHeader(
  bytes: Uint8Array,
  header: SparseHeader,
  fileSize: number,
  findings: Findings,
): void {
  const bad = (offset: number, field: string, message: string, expected?: string, found?: unknown) =>
    findings.add('BAD_HEADER', {
      message,
      offset: String(offset),
      field,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found: String(found) }),
      reference: HEADER_REFERENCE,
    });
  const unknown = (header.flags & ~0xffff & ~INCOMPATIBLE_KNOWN) >>> 0;
  if (unknown !== 0) {
    findings.add('UNKNOWN_FEATURE', {
      message: 'The header demands a feature that is not known; convert the image again.',
      offset: '8',
      field: 'flags',
      found: `0x${unknown.toString(16)}`,
      reference: HEADER_REFERENCE,
    });
  }
  if ((header.flags & FLAG.newline) !== 0 && !hasBytes(bytes, 73, [0x0a, 0x20, 0x0d, 0x0a])) {
    bad(
      73,
      'newline test',
      'The line ends in the header were changed: the file was damaged by a transfer in text mode, transfer it again as binary.',
    );
  }
  const grain = header.grainSectors;
  if (grain < 1n || grain > BigInt(MAX_GRAIN_SECTORS) || (grain & (grain - 1n)) !== 0n) {
    bad(
      20,
      'grain size',
      'The grain size is out of range; convert the image again.',
      `a power of two from 1 to ${MAX_GRAIN_SECTORS}`,
      grain,
    );
  }
  if (header.descriptorSector === 0n) {
    findings.add('UNSUPPORTED_VARIANT', {
      message: 'The file is one extent of a split disk; upload the disk as one file (qemu-img convert).',
      offset: '28',
      field: 'descriptor offset',
      expected: '1',
      found: '0',
      reference: HEADER_REFERENCE,
    });
  } else if (header.descriptorSector !== 1n) {
    bad(
      28,
      'descriptor offset',
      'The descriptor is not behind the header, where programs look for it; convert the image again.',
      '1',
      header.descriptorSector,
    );
  }
  const descriptorSectors = toNumber(header.descriptorSectors);
  if (
    header.descriptorSector !== 0n &&
    (descriptorSectors < 1 || descriptorSectors > MAX_DESCRIPTOR_SECTORS)
  ) {
    bad(
      36,
      'descriptor size',
      'The size of the descriptor is out of range; convert the image again.',
      `1..${MAX_DESCRIPTOR_SECTORS}`,
      header.descriptorSectors,
    );
  }
  if (header.tableEntries !== ENTRIES_PER_TABLE) {
    bad(
      44,
      'entries of a grain table',
      'The number of entries of a grain table is out of range; convert the image again.',
      String(ENTRIES_PER_TABLE),
      header.tableEntries,
    );
  }
  const overhead = toNumber(header.overhead) * SECTOR_BYTES;
  if (overhead > fileSize) {
    findings.add('TRUNCATED', {
      message: 'The file ends before the tables that its header announces; upload the whole file.',
      offset: '64',
      field: 'overhead',
      expected: `at most ${Math.floor(fileSize / SECTOR_BYTES)}`,
      found: String(header.overhead),
      reference: HEADER_REFERENCE,
    });
  }
  const compression = u16le(bytes, 77);
  if (compression > 1) {
    findings.add('UNSUPPORTED_VARIANT', {
      message: 'The grains are compressed by a method that is not known; convert the image again.',
      offset: '77',
      field: 'compression',
      expected: '0 or 1',
      found: String(compression),
      reference: HEADER_REFERENCE,
    });
  } else if (((header.flags & FLAG.compressed) !== 0) !== header.compressed) {
    bad(
      77,
      'compression',
      'The compression and its flag contradict each other; convert the image again.',
      undefined,
      compression,
    );
  }
  if (header.markers && (header.flags & FLAG.compressed) === 0) {
    bad(8, 'flags', 'The header announces markers without compression; convert the image again.');
  }
  const unclean = u8(bytes, 72);
  if (unclean > 1)
    bad(
      72,
      'unclean shutdown',
      'The mark of an unclean shutdown is out of range; convert the image again.',
      '0 or 1',
      unclean,
    );
  if (unclean === 1) {
    findings.add('CREATOR_QUIRK', {
      message: 'The disk was not closed properly; its last writes may be missing.',
      offset: '72',
      field: 'unclean shutdown',
      reference: HEADER_REFERENCE,
    });
  }
  if (!allZero(bytes, 79, HEADER_BYTES - 79)) {
    bad(
      79,
      'padding',
      'The rest of the header is not zero, so something else stands in it; convert the image again.',
    );
  }
}

/** Fields in which a footer's header must agree with the one at the start. */
export const AGREEING = [
  'version',
  'flags',
  'capacity',
  'grainSectors',
  'descriptorSector',
  'descriptorSectors',
  'tableEntries',
] as const satisfies readonly (keyof SparseHeader)[];
