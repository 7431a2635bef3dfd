/** The tables that a qcow2 header names: each must be aligned, of a believable length and wholly in the file. */
import { covers, toNumber, u32be, u64be } from '../../readers/bytes.ts';
import type { Findings } from '../../report.ts';
import { pastEnd } from '../container.ts';
import { REFERENCE } from './features.ts';

const MIB = 1024 * 1024;
/** What qemu allows a table to be (block/qcow2.h: QCOW_MAX_L1_SIZE, QCOW_MAX_REFTABLE_SIZE). */
const MAX_L1_BYTES = 32 * MIB;
const MAX_REFCOUNT_TABLE_BYTES = 8 * MIB;
const MAX_SNAPSHOTS = 65_536;

/** A table by its place in the file, checked to lie inside it. */
export interface Table {
  readonly offset: number;
  readonly entries: number;
}

export interface TableContext {
  readonly fileSize: number;
  readonly clusterBytes: number;
  readonly size: number;
  readonly findings: Findings;
}

/** Checks that a table is aligned, behind the header's cluster and wholly in the file; notes what is not. */
function placeTable(
  context: TableContext,
  table: { offset: bigint; bytes: number; entries: number },
  field: { name: string; at: number; misaligned: 'BAD_HEADER' | 'BAD_TABLE' },
): Table | undefined {
  const { fileSize, clusterBytes, size, findings } = context;
  const where = {
    offset: String(field.at),
    field: field.name,
    found: String(table.offset),
    reference: REFERENCE,
  };
  if (table.offset % BigInt(clusterBytes) !== 0n || table.offset < BigInt(clusterBytes)) {
    findings.add(field.misaligned, {
      message: `The ${field.name} does not begin on a cluster behind the header; convert the image again.`,
      expected: `a multiple of ${clusterBytes}`,
      ...where,
    });
    return undefined;
  }
  const offset = toNumber(table.offset);
  if (!covers(fileSize, offset, table.bytes)) {
    findings.add(pastEnd(offset, size), {
      message: `The file ends before its ${field.name}; the copy is incomplete, upload the whole file.`,
      expected: `${table.bytes} bytes inside the file of ${fileSize}`,
      ...where,
    });
    return undefined;
  }
  return { offset, entries: table.entries };
}

export function l1Table(bytes: Uint8Array, context: TableContext, needed: number): Table | undefined {
  const entries = u32be(bytes, 36);
  if (entries < needed || entries * 8 > MAX_L1_BYTES) {
    context.findings.add('BAD_HEADER', {
      message: 'The number of L1 entries does not fit the virtual size; convert the image again.',
      offset: '36',
      field: 'l1_size',
      expected: `${needed}..${MAX_L1_BYTES / 8}`,
      found: String(entries),
      reference: REFERENCE,
    });
    return undefined;
  }
  return placeTable(
    context,
    { offset: u64be(bytes, 40), bytes: entries * 8, entries },
    { name: 'L1 table', at: 40, misaligned: 'BAD_HEADER' },
  );
}

export function refcountTable(bytes: Uint8Array, context: TableContext): Table | undefined {
  const clusters = u32be(bytes, 56);
  if (clusters === 0 || clusters * context.clusterBytes > MAX_REFCOUNT_TABLE_BYTES) {
    context.findings.add('BAD_TABLE', {
      message: 'The refcount table is missing or too long; convert the image again.',
      offset: '56',
      field: 'refcount_table_clusters',
      expected: `1..${MAX_REFCOUNT_TABLE_BYTES / context.clusterBytes}`,
      found: String(clusters),
      reference: REFERENCE,
    });
    return undefined;
  }
  const length = clusters * context.clusterBytes;
  return placeTable(
    context,
    { offset: u64be(bytes, 48), bytes: length, entries: length / 8 },
    { name: 'refcount table', at: 48, misaligned: 'BAD_TABLE' },
  );
}

export function snapshotTable(bytes: Uint8Array, context: TableContext): Table {
  const entries = u32be(bytes, 60);
  const none = { offset: 0, entries: 0 };
  if (entries === 0) return none;
  if (entries > MAX_SNAPSHOTS) {
    context.findings.add('BAD_TABLE', {
      message: 'The number of internal snapshots is out of range; delete them or convert the image again.',
      offset: '60',
      field: 'nb_snapshots',
      expected: `0..${MAX_SNAPSHOTS}`,
      found: String(entries),
      reference: REFERENCE,
    });
    return none;
  }
  const smallest = 40 * entries;
  const table = placeTable(
    context,
    { offset: u64be(bytes, 64), bytes: smallest, entries },
    { name: 'snapshot table', at: 64, misaligned: 'BAD_TABLE' },
  );
  if (table !== undefined) {
    context.findings.add('INTERNAL_SNAPSHOTS', {
      message: `The image holds ${entries} internal snapshot${entries === 1 ? '' : 's'}; they are not part of the disk that is made from it.`,
      offset: '60',
      field: 'nb_snapshots',
      found: String(entries),
      reference: 'qcow2, "Snapshots"',
    });
  }
  return table ?? none;
}

export function noteOverlap(l1: Table, refcounts: Table, clusterBytes: number, findings: Findings): void {
  const l1End = l1.offset + Math.ceil((l1.entries * 8) / clusterBytes) * clusterBytes;
  if (l1.offset < refcounts.offset + refcounts.entries * 8 && refcounts.offset < l1End) {
    findings.add('BAD_TABLE', {
      message: 'The L1 table and the refcount table lie over each other; convert the image again.',
      offset: '40',
      field: 'L1 table',
      reference: REFERENCE,
    });
  }
}
