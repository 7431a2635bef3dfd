/**
 * The header and the block allocation table of a dynamic VHD (Microsoft, "Virtual Hard Disk Image Format
 * Specification", version 1.0, "Dynamic Disk Header Format"): 1 024 bytes, integers big-endian.
 *
 *   0  8    "cxsparse"             36  u32  checksum
 *   8  u64  next, all ones         40  16   parent id
 *  16  u64  BAT offset             56  u32  parent time
 *  24  u32  version 00010000       64  512  parent name, UTF-16
 *  28  u32  BAT entries           576  8 × 24  parent locators, each beginning with its platform
 *  32  u32  block size
 *
 * The BAT is a u32 sector for each block, all ones for none. A block is a bitmap of its sectors, padded to a sector,
 * and the data; readers of dynamic disks ignore the bitmap.
 */
import { allZero, covers, hasAscii, toNumber, u32be, u64be } from '../../readers/bytes.ts';
import type { ClusterRun, Mapping, Place } from '../../readers/mapped-reader.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import type { Findings } from '../../report.ts';
import { type Opening, pastEnd, Refused } from '../container.ts';
import type { Problem } from '../scan.ts';
import { stretchOf } from '../stretch.ts';
import { checksum, FOOTER_BYTES } from './footer.ts';

export const HEADER_BYTES = 1024;
const DYNAMIC_REFERENCE = 'VHD 1.0, "Dynamic Disk Header Format"';
export const BAT_REFERENCE = 'VHD 1.0, "Block Allocation Table"';
export const SECTOR_BYTES = 512;
const VERSION_1 = 0x00010000;
export const NO_BLOCK = 0xffffffff;
const MIN_BLOCK_BYTES = 4096;
const MAX_BLOCK_BYTES = 256 * 1024 * 1024;
/** More than any disk of the format needs with its block size, whatever the header says. */
const MAX_TABLE_REACH = 2 ** 41;

export interface Dynamic {
  /** Bytes that the guest sees. */
  readonly size: number;
  readonly blockBytes: number;
  readonly bitmapBytes: number;
  readonly tableOffset: number;
  readonly tableEntries: number;
  /** Entries that describe the disk; those behind them describe nothing. */
  readonly neededEntries: number;
  /** Where blocks end: the footer stands behind them. */
  readonly dataEnd: number;
}

/**
 * Judges the dynamic header, which the caller found whole at `at`.
 * @returns the table's place, or undefined when a finding refuses.
 */
export function parseDynamic(
  bytes: Uint8Array,
  at: number,
  size: number,
  { file, findings }: Opening,
): Dynamic | undefined {
  const refuse = (
    code: 'BAD_HEADER' | 'BACKING_FILE',
    field: string,
    offset: number,
    message: string,
    expected?: string,
  ) => {
    findings.add(code, {
      message,
      offset: String(at + offset),
      field,
      ...(expected === undefined ? {} : { expected, found: String(u32be(bytes, offset)) }),
      reference: DYNAMIC_REFERENCE,
    });
  };
  if (!hasAscii(bytes, 0, 'cxsparse')) {
    refuse(
      'BAD_HEADER',
      'cookie',
      0,
      'There is no dynamic disk header where the footer says; convert the image again.',
    );
    return undefined;
  }
  if (u32be(bytes, 36) !== checksum(bytes.subarray(0, HEADER_BYTES), 36)) {
    findings.add('BAD_CHECKSUM', {
      message: 'The checksum of the dynamic disk header is wrong; upload the file again from a good copy.',
      offset: String(at + 36),
      field: 'checksum',
      reference: DYNAMIC_REFERENCE,
    });
  }
  if (u32be(bytes, 24) !== VERSION_1) {
    refuse(
      'BAD_HEADER',
      'header version',
      24,
      'The version of the dynamic disk header is not 1.0; convert the image again.',
      String(VERSION_1),
    );
  }
  noteParent(bytes, refuse);
  const entries = u32be(bytes, 28);
  const blockBytes = u32be(bytes, 32);
  const power = blockBytes !== 0 && (blockBytes & (blockBytes - 1)) === 0;
  if (!power || blockBytes < MIN_BLOCK_BYTES || blockBytes > MAX_BLOCK_BYTES) {
    refuse(
      'BAD_HEADER',
      'block size',
      32,
      'The block size is out of range; convert the image again.',
      `a power of two from ${MIN_BLOCK_BYTES} to ${MAX_BLOCK_BYTES}`,
    );
    return undefined;
  }
  const neededEntries = Math.ceil(size / blockBytes);
  const mostEntries = MAX_TABLE_REACH / blockBytes + 1;
  if (entries < neededEntries || entries > mostEntries) {
    refuse(
      'BAD_HEADER',
      'maximum table entries',
      28,
      'The number of blocks does not fit the size of the disk; convert the image again.',
      `${neededEntries}..${mostEntries}`,
    );
    return undefined;
  }
  const tablePlace = u64be(bytes, 16);
  const tableOffset = toNumber(tablePlace);
  if (tablePlace % BigInt(SECTOR_BYTES) !== 0n || tableOffset < SECTOR_BYTES) {
    refuse(
      'BAD_HEADER',
      'table offset',
      16,
      'The block allocation table does not begin on a sector behind the footer copy; convert the image again.',
    );
    return undefined;
  }
  if (!covers(file.size - FOOTER_BYTES, tableOffset, entries * 4)) {
    findings.add(pastEnd(tableOffset, size), {
      message: 'The file ends before its block allocation table; upload the whole file.',
      offset: String(at + 16),
      field: 'table offset',
      found: String(tablePlace),
      reference: DYNAMIC_REFERENCE,
    });
    return undefined;
  }
  if (tableOffset < at + HEADER_BYTES && at < tableOffset + entries * 4) {
    refuse(
      'BAD_HEADER',
      'table offset',
      16,
      'The block allocation table lies over the dynamic disk header; convert the image again.',
    );
  }
  if (findings.refused) return undefined;
  const bitmapBytes = Math.ceil(blockBytes / SECTOR_BYTES / 8 / SECTOR_BYTES) * SECTOR_BYTES;
  return {
    size,
    blockBytes,
    bitmapBytes,
    tableOffset,
    tableEntries: entries,
    neededEntries,
    dataEnd: file.size - FOOTER_BYTES,
  };
}

function noteParent(
  bytes: Uint8Array,
  refuse: (code: 'BACKING_FILE', field: string, offset: number, message: string) => void,
): void {
  const message =
    'The header names a parent disk, so this file is only a part of one; merge it with its parent and upload the result.';
  if (!allZero(bytes, 40, 16)) refuse('BACKING_FILE', 'parent unique ID', 40, message);
  if (!allZero(bytes, 64, 512)) refuse('BACKING_FILE', 'parent name', 64, message);
  for (let at = 576; at < 768; at += 24) {
    if (!allZero(bytes, at, 4)) refuse('BACKING_FILE', 'parent locator', at, message);
  }
}

/** The block allocation table in the file. */
export function tableRange({ tableOffset, tableEntries }: Dynamic): ByteRange {
  return { offset: tableOffset, length: tableEntries * 4 };
}

/** Where the data of a block are by its BAT entry; `undefined` for none. */
export function blockPlace(
  disk: Dynamic,
  sector: number,
): number | undefined | { readonly problem: Problem } {
  if (sector === NO_BLOCK) return undefined;
  const start = sector * SECTOR_BYTES;
  if (start < disk.tableOffset + disk.tableEntries * 4) {
    return {
      problem: {
        code: 'BAD_TABLE',
        message: 'An entry names a block inside the headers or the table itself; convert the image again.',
      },
    };
  }
  if (!covers(disk.dataEnd, start, disk.bitmapBytes + disk.blockBytes)) {
    return {
      problem: {
        code: pastEnd(start, disk.size),
        message: 'The file ends before a block that the table names; upload the whole file.',
      },
    };
  }
  return start + disk.bitmapBytes;
}

/** The guest's blocks of a dynamic VHD. */
export class DynamicMapping implements Mapping {
  readonly size: number;
  readonly clusterBytes: number;
  readonly #file: RangeReader;
  readonly #disk: Dynamic;
  readonly #findings: Findings;

  constructor(file: RangeReader, disk: Dynamic, findings: Findings) {
    this.#file = file;
    this.#disk = disk;
    this.#findings = findings;
    this.size = disk.size;
    this.clusterBytes = disk.blockBytes;
  }

  async prepare(runs: readonly ClusterRun[]): Promise<void> {
    const table = tableRange(this.#disk);
    await this.#file.prefetch?.(runs.map(({ first, count }) => stretchOf(table, first * 4, count * 4)));
  }

  async locate(first: number, count: number): Promise<readonly Place[]> {
    await this.prepare([{ first, count }]);
    const at = this.#disk.tableOffset + first * 4;
    const table = await this.#file.read(at, count * 4);
    const places: Place[] = [];
    for (let i = 0; i < count; i++) {
      const offset = blockPlace(this.#disk, u32be(table, i * 4));
      if (typeof offset === 'object') {
        const { code, message } = offset.problem;
        const where = { offset: String(at + i * 4), field: 'BAT entry', reference: BAT_REFERENCE };
        this.#findings.add(code, { message, ...where });
        throw new Refused(message);
      }
      places.push(offset === undefined ? { kind: 'zero' } : { kind: 'stored', offset });
    }
    return places;
  }

  async unpack(): Promise<Uint8Array> {
    throw new RangeError('blocks of a VHD are not compressed');
  }
}
