/**
 * Grain directory, grain tables and grains (VMware, "Virtual Disk Format 5.0", "Grain Directory", "Grain Table",
 * "Stream-Optimized Compressed Sparse Extents"). The directory is a u32 sector for each table, a table 512 u32
 * sectors of grains; 0 is not stored, 1 is zero when the header says so. A compressed grain of a stream is u64 LBA,
 * u32 size, a zlib stream (RFC 1950), padded to a sector.
 */
import { covers, u32le, u64le } from '../../readers/bytes.ts';
import { inflate } from '../../readers/decompress.ts';
import type { ClusterRun, Mapping, Place } from '../../readers/mapped-reader.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import type { Findings } from '../../report.ts';
import { pastEnd, Refused } from '../container.ts';
import type { Problem } from '../scan.ts';
import { stretchOf } from '../stretch.ts';
import { SECTOR_BYTES } from './header.ts';

export const TABLE_ENTRIES = 512;
export const TABLE_BYTES = TABLE_ENTRIES * 4;
export const TABLES_REFERENCE = 'VMDK 5.0, "Grain Table"';
export const MARKER_REFERENCE = 'VMDK 5.0, "Stream-Optimized Compressed Sparse Extents"';
export const GRAIN_MARKER_BYTES = 12;

/** A sparse extent whose header may be followed. */
export interface Extent {
  /** Bytes that the guest sees. */
  readonly size: number;
  readonly fileSize: number;
  readonly grainBytes: number;
  /** Where the directory is, in bytes. */
  readonly directory: number;
  readonly redundantDirectory: number | undefined;
  readonly tables: number;
  readonly compressed: boolean;
  readonly markers: boolean;
  readonly zeroedGrains: boolean;
  /** Bytes at the start that no grain may claim: header, descriptor. */
  readonly headBytes: number;
  /** What the header announces as not being grains, in bytes. */
  readonly overheadBytes: number;
  /** The directory was found through a footer, behind which nothing may follow. */
  readonly footer: boolean;
}

/** The grain directory in the file. */
export function directoryRange({ directory, tables }: Extent): ByteRange {
  return { offset: directory, length: tables * 4 };
}

/** The place of a grain table by its directory entry; 0 when there is none. */
export function tablePlace(extent: Extent, sector: number): number | { readonly problem: Problem } {
  if (sector === 0) return 0;
  const offset = sector * SECTOR_BYTES;
  if (offset < extent.headBytes) return inHeader('A directory entry names a grain table');
  if (!covers(extent.fileSize, offset, TABLE_BYTES)) {
    return {
      problem: {
        code: pastEnd(offset, extent.size),
        message: 'The file ends before a grain table that the directory names; upload the whole file.',
      },
    };
  }
  return offset;
}

/** The place of grain number `grain` by its table entry. */
export function grainPlace(
  extent: Extent,
  grain: number,
  sector: number,
): Place | { readonly problem: Problem } {
  if (sector === 0 || (sector === 1 && extent.zeroedGrains)) return { kind: 'zero' };
  const offset = sector * SECTOR_BYTES;
  if (offset < extent.headBytes) return inHeader('A table entry names a grain');
  const visible = Math.min(extent.grainBytes, extent.size - grain * extent.grainBytes);
  const least = extent.compressed ? GRAIN_MARKER_BYTES + 1 : visible;
  if (!covers(extent.fileSize, offset, least)) {
    return {
      problem: {
        code: pastEnd(offset, extent.size),
        message: 'The file ends before a grain that a table names; upload the whole file.',
      },
    };
  }
  if (!extent.compressed) return { kind: 'stored', offset };
  // Grains rarely grow when they are compressed: the marker and what follows it come in one read.
  const length = Math.min(extent.grainBytes + SECTOR_BYTES, extent.fileSize - offset);
  return { kind: 'packed', offset, length };
}

function inHeader(what: string): { readonly problem: Problem } {
  return {
    problem: {
      code: 'BAD_TABLE',
      message: `${what} inside the header of the file; convert the image again.`,
    },
  };
}

/** The guest's grains of a sparse extent. */
export class SparseMapping implements Mapping {
  readonly size: number;
  readonly clusterBytes: number;
  readonly #file: RangeReader;
  readonly #extent: Extent;
  readonly #findings: Findings;

  constructor(file: RangeReader, extent: Extent, findings: Findings) {
    this.#file = file;
    this.#extent = extent;
    this.#findings = findings;
    this.size = extent.size;
    this.clusterBytes = extent.grainBytes;
  }

  async prepare(runs: readonly ClusterRun[]): Promise<void> {
    const { fileSize } = this.#extent;
    const directory = directoryRange(this.#extent);
    const parts = runs.flatMap((run) => tablesOf(run));
    await this.#file.prefetch?.(parts.map(({ index }) => stretchOf(directory, index * 4, 4)));
    const places = await Promise.all(parts.map(({ index }) => this.#table(index)));
    await this.#file.prefetch?.(
      places
        .filter((offset) => offset !== 0)
        .map((offset) => ({ offset, length: Math.min(TABLE_BYTES, fileSize - offset) })),
    );
  }

  async locate(first: number, count: number): Promise<readonly Place[]> {
    await this.prepare([{ first, count }]);
    const places: Place[] = [];
    for (const part of tablesOf({ first, count })) {
      const table = await this.#table(part.index);
      const from = table + part.first * 4;
      const bytes = table === 0 ? undefined : await this.#file.read(from, part.count * 4);
      for (let i = 0; i < part.count; i++) {
        const grain = part.index * TABLE_ENTRIES + part.first + i;
        const place = grainPlace(this.#extent, grain, bytes === undefined ? 0 : u32le(bytes, i * 4));
        if ('problem' in place) this.#refuse(place.problem, from + i * 4, 'grain table entry');
        places.push(place);
      }
    }
    return places;
  }

  async unpack(grain: number, place: Place & { kind: 'packed' }, packed: Uint8Array): Promise<Uint8Array> {
    const { grainBytes, size, markers } = this.#extent;
    const data = markers ? await this.#marked(grain, place, packed) : packed;
    const out = inflate(data, grainBytes, 'zlib');
    if (packed.length < place.length && out !== undefined) return out.bytes;
    const visible = Math.min(grainBytes, size - grain * grainBytes);
    if (out === undefined || out.bytes.length < visible || !out.ended) {
      return this.#refuse(
        { code: 'BAD_TABLE', message: 'A compressed grain cannot be decompressed; export the image again.' },
        place.offset,
        'grain',
      );
    }
    if (out.bytes.length === grainBytes) return out.bytes;
    const bytes = new Uint8Array(grainBytes);
    bytes.set(out.bytes);
    return bytes;
  }

  /** The data behind a grain's marker, which must say that it is this grain. */
  async #marked(grain: number, place: Place & { kind: 'packed' }, packed: Uint8Array): Promise<Uint8Array> {
    const problem = markerProblem(this.#extent, grain, place.offset, packed);
    if (problem !== undefined) this.#refuse(problem, place.offset, 'grain marker');
    const length = u32le(packed, 8);
    if (packed.length < place.length || covers(packed.length, GRAIN_MARKER_BYTES, length)) {
      return packed.subarray(GRAIN_MARKER_BYTES, GRAIN_MARKER_BYTES + length);
    }
    return this.#file.read(place.offset + GRAIN_MARKER_BYTES, length);
  }

  async #table(index: number): Promise<number> {
    const at = this.#extent.directory + index * 4;
    const place = tablePlace(this.#extent, u32le(await this.#file.read(at, 4), 0));
    return typeof place === 'number' ? place : this.#refuse(place.problem, at, 'grain directory entry');
  }

  #refuse({ code, message }: Problem, offset: number, field: string): never {
    this.#findings.add(code, { message, offset: String(offset), field, reference: TABLES_REFERENCE });
    throw new Refused(message);
  }
}

/** What is wrong with the marker in front of a compressed grain; `bytes` begins with it. */
export function markerProblem(
  extent: Extent,
  grain: number,
  offset: number,
  bytes: Uint8Array,
): Problem | undefined {
  const lba = u64le(bytes, 0);
  const length = u32le(bytes, 8);
  if (lba !== BigInt(grain) * BigInt(extent.grainBytes / SECTOR_BYTES)) {
    return {
      code: 'BAD_TABLE',
      message: 'A table entry names the data of another grain; export the image again.',
    };
  }
  if (length === 0 || length > 2 * extent.grainBytes) {
    return {
      code: 'BAD_TABLE',
      message: 'The length of a compressed grain is out of range; export the image again.',
    };
  }
  if (!covers(extent.fileSize, offset + GRAIN_MARKER_BYTES, length)) {
    return { code: 'TRUNCATED', message: 'The file ends within a compressed grain; upload the whole file.' };
  }
  return undefined;
}

/** The parts of a run of grains by the grain table that describes them. */
function tablesOf({ first, count }: ClusterRun): { index: number; first: number; count: number }[] {
  const parts = [];
  for (let at = first; at < first + count; ) {
    const index = Math.floor(at / TABLE_ENTRIES);
    const end = Math.min((index + 1) * TABLE_ENTRIES, first + count);
    parts.push({ index, first: at - index * TABLE_ENTRIES, count: end - at });
    at = end;
  }
  return parts;
}
