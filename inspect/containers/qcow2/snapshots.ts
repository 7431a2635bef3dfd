/**
 * Internal snapshots (QEMU `docs/interop/qcow2.rst`, "Snapshots"); entries aligned to 8, integers big-endian.
 *
 *   0  u64  L1 table offset       20  u32  seconds, 24 u32 nanoseconds
 *   8  u32  L1 entries            28  u64  clock of the machine
 *  12  u16  length of the id      36  u32  bytes of machine state
 *  14  u16  length of the name    40  u32  bytes of extra data, which follow; then id and name
 *
 * They are no part of the disk: their tables are bounded, so that nothing wild hides there and what they name is not
 * taken for a leftover.
 */
import type { Limits } from '../../limits.ts';
import { covers, toNumber, u16be, u32be, u64be } from '../../readers/bytes.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import { pastEnd } from '../container.ts';
import { readTables } from '../scan.ts';
import type { Qcow2Entries } from './mapping.ts';
import type { Usage } from './usage.ts';

const ENTRY_BYTES = 40;
/** How much of the table is fetched at once, as its length is known only at its end. */
const AHEAD_BYTES = 64 * 1024;
const MAX_EXTRA_BYTES = 1024;
const MAX_L1_BYTES = 32 * 1024 * 1024;
const MAX_TABLE_BYTES = 64 * 1024 * 1024;

/**
 * Judges the snapshot table, the L1 tables that it names, and L2 tables that the disk does not use itself (`own` are
 * the disk's). @returns how many tables were read.
 */
export async function scanSnapshots(
  reader: RangeReader,
  entries: Qcow2Entries,
  usage: Usage,
  own: ReadonlySet<number>,
  limits: Limits,
): Promise<number> {
  const l1Tables = await scanSnapshotTable(reader, entries, usage, limits);
  const l2Tables = new Map<number, ByteRange>();
  let read = 0;
  for (const table of l1Tables) {
    for (let done = 0; done < table.length; done += limits.scanReadBytes) {
      const bytes = await reader.read(
        table.offset + done,
        Math.min(limits.scanReadBytes, table.length - done),
      );
      for (let i = 0; i + 8 <= bytes.length; i += 8) {
        const offset = entries.l1(bytes, i);
        if (typeof offset !== 'number') {
          usage.problems.note(offset.problem, table.offset + done + i, "snapshot's L1 entry");
        } else if (offset !== 0 && !own.has(offset)) {
          l2Tables.set(offset, { offset, length: entries.header.clusterBytes });
        }
      }
    }
    read += 1;
  }
  for (const { offset, length } of l2Tables.values()) usage.share(offset, length);
  const tables = [...l2Tables.values()];
  await readTables(reader, tables, limits, (bytes, index) => {
    const { offset } = tables[index]!;
    for (let i = 0; i < entries.perTable; i++) {
      const entry = entries.l2(bytes, i * entries.entryBytes);
      if ('problem' in entry) {
        usage.problems.note(entry.problem, offset + i * entries.entryBytes, "snapshot's L2 entry");
      } else if (entry.offset !== undefined) {
        usage.share(entry.offset, entry.kind === 'packed' ? entry.length : usage.clusterBytes);
      }
    }
  });
  return read + tables.length;
}

/** Walks the entries. @returns the snapshots' L1 tables that lie in the file. */
async function scanSnapshotTable(
  reader: RangeReader,
  { header, fileSize }: Qcow2Entries,
  usage: Usage,
  limits: Limits,
): Promise<ByteRange[]> {
  const { snapshots, clusterBytes, size } = header;
  const tables: ByteRange[] = [];
  const bad = (message: string, at: number) =>
    usage.problems.note({ code: 'BAD_TABLE', message }, at, 'snapshot table entry');
  let at = snapshots.offset;
  let ahead = at;
  for (let i = 0; i < snapshots.entries; i++) {
    if (
      !covers(fileSize, at, ENTRY_BYTES) ||
      at - snapshots.offset > Math.min(MAX_TABLE_BYTES, limits.scanBytes)
    ) {
      bad(
        'The table of internal snapshots does not end in the file; delete the snapshots or convert the image again.',
        at,
      );
      return tables;
    }
    if (at + ENTRY_BYTES > ahead) {
      ahead = Math.min(at + AHEAD_BYTES, fileSize);
      await reader.prefetch?.([{ offset: at, length: ahead - at }]);
    }
    const entry = await reader.read(at, ENTRY_BYTES);
    const offset = toNumber(u64be(entry, 0));
    const length = u32be(entry, 8) * 8;
    const extra = u32be(entry, 36);
    if (extra > MAX_EXTRA_BYTES || length > MAX_L1_BYTES || (length > 0 && offset % clusterBytes !== 0)) {
      bad('An internal snapshot is out of range; delete the snapshots or convert the image again.', at);
      return tables;
    }
    if (length > 0 && !covers(fileSize, offset, length)) {
      const message = 'The file ends before the L1 table of an internal snapshot; upload the whole file.';
      usage.problems.note({ code: pastEnd(offset, size), message }, at, 'snapshot table entry');
    } else if (length > 0 && usage.claimTable(offset, length, { at, field: 'snapshot table entry' })) {
      tables.push({ offset, length });
    }
    at += Math.ceil((ENTRY_BYTES + extra + u16be(entry, 12) + u16be(entry, 14)) / 8) * 8;
  }
  if (at > snapshots.offset) {
    usage.claimTable(snapshots.offset, at - snapshots.offset, { at: 64, field: 'snapshot table' });
  }
  return tables;
}
