import type { RangeReader } from './range-reader.ts';

/** The part of a browser's Blob or File that a reader needs. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Reads a Blob by ranges, such as a file that was chosen on a page: only what is asked for is brought into memory. */
export function blobReader(blob: BlobLike): RangeReader {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
