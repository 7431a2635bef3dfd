/**
 * The scan of all mapping tables of a qcow2 file: every L1 and L2 entry, the refcount table, the tables of snapshots
 * and bitmaps. A file cluster has one use; whatever names it a second time is wrong.
 */
import { BudgetExceeded, type Limits } from '../../limits.ts';
import { u32be } from '../../readers/bytes.ts';
import type { Place } from '../../readers/mapped-reader.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import type { Findings, Scan } from '../../report.ts';
import type { Opening } from '../container.ts';
import { AddressList, ProblemList, readTables, scanFacts } from '../scan.ts';
import { scanBitmaps } from './bitmaps.ts';
import { type Qcow2Entries, unpackCluster } from './mapping.ts';
import { noteLeaks, type RefcountBlock, scanRefcountTable } from './refcounts.ts';
import { scanSnapshots } from './snapshots.ts';
import { MAX_CLUSTERS, Usage } from './usage.ts';

/** A disk of fewer clusters is full by chance. */
const MIN_PREALLOCATED = 64;
const SCAN_REFERENCE = 'qcow2, "Cluster mapping"';
/** What the L2 entries add up to. */
class Tally {
  tables = 0;
  /** Bytes of the disk that are stored. */
  allocated = 0;
  packed = 0;
  /** Clusters with a place in the file that lie one behind the other, tables between them aside. */
  inSequence = 0;
  #next: { guest: number; host: number } | undefined;

  count(guest: number, host: number, usage: Usage): void {
    let expected = this.#next?.host ?? host;
    while (expected < host && usage.metadata.has(expected)) expected += 1;
    if (expected === host && guest === (this.#next?.guest ?? 0)) this.inSequence += 1;
    this.#next = { guest: guest + 1, host: host + 1 };
  }
}

/**
 * Scans everything within the allowance of `reader`. Adds the features that only the tables show.
 * @returns the scan's facts; problems are findings.
 */
export async function scanQcow2(
  reader: RangeReader,
  entries: Qcow2Entries,
  features: Set<string>,
  { findings, limits }: Opening,
): Promise<Scan> {
  const { header } = entries;
  const problems = new ProblemList(findings, SCAN_REFERENCE);
  const usage = new Usage(entries, problems);
  const tally = new Tally();
  usage.claimTable(0, header.clusterBytes, { at: 0, field: 'header' });
  usage.claimTable(header.l1.offset, header.l1.entries * 8, { at: 40, field: 'L1 table' });
  usage.claimTable(header.refcounts.offset, header.refcounts.entries * 8, {
    at: 48,
    field: 'refcount table',
  });
  let complete = entries.fileSize / header.clusterBytes <= MAX_CLUSTERS;
  let leaksKnown = false;
  let blocks: readonly RefcountBlock[] = [];
  try {
    // The disk's own tables first: what is scanned before the allowance ends should be what a guest reads.
    blocks = await scanRefcountTable(reader, entries, usage, limits);
    const l2 = await scanL1(reader, entries, usage, limits);
    complete &&= l2.complete;
    tally.tables += 2;
    await scanL2(reader, entries, usage, l2.tables, tally, limits);
    const own = new Set(l2.tables.map(({ offset }) => offset));
    tally.tables += await scanSnapshots(reader, entries, usage, own, limits);
    const bitmaps = await scanBitmaps(reader, entries, usage, limits);
    if (complete && bitmaps && !problems.any) {
      noteTrailing(usage, findings);
      leaksKnown = !usage.hasMachineState && !findings.has('DIRTY');
    }
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    complete = false;
  }
  if (complete && leaksKnown) await noteLeaks(reader, entries, usage, blocks, findings, limits);
  if (tally.packed > 0) features.add(`COMPRESSED_${header.compression}`);
  const clusters = Math.ceil(header.size / header.clusterBytes);
  if (complete && clusters >= MIN_PREALLOCATED && tally.inSequence === clusters) features.add('PREALLOCATED');
  return scanFacts({ complete, tables: tally.tables, allocated: tally.allocated }, header.size, findings);
}

interface L2Table extends ByteRange {
  /** The L1 entry that names it. */
  readonly index: number;
}

interface L2Tables {
  readonly tables: readonly L2Table[];
  /** False when there are more tables than the allowance could read. */
  readonly complete: boolean;
}

/** Every L1 entry; those behind the disk's end belong to a machine's state and are only bounded. */
async function scanL1(
  reader: RangeReader,
  entries: Qcow2Entries,
  usage: Usage,
  limits: Limits,
): Promise<L2Tables> {
  const { l1, size, clusterBytes } = entries.header;
  const needed = Math.ceil(size / (clusterBytes * entries.perTable));
  const most = Math.ceil(limits.scanBytes / clusterBytes);
  const tables: L2Table[] = [];
  let complete = true;
  const length = l1.entries * 8;
  for (let done = 0; done < length; done += limits.scanReadBytes) {
    const bytes = await reader.read(l1.offset + done, Math.min(limits.scanReadBytes, length - done));
    for (let at = 0; at < bytes.length; at += 8) {
      const offset = entries.l1(bytes, at);
      if (offset === 0) continue;
      const place = l1.offset + done + at;
      if (typeof offset !== 'number') {
        usage.problems.note(offset.problem, place, 'L1 entry');
        continue;
      }
      const index = (done + at) / 8;
      if (index >= needed) {
        usage.reach(offset + clusterBytes);
        usage.hasMachineState = true;
      } else if (!usage.claimTable(offset, clusterBytes, { at: place, field: 'L1 entry' })) continue;
      else if (tables.length < most) tables.push({ offset, length: clusterBytes, index });
      else complete = false;
    }
  }
  return { tables, complete };
}

/** A compressed cluster whose sectors pass the end of the file. */
interface CutCluster {
  readonly place: Place & { kind: 'packed' };
  readonly at: number;
}

/** More of these than one could be the last of its file only in a file that is cut. */
const MAX_CUT_CLUSTERS = 8;

/** Every entry of the L2 tables; what was read before the allowance ended is judged in any case. */
async function scanL2(
  reader: RangeReader,
  entries: Qcow2Entries,
  usage: Usage,
  tables: readonly L2Table[],
  tally: Tally,
  limits: Limits,
): Promise<void> {
  const { size, clusterBytes } = entries.header;
  const clusters = Math.ceil(size / clusterBytes);
  const starts = new AddressList(Float64Array);
  const cut: CutCluster[] = [];
  const visit = (bytes: Uint8Array, table: number) => {
    tally.tables += 1;
    const { offset, index } = tables[table]!;
    for (let i = 0; i < entries.perTable; i++) {
      const within = i * entries.entryBytes;
      if (u32be(bytes, within) === 0 && u32be(bytes, within + 4) === 0 && entries.entryBytes === 8) continue;
      const entry = entries.l2(bytes, within);
      const at = offset + within;
      if ('problem' in entry) {
        usage.problems.note(entry.problem, at, 'L2 entry');
        continue;
      }
      const cluster = index * entries.perTable + i;
      if (entry.kind === 'zero' && entry.offset === undefined) continue;
      if (cluster >= clusters) {
        usage.hasMachineState = true;
        continue;
      }
      const visible = Math.min(clusterBytes, size - cluster * clusterBytes);
      if (entry.kind === 'packed') {
        usage.claimPacked(entry, at);
        starts.add(entry.offset);
        tally.packed += 1;
        tally.allocated += visible;
        if (entry.cut && cut.length < MAX_CUT_CLUSTERS) cut.push({ place: entry, at });
        continue;
      }
      if (entry.kind === 'stored') tally.allocated += visible;
      if (entry.kind === 'parts') tally.allocated += countParts(entry.parts, clusterBytes, visible);
      usage.claimData(entry.offset!, at);
      if (entry.kind !== 'parts') tally.count(cluster, entry.offset! / clusterBytes, usage);
    }
  };
  try {
    await readTables(reader, tables, limits, visit);
  } finally {
    noteSharedStarts(starts, usage);
  }
  for (const { place, at } of cut) {
    const packed = await reader.read(place.offset, place.length);
    if (unpackCluster(entries.header, packed)?.length === entries.header.clusterBytes) continue;
    const message = 'The file ends within a compressed cluster; upload the whole file.';
    usage.problems.note({ code: 'TRUNCATED', message }, at, 'L2 entry');
  }
}

/** Compressed clusters may share a sector, where one ends and the next begins, but not their beginning. */
function noteSharedStarts(starts: AddressList, usage: Usage): void {
  let previous = -1;
  for (const start of starts.sorted()) {
    if (start === previous) {
      const message = 'Two L2 entries name the same compressed cluster; convert the image again.';
      usage.problems.note({ code: 'BAD_TABLE', message }, start, 'L2 entry');
    }
    previous = start;
  }
}

/** Stored bytes of a cluster of which only some 32nd parts are there. */
function countParts(parts: number, clusterBytes: number, visible: number): number {
  const partBytes = clusterBytes / 32;
  let bytes = 0;
  for (let part = 0; part < 32; part++) {
    if ((parts >>> part) & 1) bytes += Math.max(0, Math.min(partBytes, visible - part * partBytes));
  }
  return bytes;
}

function noteTrailing(usage: Usage, findings: Findings): void {
  const rest = usage.fileSize - usage.highest;
  if (rest <= usage.clusterBytes) return;
  findings.add('TRAILING_DATA', {
    message: `${rest} bytes at the end of the file belong to nothing in it; they are stored for nothing, converting the image again leaves them out.`,
    offset: String(usage.highest),
    found: String(rest),
    reference: SCAN_REFERENCE,
  });
}
