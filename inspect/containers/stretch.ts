/** Which parts of long tables are fetched for a few of their entries. */
import type { ByteRange } from '../readers/range-reader.ts';

/** A table is fetched in aligned stretches of this size, or whole when it is shorter. */
const STRETCH_BYTES = 64 * 1024;
/** A first table up to this length is fetched whole: its two ends would come in as many reads. */
const WHOLE_TABLE_BYTES = 256 * 1024;
/** Behind the first table the next level's usually begin, or the first data: as much of them comes with its end. */
const FOLLOWING_BYTES = 128 * 1024;

/** The aligned stretch of a table around `length` bytes of its entries from `from`. */
export function stretchOf(table: ByteRange, from: number, length: number): ByteRange {
  const start = Math.floor(from / STRETCH_BYTES) * STRETCH_BYTES;
  const end = Math.ceil((from + length) / STRETCH_BYTES) * STRETCH_BYTES;
  return { offset: table.offset + start, length: Math.min(end, table.length) - start };
}

/**
 * What is fetched together of a container's first table before anything else of it: the entries of the disk's start
 * and of its end, where partition tables lie, and what follows the table. So a disk of any size takes the same reads.
 * `unit`: the table fills whole units of so many bytes.
 */
export function endsOfTable(table: ByteRange, unit: number, fileSize: number): ByteRange[] {
  const last = Math.max(0, table.length - 1);
  const ends =
    table.length <= WHOLE_TABLE_BYTES ? [table] : [stretchOf(table, 0, 1), stretchOf(table, last, 1)];
  const behind = table.offset + Math.ceil(table.length / unit) * unit;
  const following = Math.min(FOLLOWING_BYTES, fileSize - behind);
  return following > 0 ? [...ends, { offset: behind, length: following }] : ends;
}
