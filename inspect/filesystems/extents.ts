import { covers } from '../readers/bytes.ts';
import type { ByteRange, RangeReader } from '../readers/range-reader.ts';
import { Damaged } from './tree.ts';

/** A stretch of a file and where it lies in the volume, in bytes; without a place it reads as zeros. */
export interface Extent {
  readonly fileOffset: number;
  readonly length: number;
  readonly volumeOffset?: number;
}

interface Piece extends ByteRange {
  /** Where the piece goes in what was asked for. */
  readonly at: number;
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
  const pieces = piecesOf(volume, extents, from, length);
  if (pieces.length > 1) await volume.prefetch?.(pieces);
  const read = await Promise.all(pieces.map((piece) => volume.read(piece.offset, piece.length)));
  for (const [i, piece] of read.entries()) bytes.set(piece, pieces[i]!.at);
  return bytes;
}

function piecesOf(volume: RangeReader, extents: readonly Extent[], from: number, length: number): Piece[] {
  return extents.flatMap((extent): Piece[] => {
    const start = Math.max(from, extent.fileOffset);
    const end = Math.min(from + length, extent.fileOffset + extent.length);
    if (start >= end || extent.volumeOffset === undefined) return [];
    const offset = extent.volumeOffset + (start - extent.fileOffset);
    if (!covers(volume.size, offset, end - start)) throw new Damaged('it leads outside its volume');
    return [{ offset, length: end - start, at: start - from }];
  });
}

/** A source made of stretches of another: a logical volume on its physical one. */
export function readerOf(volume: RangeReader, extents: readonly Extent[], size: number): RangeReader {
  return {
    size,
    read: (offset, length) => readExtents(volume, extents, offset, length),
    async prefetch(ranges) {
      await volume.prefetch?.(
        ranges.flatMap(({ offset, length }) => piecesOf(volume, extents, offset, length)),
      );
    },
  };
}
