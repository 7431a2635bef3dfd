/**
 * Persistent bitmaps (QEMU `docs/interop/qcow2.rst`, "Bitmaps"). Directory entries, aligned to 8: u64 table offset,
 * u32 table entries, u32 flags, u8 type, u8 granularity, u16 length of the name, u32 extra bytes, which follow; then
 * the name. A table is u64 places of clusters, or 1 for a cluster of ones.
 */
import type { Limits } from '../../limits.ts';
import { covers, toNumber, u8, u16be, u32be, u64be } from '../../readers/bytes.ts';
import type { RangeReader } from '../../readers/range-reader.ts';
import { pastEnd } from '../container.ts';
import type { Qcow2Entries } from './mapping.ts';
import type { Usage } from './usage.ts';

const ENTRY_BYTES = 24;
const DIRTY_TRACKING = 1;
const MIN_GRANULARITY = 9;
const MAX_GRANULARITY = 31;

/** Judges the directory and the tables of the bitmaps. @returns whether all that they use is known. */
export async function scanBitmaps(
  reader: RangeReader,
  { header, fileSize }: Qcow2Entries,
  usage: Usage,
  limits: Limits,
): Promise<boolean> {
  const { bitmaps, clusterBytes, size } = header;
  if (bitmaps === undefined) return true;
  const bad = (message: string, at: number) =>
    usage.problems.note({ code: 'BAD_TABLE', message }, at, 'bitmap directory');
  const { offset: start, bytes: length } = bitmaps;
  if (start % clusterBytes !== 0 || start < clusterBytes || !covers(fileSize, start, length)) {
    bad(
      'The directory of the bitmaps is not in the file; remove the bitmaps or convert the image again.',
      start,
    );
    return false;
  }
  if (!usage.claimTable(start, length, { at: start, field: 'bitmap directory' })) return false;
  if (!bitmaps.consistent) return false;
  await reader.prefetch?.([{ offset: start, length }]);
  let at = start;
  for (let i = 0; i < bitmaps.count; i++) {
    if (!covers(start + length, at, ENTRY_BYTES)) {
      bad('The directory of the bitmaps is shorter than their number; convert the image again.', at);
      return false;
    }
    const entry = await reader.read(at, ENTRY_BYTES);
    const table = toNumber(u64be(entry, 0));
    const tableBytes = u32be(entry, 8) * 8;
    const granularity = u8(entry, 17);
    if (u8(entry, 16) !== DIRTY_TRACKING || granularity < MIN_GRANULARITY || granularity > MAX_GRANULARITY) {
      bad('A bitmap is of a kind that is not known; remove the bitmaps or convert the image again.', at);
      return false;
    }
    if (tableBytes > 0) {
      if (table % clusterBytes !== 0 || table < clusterBytes) {
        bad('The table of a bitmap does not begin on a cluster; convert the image again.', at);
        return false;
      }
      if (!covers(fileSize, table, tableBytes)) {
        const message = 'The file ends before the table of a bitmap; upload the whole file.';
        usage.problems.note({ code: pastEnd(table, size), message }, at, 'bitmap directory');
        return false;
      }
      if (!usage.claimTable(table, tableBytes, { at, field: 'bitmap directory' })) return false;
      await scanTable(reader, { offset: table, length: tableBytes }, fileSize, size, usage, limits);
    }
    at += Math.ceil((ENTRY_BYTES + u16be(entry, 18) + u32be(entry, 20)) / 8) * 8;
  }
  return true;
}

async function scanTable(
  reader: RangeReader,
  table: { offset: number; length: number },
  fileSize: number,
  size: number,
  usage: Usage,
  limits: Limits,
): Promise<void> {
  for (let done = 0; done < table.length; done += limits.scanReadBytes) {
    const bytes = await reader.read(table.offset + done, Math.min(limits.scanReadBytes, table.length - done));
    for (let i = 0; i < bytes.length; i += 8) {
      const entry = u64be(bytes, i);
      if (entry === 0n || entry === 1n) continue;
      const at = table.offset + done + i;
      const offset = toNumber(entry);
      if (offset % usage.clusterBytes !== 0) {
        const message = 'An entry of a bitmap does not name a cluster; convert the image again.';
        usage.problems.note({ code: 'BAD_TABLE', message }, at, 'bitmap table entry');
      } else if (offset >= fileSize) {
        const message = 'The file ends before the data of a bitmap; upload the whole file.';
        usage.problems.note({ code: pastEnd(offset, size), message }, at, 'bitmap table entry');
      } else usage.claimTable(offset, usage.clusterBytes, { at, field: 'bitmap table entry' });
    }
  }
}
