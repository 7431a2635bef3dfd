import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits } from '../../../inspect/limits.ts';
import { Meter } from '../../../inspect/readers/metered-reader.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import {
  DiskImage,
  ESP_TYPE,
  examine,
  type GptPart,
  MIB,
  SECTOR,
  writeExt,
  writeFat,
  writeGpt,
  writeMbr,
} from './disk-image.ts';

/** Examines on allowances, the first bytes and the last of the disk being known already. */
async function metered(source: RangeReader, limits: Limits = DEFAULT_LIMITS, withFileView = true) {
  const meter = new Meter(source, limits.cacheBytes);
  const view = meter.reader({ reads: limits.plainReads, bytes: limits.plainBytes });
  await view.prefetch?.([
    { offset: 0, length: 72 * 1024 },
    { offset: source.size - 64 * 1024, length: 64 * 1024 },
  ]);
  const fileView = meter.reader({ reads: limits.fileReads, bytes: limits.fileBytes });
  const result = await examine(view, { limits, ...(withFileView ? { fileView } : {}) });
  return { ...result, reads: meter.reads, bytes: meter.bytes };
}

/** An ESP and this many ext2 volumes, each far from the next. */
function gptDisk(volumes: number, size: number): DiskImage {
  const gap = 300 * MIB;
  const part = (i: number): GptPart => ({
    first: (i * gap) / SECTOR,
    last: (i * gap + 64 * MIB) / SECTOR - 1,
  });
  const parts = Array.from({ length: volumes }, (_, i) => part(i + 1));
  const disk = writeGpt(new DiskImage(size), [{ type: ESP_TYPE, first: 2048, last: 43_007 }, ...parts]);
  writeFat(disk, MIB, 20 * MIB);
  for (let i = 1; i <= volumes; i++) writeExt(disk, i * gap, 64 * MIB, `volume ${i}`);
  return disk;
}

describe('what an examination costs', () => {
  it('is the same for a disk of 4 GiB and of 8 TiB', async () => {
    const small = await metered(gptDisk(3, 4 * 1024 * MIB).reader());
    const large = await metered(gptDisk(3, 8 * 1024 * 1024 * MIB).reader());
    expect([large.reads, large.bytes]).toEqual([small.reads, small.bytes]);
    expect(large.facts.partitions?.map(({ label }) => label)).toEqual([
      'ESP',
      'volume 1',
      'volume 2',
      'volume 3',
    ]);
  });

  it('is within 12 reads and 1 MiB for eight partitions', async () => {
    const { facts, codes } = await metered(gptDisk(7, 4 * 1024 * MIB).reader(), DEFAULT_LIMITS, false);
    expect(facts.partitions?.map(({ fileSystem }) => fileSystem)).toEqual([
      'FAT16',
      ...Array(7).fill('EXT2'),
    ]);
    expect(facts.bootModes).toEqual(['UEFI']);
    // The volumes hold no file, and to see that is not paid for here.
    expect(codes.filter((code) => code !== 'FACTS_INCOMPLETE' && code !== 'FILE_SYSTEM_DAMAGED')).toEqual([]);
  });

  it('is never above the allowances, and what could not be looked at is said', async () => {
    const disk = gptDisk(100, 64 * 1024 * MIB);
    const { facts, codes, reads, bytes } = await metered(disk.reader());
    expect(reads).toBeLessThanOrEqual(DEFAULT_LIMITS.plainReads + DEFAULT_LIMITS.fileReads);
    expect(bytes).toBeLessThanOrEqual(DEFAULT_LIMITS.plainBytes + DEFAULT_LIMITS.fileBytes);
    expect(facts.partitions).toHaveLength(101);
    expect(facts.bootModes).toEqual(['UEFI']);
    expect(codes).toContain('FACTS_INCOMPLETE');
  });

  it('is refused where the table itself takes more', async () => {
    const disk = writeMbr(new DiskImage(64 * 1024 * MIB), [{ type: 5, first: 2048, sectors: 130_000_000 }]);
    for (let i = 0; i < 120; i++) {
      const next = i < 119 ? { type: 5, first: (i + 1) * 1_000_000, sectors: 1 } : undefined;
      writeMbr(disk, [{ type: 0x83, first: 2048, sectors: 4096 }, next], 2048 + i * 1_000_000);
    }
    const { codes, facts } = await metered(disk.reader());
    expect(codes).toEqual(['RESOURCE_LIMIT']);
    expect(facts.partitions).toBeUndefined();
  });

  it.each<[number, string[]]>([
    [128, []],
    [129, ['BAD_PARTITION_TABLE']],
  ])('lets a chain of %d small logical partitions be followed', async (count, refusals) => {
    const step = 32;
    const disk = writeMbr(new DiskImage(64 * MIB), [{ type: 5, first: 2048, sectors: step * count }]);
    for (let i = 0; i < count; i++) {
      const next = i + 1 < count ? { type: 5, first: (i + 1) * step, sectors: step } : undefined;
      writeMbr(disk, [{ type: 0x83, first: 1, sectors: step - 1 }, next], 2048 + i * step);
    }
    const { codes, facts } = await metered(disk.reader());
    expect(codes.filter((code) => !['NOT_BOOTABLE', 'FACTS_INCOMPLETE'].includes(code))).toEqual(refusals);
    expect(facts.partitions).toHaveLength(1 + 128);
  });

  it('does not hide that the source failed', async () => {
    const disk = gptDisk(2, 4 * 1024 * MIB).reader();
    const failing: RangeReader = {
      size: disk.size,
      read: async (offset, length) => {
        if (offset > 100 * MIB && offset < 400 * MIB) throw new Error('the store is away');
        return disk.read(offset, length);
      },
    };
    await expect(metered(failing)).rejects.toThrow('the store is away');
  });
});
