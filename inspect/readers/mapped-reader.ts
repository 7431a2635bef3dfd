import type { ByteRange, RangeReader } from './range-reader.ts';

/** Where the bytes of one guest cluster are. */
export type Place =
  | { readonly kind: 'zero' }
  /** As they are, from `offset` of the file. What lies past the end of the file reads as zero. */
  | { readonly kind: 'stored'; readonly offset: number }
  /** As they are, but only the 32nd parts whose bit is set in `parts`; the others read as zero. */
  | { readonly kind: 'parts'; readonly offset: number; readonly parts: number }
  /** Compressed: `length` bytes from `offset`, made into a whole cluster by `unpack`. */
  | { readonly kind: 'packed'; readonly offset: number; readonly length: number };

/** The tables of a container: from guest clusters to places in its file. */
export interface Mapping {
  /** Bytes that the guest sees. */
  readonly size: number;
  readonly clusterBytes: number;
  /** Brings the tables for these guest clusters near, as few reads as can be. */
  prepare(clusters: readonly ClusterRun[]): Promise<void>;
  /** Places of `count` guest clusters from `first`. */
  locate(first: number, count: number): Promise<readonly Place[]>;
  /**
   * The bytes of a packed cluster. `packed` begins what its place names and may be only a part of it: then as much
   * comes out as it holds. Rejects with Refused when the whole does not make a cluster.
   */
  unpack(cluster: number, place: Place & { kind: 'packed' }, packed: Uint8Array): Promise<Uint8Array>;
}

export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

const PARTS = 32;
/** As much of a packed cluster is fetched at first; all of it when clusters have the usual size. */
const FIRST_PACKED_BYTES = 160 * 1024;
/** Unpacked clusters that are kept: neighbours of a structure are usually asked for next. */
const UNPACKED_BYTES = 4 * 1024 * 1024;

/** A stretch of guest bytes and where it comes from; `into` is its place in the answer. */
interface Piece {
  readonly into: number;
  readonly length: number;
  readonly from: ByteRange;
  readonly packed?: Packed;
}

interface Packed {
  readonly cluster: number;
  readonly place: Place & { kind: 'packed' };
}

/** The guest's bytes of a mapped container as one range reader. */
export class MappedReader implements RangeReader {
  readonly #file: RangeReader;
  readonly #mapping: Mapping;
  readonly #unpacked = new Map<number, Uint8Array>();

  constructor(file: RangeReader, mapping: Mapping) {
    this.#file = file;
    this.#mapping = mapping;
  }

  get size(): number {
    return this.#mapping.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (!(offset >= 0 && length >= 0 && offset <= this.size && length <= this.size - offset)) {
      throw new RangeError(`${length} bytes at ${offset} are outside a disk of ${this.size} bytes`);
    }
    const bytes = new Uint8Array(length);
    const pieces = await this.#pieces({ offset, length });
    await this.#file.prefetch?.(pieces.map((piece) => piece.from));
    for (const piece of pieces) {
      const { packed } = piece;
      const part =
        packed === undefined
          ? await this.#file.read(piece.from.offset, piece.from.length)
          : await this.#unpack(packed, (offset + piece.into) % this.#mapping.clusterBytes, piece.length);
      bytes.set(part.subarray(0, piece.length), piece.into);
    }
    return bytes;
  }

  async prefetch(ranges: readonly ByteRange[]): Promise<void> {
    const asked = ranges.filter((range) => range.length > 0);
    await this.#mapping.prepare(asked.map((range) => this.#run(range)));
    const pieces = await Promise.all(asked.map((range) => this.#pieces(range)));
    await this.#file.prefetch?.(pieces.flat().map((piece) => piece.from));
  }

  #run({ offset, length }: ByteRange): ClusterRun {
    const first = Math.floor(offset / this.#mapping.clusterBytes);
    const last = Math.floor((offset + length - 1) / this.#mapping.clusterBytes);
    return { first, count: last - first + 1 };
  }

  /** What of the file a guest range needs; stretches that read as zero are left out. */
  async #pieces(range: ByteRange): Promise<Piece[]> {
    if (range.length === 0) return [];
    const { clusterBytes } = this.#mapping;
    const { first, count } = this.#run(range);
    const places = await this.#mapping.locate(first, count);
    const pieces: Piece[] = [];
    for (const [i, place] of places.entries()) {
      const start = Math.max(range.offset, (first + i) * clusterBytes);
      const end = Math.min(range.offset + range.length, (first + i + 1) * clusterBytes);
      const within = start - (first + i) * clusterBytes;
      const into = start - range.offset;
      if (place.kind === 'stored') {
        this.#addStored(pieces, into, place.offset + within, end - start);
      } else if (place.kind === 'parts') {
        const partBytes = clusterBytes / PARTS;
        for (let at = within; at < within + end - start; ) {
          const part = Math.floor(at / partBytes);
          const stop = Math.min((part + 1) * partBytes, within + end - start);
          if ((place.parts >>> part) & 1) {
            this.#addStored(pieces, into + at - within, place.offset + at, stop - at);
          }
          at = stop;
        }
      } else if (place.kind === 'packed') {
        const from = { offset: place.offset, length: Math.min(place.length, FIRST_PACKED_BYTES) };
        pieces.push({ into, length: end - start, from, packed: { cluster: first + i, place } });
      }
    }
    return pieces;
  }

  #addStored(pieces: Piece[], into: number, offset: number, length: number): void {
    const there = Math.min(length, this.#file.size - offset);
    if (there > 0) pieces.push({ into, length: there, from: { offset, length: there } });
  }

  /** `length` bytes of a packed cluster from `within`. Large clusters are fetched only as far as that takes. */
  async #unpack({ cluster, place }: Packed, within: number, length: number): Promise<Uint8Array> {
    let bytes = this.#unpacked.get(cluster);
    let fetched = Math.min(place.length, FIRST_PACKED_BYTES);
    while (bytes === undefined || bytes.length < within + length) {
      bytes = await this.#mapping.unpack(cluster, place, await this.#file.read(place.offset, fetched));
      if (fetched === place.length) break;
      fetched = Math.min(place.length, fetched * 2);
    }
    const room = Math.max(1, Math.floor(UNPACKED_BYTES / this.#mapping.clusterBytes));
    this.#unpacked.delete(cluster);
    for (const oldest of this.#unpacked.keys()) {
      if (this.#unpacked.size < room) break;
      this.#unpacked.delete(oldest);
    }
    this.#unpacked.set(cluster, bytes);
    return bytes.subarray(within);
  }
}

/** A stretch of another reader as a reader of its own: the disk inside a fixed VHD, a partition. */
export function section(reader: RangeReader, start: number, size: number): RangeReader {
  return {
    size,
    read: async (offset, length) => {
      if (!(offset >= 0 && length >= 0 && offset <= size && length <= size - offset)) {
        throw new RangeError(`${length} bytes at ${offset} are outside a section of ${size} bytes`);
      }
      return reader.read(start + offset, length);
    },
    prefetch: async (ranges) =>
      reader.prefetch?.(ranges.map(({ offset, length }) => ({ offset: start + offset, length }))),
  };
}
