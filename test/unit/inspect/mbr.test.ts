import { describe, expect, it } from 'vitest';
import { DiskImage, examine, type MbrPart, MIB, SECTOR, writeExt, writeFat, writeMbr } from './disk-image.ts';

const SIZE = 64 * MIB;
const LAST = SIZE / SECTOR;
const linux = (first: number, sectors: number): MbrPart => ({ type: 0x83, first, sectors });

function partitioned(parts: readonly (MbrPart | undefined)[]): DiskImage {
  return writeMbr(new DiskImage(SIZE), parts);
}

describe('an MBR', () => {
  it('gives primary partitions by slot, with type, activity and identifier', async () => {
    const disk = partitioned([linux(2048, 4096), undefined, { ...linux(8192, 2048), status: 0x80 }]);
    disk.u32(440, 0xdeadbeef);
    const { facts, codes } = await examine(disk);
    expect(facts).toMatchObject({ partitionTable: 'MBR', sectorSize: 512, recognised: true });
    expect(facts.partitions).toEqual([
      { number: 1, start: '1048576', size: '2097152', type: '0x83', partitionUuid: 'deadbeef-01' },
      {
        number: 3,
        start: '4194304',
        size: '1048576',
        type: '0x83',
        active: true,
        partitionUuid: 'deadbeef-03',
      },
    ]);
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it.each<{ name: string; parts: MbrPart[]; codes: string[] }>([
    { name: 'an end on the last sector', parts: [linux(2048, LAST - 2048)], codes: ['NOT_BOOTABLE'] },
    {
      name: 'an end less than a cylinder behind the disk',
      parts: [linux(2048, LAST - 2048 + 255 * 63 - 1)],
      codes: ['NOT_BOOTABLE', 'CREATOR_QUIRK'],
    },
    {
      name: 'an end a cylinder behind the disk',
      parts: [linux(2048, LAST - 2048 + 255 * 63)],
      codes: ['BAD_PARTITION_TABLE'],
    },
    {
      name: 'a start behind the disk',
      parts: [linux(2048, 2048), linux(LAST, 8)],
      codes: ['BAD_PARTITION_TABLE'],
    },
    {
      name: 'a partition that ends behind the disk and is not the last',
      parts: [linux(2048, LAST), linux(4096, LAST)],
      codes: ['BAD_PARTITION_TABLE', 'CREATOR_QUIRK'],
    },
    {
      name: 'partitions that touch',
      parts: [linux(2048, 2048), linux(4096, 2048)],
      codes: ['NOT_BOOTABLE'],
    },
    {
      name: 'partitions that share a sector',
      parts: [linux(2048, 2049), linux(4096, 2048)],
      codes: ['BAD_PARTITION_TABLE'],
    },
    {
      name: 'a status that is neither 00 nor 80 beside a sane entry',
      parts: [linux(2048, 2048), { ...linux(4096, 2048), status: 0x12 }],
      codes: ['BAD_PARTITION_TABLE'],
    },
    {
      name: 'two extended partitions',
      parts: [
        { type: 5, first: 2048, sectors: 2048 },
        { type: 15, first: 4096, sectors: 2048 },
      ],
      codes: ['BAD_PARTITION_TABLE'],
    },
  ])('judges $name', async ({ parts, codes }) => {
    expect((await examine(partitioned(parts))).codes).toEqual(codes);
  });

  it('is no table when every entry is empty', async () => {
    const { facts, codes } = await examine(partitioned([]));
    expect(facts).toMatchObject({ recognised: false, partitionTable: 'NONE', partitions: [] });
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it('is refused when it guards a GPT that is nowhere', async () => {
    const { codes } = await examine(partitioned([{ type: 0xee, first: 1, sectors: LAST - 1 }]));
    expect(codes).toContain('BAD_CHECKSUM');
  });
});

const CONTAINER: MbrPart = { type: 5, first: 4096, sectors: 60_000 };

/** Extended boot records at these sectors of the container, each followed by its logical partition. */
function chained(records: readonly { at: number; next?: number; part?: MbrPart }[]): DiskImage {
  const disk = partitioned([linux(2048, 2048), CONTAINER]);
  for (const { at, next, part } of records) {
    const link = next === undefined ? undefined : { type: 5, first: next, sectors: 1000 };
    writeMbr(disk, [part ?? linux(63, 500), link], CONTAINER.first + at);
  }
  return disk;
}

describe('logical partitions', () => {
  it('are numbered from 5 in the order of the chain, not of the disk', async () => {
    const { facts, codes } = await examine(
      chained([{ at: 0, next: 4000 }, { at: 4000, next: 2000 }, { at: 2000 }]),
    );
    const starts = facts.partitions?.map(({ number, start }) => [number, Number(start) / SECTOR]);
    expect(starts).toEqual([
      [1, 2048],
      [2, 4096],
      [5, 4096 + 63],
      [6, 8096 + 63],
      [7, 6096 + 63],
    ]);
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it('may be missing from the first record', async () => {
    const empty = { type: 0, first: 0, sectors: 0 };
    const { facts } = await examine(chained([{ at: 0, next: 4000, part: empty }, { at: 4000 }]));
    expect(facts.partitions?.map(({ number }) => number)).toEqual([1, 2, 5]);
  });

  it('are none when the first record is unsigned', async () => {
    const { facts, codes } = await examine(partitioned([linux(2048, 2048), CONTAINER]));
    expect(facts.partitions?.map(({ number }) => number)).toEqual([1, 2]);
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it.each<{ name: string; records: { at: number; next?: number; part?: MbrPart }[]; field: string }>([
    { name: 'a record that names itself', records: [{ at: 0, next: 0 }], field: 'next record' },
    {
      name: 'a loop of two',
      records: [
        { at: 0, next: 2000 },
        { at: 2000, next: 0 },
      ],
      field: 'next record',
    },
    { name: 'a link out of the container', records: [{ at: 0, next: 60_000 }], field: 'first LBA' },
    { name: 'a later record without signature', records: [{ at: 0, next: 3000 }], field: 'signature' },
    {
      name: 'logical partitions that overlap',
      records: [
        { at: 0, next: 300, part: linux(63, 500) },
        { at: 300, part: linux(63, 500) },
      ],
      field: 'first LBA',
    },
  ])('are refused for $name', async ({ records, field }) => {
    const { findings } = await examine(chained(records));
    expect(findings.map(({ code, field }) => [code, field])).toContainEqual(['BAD_PARTITION_TABLE', field]);
  });

  it.each([
    [128, []],
    [129, ['BAD_PARTITION_TABLE']],
  ])('are at most 128: %d', async (count, refusals) => {
    const records = Array.from({ length: count }, (_, i) => ({
      at: i * 100,
      part: linux(10, 50),
      ...(i + 1 < count ? { next: (i + 1) * 100 } : {}),
    }));
    const { codes } = await examine(chained(records));
    expect(codes.filter((code) => code !== 'NOT_BOOTABLE')).toEqual(refusals);
  });
});

describe('a sector that could be an MBR or a boot sector', () => {
  it('is a FAT over the whole disk when its parameters are plausible', async () => {
    const { facts, codes } = await examine(writeFat(new DiskImage(SIZE), 0, 8 * MIB));
    expect(facts.partitionTable).toBe('NONE');
    expect(facts.partitions).toEqual([
      { number: 0, start: '0', size: String(SIZE), fileSystem: 'FAT16', label: 'ESP', uuid: '1234-5678' },
    ]);
    expect(codes).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
  });

  it.each<[string, MbrPart[], string]>([
    [
      'whose entries are code',
      [{ type: 0x4e, first: 0x20202020, sectors: 0x41414141, status: 0x41 }],
      'NONE',
    ],
    ['whose entries lie outside the disk', [linux(LAST, 2048)], 'NONE'],
    ['with sane entries', [linux(2048, 2048)], 'MBR'],
    ['with no entries', [], 'NONE'],
  ])('is judged by its entries in front of an ext superblock: %s', async (_name, parts, expected) => {
    const disk = writeExt(partitioned(parts), 0, SIZE);
    expect((await examine(disk)).facts.partitionTable).toBe(expected);
  });
});
