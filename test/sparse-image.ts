import { gunzipSync, gzipSync } from 'node:zlib';
import type { RangeReader } from '../inspect/readers/range-reader.ts';

/** Bytes at a place; everything between the segments of an image is zero. */
export interface Segment {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A file of which only what is not zero takes memory. Where segments overlap, the later one counts. */
export class SparseImage {
  #segments: Segment[];
  #size: number;

  constructor(segments: readonly Segment[], size: number) {
    this.#segments = [...segments];
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** An image of its own over the same bytes; none are copied. */
  copy(): SparseImage {
    return new SparseImage(this.#segments, this.#size);
  }

  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#size)) {
      throw new Error(`read of ${length} bytes at ${offset} outside ${this.#size} bytes`);
    }
    const bytes = new Uint8Array(length);
    for (const segment of this.#segments) {
      const start = Math.max(offset, segment.offset);
      const end = Math.min(offset + length, segment.offset + segment.data.length);
      if (start < end) {
        bytes.set(segment.data.subarray(start - segment.offset, end - segment.offset), start - offset);
      }
    }
    return bytes;
  }

  /** Puts bytes over what is there; what would pass the end is left out. */
  write(offset: number, bytes: Uint8Array): this {
    const data = bytes.slice(0, Math.max(0, this.#size - offset));
    if (data.length > 0) this.#segments.push({ offset, data });
    return this;
  }

  /** Cuts the file, or lengthens it by zeros. */
  resize(size: number): this {
    this.#segments = this.#segments.flatMap(({ offset, data }) =>
      offset < size ? [{ offset, data: data.subarray(0, size - offset) }] : [],
    );
    this.#size = size;
    return this;
  }

  reader(): RangeReader {
    return { size: this.#size, read: async (offset, length) => this.read(offset, length) };
  }

  /** The image in segments that do not overlap, in order. */
  segments(): Segment[] {
    const spans: [number, number][] = [];
    for (const { offset, data } of [...this.#segments].sort((a, b) => a.offset - b.offset)) {
      const last = spans.at(-1);
      if (last !== undefined && offset <= last[1]) last[1] = Math.max(last[1], offset + data.length);
      else spans.push([offset, offset + data.length]);
    }
    return spans.map(([start, end]) => ({ offset: start, data: this.read(start, end - start) }));
  }
}

/** An image as JSON: `size`, and `segments` of `offset` and `base64` or `gz-base64`. */
interface Recipe {
  readonly size: number | string;
  readonly segments: readonly {
    readonly offset: number | string;
    readonly base64?: string;
    readonly 'gz-base64'?: string;
  }[];
}

export function parseRecipe(text: string): SparseImage {
  const { size, segments }: Recipe = JSON.parse(text);
  const bytes = (base64: string) => Buffer.from(base64, 'base64');
  return new SparseImage(
    segments.map(({ offset, base64 = '', 'gz-base64': packed }) => ({
      offset: Number(offset),
      data: packed === undefined ? bytes(base64) : gunzipSync(bytes(packed)),
    })),
    Number(size),
  );
}

/** What `parseRecipe` makes the image of again, ready for `JSON.stringify`. */
export function recipeOf(image: SparseImage): Recipe {
  const segments = image.segments().map(({ offset, data }) => ({
    offset,
    'gz-base64': gzipSync(data).toString('base64'),
  }));
  return { size: image.size, segments };
}
