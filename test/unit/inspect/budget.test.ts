import { describe, expect, it } from 'vitest';
import { inspect } from '../../../inspect/inspect.ts';
import { DEFAULT_LIMITS as LIMITS } from '../../../inspect/limits.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { corpus, corpusEntry, corpusReader } from '../../corpus.ts';
import { codes, judge } from './build/judge.ts';
import type { Packer } from './build/packer.ts';
import { AT, CLUSTER, qcow2 } from './build/qcow2.ts';

/** Counts what a source is really asked for, and which bytes of it twice. */
function counting(reader: RangeReader) {
  const fetched = new Set<number>();
  const count = { reads: 0, bytes: 0, twice: 0 };
  const counted: RangeReader = {
    size: reader.size,
    read: (offset, length) => {
      count.reads += 1;
      count.bytes += length;
      for (let page = Math.floor(offset / 4096); page * 4096 < offset + length; page++) {
        if (fetched.has(page)) count.twice += 1;
        fetched.add(page);
      }
      return reader.read(offset, length);
    },
  };
  return { count, counted };
}

const ALL = corpus().map((entry) => [entry.file, entry] as const);

describe('what an inspection costs', () => {
  it.each(ALL)('%s is read within the budget, and no byte twice', async (_file, entry) => {
    const { count, counted } = counting(corpusReader(entry));
    const report = await inspect(counted);
    expect(report.cost).toEqual({ reads: count.reads, bytes: count.bytes });
    expect(count.twice).toBe(0);
    const mapped = report.format !== 'RAW' && report.variant !== 'fixed';
    // The tables of the samples are small: what a scan reads of them is counted as if the budget had no scan.
    expect(count.reads).toBeLessThanOrEqual(
      (mapped ? LIMITS.mappedReads : LIMITS.plainReads) + LIMITS.fileReads,
    );
    expect(count.bytes).toBeLessThanOrEqual(
      (mapped ? LIMITS.mappedBytes : LIMITS.plainBytes) + LIMITS.fileBytes,
    );
  });

  it('does not grow with the disk', async () => {
    const entry = corpusEntry('gpt-bios-uefi.img');
    const small = await corpusReader(entry).read(0, entry.bytes);
    const stretched = (size: number): RangeReader => ({
      size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        if (offset < small.length) bytes.set(small.subarray(offset, offset + length));
        return bytes;
      },
    });
    const [one, eight] = await Promise.all([2 ** 30, 2 ** 43].map((size) => inspect(stretched(size))));
    expect(one?.verdict).toBe('accept');
    expect(one?.partitions).toEqual(eight?.partitions);
    expect(one?.cost).toEqual(eight?.cost);
  });
});

/** A qcow2 of `tables` L2 tables, all of zeros, over as large a disk. */
function tabled(tables: number): Packer {
  const image = qcow2().resized(AT.data + (tables + 1) * CLUSTER);
  image.u64be(24, tables * 512 * CLUSTER).u32be(36, tables);
  const l1 = AT.data;
  image
    .u64be(40, l1)
    .fill(AT.l1, 2 * CLUSTER, 0)
    .fill(l1, 2 * CLUSTER, 0);
  for (let i = 0; i < tables; i++) image.u64be(l1 + i * 8, AT.data + (i + 1) * CLUSTER);
  return image;
}

describe('a scan', () => {
  it('that its allowance ends says so, and leaves out what it does not know', async () => {
    const limits = { scanBytes: 64 * 1024, scanReadBytes: 16 * 1024 };
    const report = await judge(tabled(200), { limits });
    expect(codes(report)).toEqual(['NOT_BOOTABLE', 'SCAN_INCOMPLETE']);
    expect(report.scan?.complete).toBe(false);
    expect(report.scan?.allocated).toBeUndefined();
    expect(report.scan?.sparse).toBeUndefined();
  });

  it('refuses what it has read before its allowance ended', async () => {
    const limits = { scanBytes: 64 * 1024, scanReadBytes: 16 * 1024 };
    const image = tabled(200).u64be(AT.data + CLUSTER, AT.l1 + 1);
    image.u64be(AT.data + CLUSTER + 8, 0x00fffffffffff000n);
    const report = await judge(image, { limits });
    expect(codes(report).slice(0, 1)).toEqual(['BAD_TABLE']);
  });

  it('that ends says how much is stored', async () => {
    const report = await judge(tabled(200));
    expect(report.verdict).toBe('accept');
    expect(report.scan).toEqual({ complete: true, tables: 202, allocated: '0', sparse: true });
  });
});

describe('a caller', () => {
  it('may set other limits', async () => {
    const report = await judge(qcow2(), { limits: { maxVirtualSizeBytes: 512 * 1024 } });
    expect(codes(report)).toEqual(['TOO_LARGE']);
  });

  it('that allows no reads is told', async () => {
    const report = await judge(qcow2(), { limits: { mappedReads: 0 } });
    expect(codes(report)).toEqual(['RESOURCE_LIMIT']);
  });
});
