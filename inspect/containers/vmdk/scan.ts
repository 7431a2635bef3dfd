/**
 * The scan of all mapping tables of a VMDK sparse extent: the grain directory, every grain table, and the redundant
 * ones where they are kept. Readers use the primary tables; a redundant table that names another grain would show
 * another disk to a program that falls back on it.
 */
import { BudgetExceeded, type Limits } from '../../limits.ts';
import { covers, u32le } from '../../readers/bytes.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import type { Findings, Scan } from '../../report.ts';
import type { Opening } from '../container.ts';
import { AddressList, type Problem, ProblemList, scanFacts } from '../scan.ts';
import { SECTOR_BYTES } from './header.ts';
import {
  type Extent,
  GRAIN_MARKER_BYTES,
  grainPlace,
  markerProblem,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TABLES_REFERENCE,
  tablePlace,
} from './mapping.ts';

interface GrainTable extends ByteRange {
  readonly index: number;
}

/** What the tables add up to. */
class Tally {
  tables = 0;
  /** Bytes of the disk that are stored. */
  allocated = 0;
  readonly grains = new AddressList(Uint32Array);
  /** The grain that begins last. */
  last: StoredGrain | undefined;
  /** Every grain of a stream that is short enough to look at each. */
  readonly marked: StoredGrain[] = [];

  add(grain: StoredGrain, extent: Extent): void {
    this.allocated += Math.min(extent.grainBytes, extent.size - grain.index * extent.grainBytes);
    this.grains.add(grain.start / SECTOR_BYTES);
    if (grain.start > (this.last?.start ?? 0)) this.last = grain;
    if (extent.markers && extent.fileSize <= SHORT_STREAM_BYTES) this.marked.push(grain);
  }
}

interface StoredGrain {
  readonly index: number;
  /** Bytes of the file. */
  readonly start: number;
}

/** A stream this short is checked marker by marker; of a longer one that would be a read for every grain. */
const SHORT_STREAM_BYTES = 2 * 1024 * 1024;

/** Scans everything within the allowance of `reader`. @returns the scan's facts; problems are findings. */
export async function scanTables(
  reader: RangeReader,
  extent: Extent,
  { findings, limits }: Opening,
): Promise<Scan> {
  const problems = new ProblemList(findings, TABLES_REFERENCE);
  const tally = new Tally();
  let complete = true;
  try {
    const primary = await readDirectory(reader, extent, extent.directory, problems, limits);
    const { tables } = primary;
    tally.tables += 1;
    complete = primary.complete;
    let copies: readonly GrainTable[] = [];
    if (extent.redundantDirectory !== undefined) {
      copies = (await readDirectory(reader, extent, extent.redundantDirectory, problems, limits)).tables;
      tally.tables += 1;
    }
    try {
      await scanGrainTables(reader, extent, tables, copies, tally, problems);
    } finally {
      // What was read before the allowance ended is judged in any case.
      noteShared(extent, tables, tally.grains, problems);
    }
    const end = await lastEnd(reader, extent, tally, tables, problems);
    if (complete && !problems.any && !extent.footer) noteTrailing(extent, end, findings);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    complete = false;
  }
  const { tables, allocated } = tally;
  return scanFacts({ complete, tables, allocated }, extent.size, findings);
}

function noteTrailing(extent: Extent, end: number, findings: Findings): void {
  const rest = extent.fileSize - end;
  if (rest <= extent.grainBytes) return;
  findings.add('TRAILING_DATA', {
    message: `${rest} bytes at the end of the file belong to no grain and no table; they are stored for nothing.`,
    offset: String(end),
    found: String(rest),
    reference: TABLES_REFERENCE,
  });
}

/**
 * The grain tables that a directory names; `complete` is false when there are more than the allowance could read.
 * Entries that no reader should follow are noted.
 */
async function readDirectory(
  reader: RangeReader,
  extent: Extent,
  directory: number,
  problems: ProblemList,
  limits: Limits,
): Promise<{ tables: GrainTable[]; complete: boolean }> {
  const tables: GrainTable[] = [];
  const most = Math.ceil(limits.scanBytes / TABLE_BYTES);
  const stepBytes = limits.scanReadBytes;
  let complete = true;
  const length = extent.tables * 4;
  for (let done = 0; done < length; done += stepBytes) {
    const bytes = await reader.read(directory + done, Math.min(stepBytes, length - done));
    for (let i = 0; i < bytes.length; i += 4) {
      const offset = tablePlace(extent, u32le(bytes, i));
      if (offset === 0) continue;
      if (typeof offset !== 'number')
        problems.note(offset.problem, directory + done + i, 'grain directory entry');
      else if (tables.length < most) tables.push({ offset, length: TABLE_BYTES, index: (done + i) / 4 });
      else complete = false;
    }
  }
  return { tables, complete };
}

/** Tables that are fetched together: a MiB of them, and as much of their copies. */
const BATCH_TABLES = 512;

/** Every entry of the tables, beside the same entry of the copy where there is one. */
async function scanGrainTables(
  reader: RangeReader,
  extent: Extent,
  tables: readonly GrainTable[],
  copies: readonly GrainTable[],
  tally: Tally,
  problems: ProblemList,
): Promise<void> {
  const copyOf = new Map(copies.map((copy) => [copy.index, copy]));
  for (let from = 0; from < tables.length; from += BATCH_TABLES) {
    const batch = tables
      .slice(from, from + BATCH_TABLES)
      .map((table) => ({ table, copy: copyOf.get(table.index) }));
    await reader.prefetch?.(
      batch.flatMap(({ table, copy }) => (copy === undefined ? [table] : [table, copy])),
    );
    for (const { table, copy } of batch) {
      const bytes = await reader.read(table.offset, TABLE_BYTES);
      tally.tables += 1;
      scanTable(bytes, table, extent, tally, problems);
      if (copy === undefined) continue;
      tally.tables += 1;
      compareTables(bytes, await reader.read(copy.offset, TABLE_BYTES), copy, problems);
    }
  }
}

/** Every grain that both tables name must be the same one. */
function compareTables(bytes: Uint8Array, copied: Uint8Array, copy: GrainTable, problems: ProblemList): void {
  for (let i = 0; i < TABLE_BYTES; i += 4) {
    const a = u32le(bytes, i);
    const b = u32le(copied, i);
    if (a === b || a === 0 || b === 0) continue;
    const message = 'The redundant tables name other grains than the tables; convert the image again.';
    problems.note({ code: 'BAD_TABLE', message }, copy.offset + i, 'redundant grain table entry');
  }
}

function scanTable(
  bytes: Uint8Array,
  table: GrainTable,
  extent: Extent,
  tally: Tally,
  problems: ProblemList,
): void {
  const grains = Math.ceil(extent.size / extent.grainBytes);
  for (let i = 0; i < TABLE_ENTRIES; i++) {
    const sector = u32le(bytes, i * 4);
    if (sector === 0) continue;
    const at = table.offset + i * 4;
    const grain = table.index * TABLE_ENTRIES + i;
    if (grain >= grains) {
      const message = 'A table entry behind the end of the disk names a grain; convert the image again.';
      if (sector !== 1 || !extent.zeroedGrains) {
        problems.note({ code: 'BAD_TABLE', message }, at, 'grain table entry');
      }
      continue;
    }
    const place = grainPlace(extent, grain, sector);
    if ('problem' in place) problems.note(place.problem, at, 'grain table entry');
    else if (place.kind !== 'zero') {
      tally.add({ index: grain, start: sector * SECTOR_BYTES }, extent);
    }
  }
}

/** Grains over each other or over a table. The end of a compressed grain is not known: there its start counts. */
function noteShared(
  extent: Extent,
  tables: readonly GrainTable[],
  grains: AddressList,
  problems: ProblemList,
): void {
  const directories = [extent.directory, extent.redundantDirectory]
    .filter((offset) => offset !== undefined)
    .map((offset) => ({ start: offset, end: offset + extent.tables * 4 }));
  const taken = [
    ...directories,
    ...tables.map(({ offset }) => ({ start: offset, end: offset + TABLE_BYTES })),
  ];
  taken.sort((a, b) => a.start - b.start);
  const overlap: Problem = {
    code: 'BAD_TABLE',
    message: 'A table lies over another table; convert the image again.',
  };
  for (let i = 1; i < taken.length; i++) {
    if (taken[i]!.start < taken[i - 1]!.end) problems.note(overlap, taken[i]!.start, 'grain table');
  }
  const length = extent.compressed ? SECTOR_BYTES : extent.grainBytes;
  let next = 0;
  let previous = Number.NEGATIVE_INFINITY;
  for (const sector of grains.sorted()) {
    const start = sector * SECTOR_BYTES;
    while (next < taken.length && taken[next]!.end <= start) next += 1;
    if (start - previous < length) {
      const message = 'Two table entries name the same grain of the file; convert the image again.';
      problems.note({ code: 'BAD_TABLE', message }, start, 'grain table entry');
    } else if (next < taken.length && taken[next]!.start < start + length) {
      const message = 'A table entry names a grain that lies over a table; convert the image again.';
      problems.note({ code: 'BAD_TABLE', message }, start, 'grain table entry');
    }
    previous = start;
  }
}

/** Where the last thing that a table names ends; notes grains whose markers are wrong or that the file cuts. */
async function lastEnd(
  reader: RangeReader,
  extent: Extent,
  tally: Tally,
  tables: readonly GrainTable[],
  problems: ProblemList,
): Promise<number> {
  const ends = [extent.overheadBytes, extent.directory + extent.tables * 4];
  for (const { offset } of tables) ends.push(offset + TABLE_BYTES);
  await reader.prefetch?.(tally.marked.map(({ start }) => ({ offset: start, length: GRAIN_MARKER_BYTES })));
  for (const grain of tally.marked) await grainEnd(reader, extent, grain, problems);
  if (tally.last !== undefined) ends.push(await grainEnd(reader, extent, tally.last, problems));
  return Math.min(
    extent.fileSize,
    ends.reduce((a, b) => Math.max(a, b), 0),
  );
}

async function grainEnd(
  reader: RangeReader,
  extent: Extent,
  { index, start }: StoredGrain,
  problems: ProblemList,
): Promise<number> {
  if (!extent.compressed) return start + extent.grainBytes;
  if (!extent.markers || !covers(extent.fileSize, start, GRAIN_MARKER_BYTES)) return extent.fileSize;
  const marker = await reader.read(start, GRAIN_MARKER_BYTES);
  const problem = markerProblem(extent, index, start, marker);
  if (problem !== undefined) problems.note(problem, start, 'grain marker');
  return start + Math.ceil((GRAIN_MARKER_BYTES + u32le(marker, 8)) / SECTOR_BYTES) * SECTOR_BYTES;
}
