import { covers } from './bytes.ts';
import type { RangeReader } from './range-reader.ts';

/** A stretch of a source as a source of its own: a partition of a disk. It lies inside the source. */
export function partOf(source: RangeReader, start: number, size: number): RangeReader {
  return {
    size,
    read(offset, length) {
      if (!covers(size, offset, length)) {
        throw new RangeError(`${length} bytes at ${offset} are outside a part of ${size} bytes`);
      }
      return source.read(start + offset, length);
    },
    async prefetch(ranges) {
      const inside = ranges.filter(({ offset, length }) => covers(size, offset, length));
      await source.prefetch?.(inside.map(({ offset, length }) => ({ offset: start + offset, length })));
    },
  };
}
