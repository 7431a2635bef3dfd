import { describe, expect, it } from 'vitest';
import { codes, judge } from './build/judge.ts';
import type { Packer } from './build/packer.ts';
import { AT, CLUSTER, qcow2 } from './build/qcow2.ts';

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
