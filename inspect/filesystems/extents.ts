import { covers } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { Damaged } from './tree.ts';

/** A stretch of a file and where it lies in the volume, in bytes; without a place it reads as zeros. */
export interface Extent {
  readonly fileOffset: number;
  readonly length: number;
  readonly volumeOffset?: number;
}

/**
 * The bytes of a file from `from`, `length` of them: zeros where no extent lies. Ranges are announced first, so
 * that near ones are fetched together. Throws Damaged for an extent outside the volume.
 */
export async function readExtents(
  volume: RangeReader,
  extents: readonly Extent[],
  from: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const wanted: { offset: number; length: number; at: number }[] = [];
  for (const extent of extents) {
    const start = Math.max(from, extent.fileOffset);
    const end = Math.min(from + length, extent.fileOffset + extent.length);
    if (start >= end || extent.volumeOffset === undefined) continue;
    const offset = extent.volumeOffset + (start - extent.fileOffset);
    if (!covers(volume.size, offset, end - start)) throw new Damaged('a file lies outside the volume');
    wanted.push({ offset, length: end - start, at: start - from });
  }
  if (wanted.length > 1) await volume.prefetch?.(wanted);
  const pieces = await Promise.all(wanted.map((range) => volume.read(range.offset, range.length)));
  for (const [i, piece] of pieces.entries()) bytes.set(piece, wanted[i]!.at);
  return bytes;
}
