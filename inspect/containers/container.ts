import type { Limits } from '../limits.ts';
import type { ByteRange, RangeReader } from '../readers/range-reader.ts';
import type { Findings, Format, Scan } from '../report.ts';

/** What a container's reader begins with: the first and the last bytes of the file, and the file itself. */
export interface Opening {
  readonly file: RangeReader;
  /** The first 73 728 bytes, or the whole file when it is shorter. */
  readonly head: Uint8Array;
  /** The last 65 536 bytes, or the whole file when it is shorter. */
  readonly tail: Uint8Array;
  readonly findings: Findings;
  readonly limits: Limits;
}

/** What a container's header says; `guest` and `scan` are absent when the header already refuses. */
export interface Container {
  readonly format: Format;
  readonly variant?: string;
  /** Bytes that the guest sees. */
  readonly virtualSize?: bigint;
  readonly clusterSize?: number;
  /** Named as the report names them; the scan adds what only the tables show. */
  readonly features: Set<string>;
  /** Of the file, fetched together before the rest: the mapping tables' beginnings, on the verdict's allowance. */
  readonly firstRanges?: readonly ByteRange[];
  /** The guest's disk, read through a reader of the file: one for each allowance. */
  readonly guest?: (file: RangeReader) => RangeReader;
  /** Reads every mapping table through `reader` and notes what is wrong in them. */
  readonly scan?: (reader: RangeReader) => Promise<Scan>;
}

/**
 * Thrown after a finding that refuses, where reading on would mean reading nonsense. Nobody has to handle it but
 * the inspection itself, which answers with the findings it has.
 */
export class Refused extends Error {
  override readonly name = 'Refused';
}

const SECTOR_BYTES = 512;

/** Bytes of the virtual size that a guest can address: whole sectors. */
export function wholeSectors(bytes: number): number {
  return bytes - (bytes % SECTOR_BYTES);
}

/**
 * Which code an address past the end of the file deserves: a complete file of this disk could have reached there
 * (the disk, a sixteenth of it and 64 MiB for tables), or no file of this disk could.
 */
export function pastEnd(offset: number, virtualSize: number): 'TRUNCATED' | 'BAD_TABLE' {
  return offset < virtualSize + virtualSize / 16 + 64 * 1024 * 1024 ? 'TRUNCATED' : 'BAD_TABLE';
}

/** Notes what the size of the guest's disk deserves; false when no disk of that size is taken. */
export function checkVirtualSize(
  findings: Findings,
  limits: Limits,
  size: bigint,
  place: { field: string; offset: number; reference: string },
): boolean {
  const where = {
    field: place.field,
    offset: String(place.offset),
    found: String(size),
    reference: place.reference,
  };
  if (size < BigInt(SECTOR_BYTES)) {
    findings.add('TOO_LARGE', {
      message: `The virtual size of ${size} bytes leaves no sector for a guest; make the image again from a disk that has a size.`,
      expected: 'at least 512',
      ...where,
    });
    return false;
  }
  const limit = BigInt(Math.min(limits.maxVirtualSizeBytes, Number.MAX_SAFE_INTEGER));
  if (size > limit) {
    findings.add('TOO_LARGE', {
      message: `The virtual size of ${size} bytes is above the limit of ${limit}; shrink the disk before you upload it.`,
      expected: `at most ${limit}`,
      ...where,
    });
    return false;
  }
  if (size % BigInt(SECTOR_BYTES) !== 0n) {
    findings.add('UNALIGNED_SIZE', {
      message:
        'The virtual size is not a multiple of 512 bytes; a guest does not see the bytes of the last partial sector.',
      ...where,
    });
  }
  return true;
}
