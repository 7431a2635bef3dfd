import { describe, expect, it } from 'vitest';
import {
  crc32,
  DiskImage,
  ESP_TYPE,
  examine,
  type GptOptions,
  type GptPart,
  MIB,
  SECTOR,
  writeGpt,
  writeMbr,
} from './disk-image.ts';

const SIZE = 64 * MIB;
const LAST = SIZE / SECTOR - 1;
const ROOT: GptPart = { first: 2048, last: 4095, name: 'root' };

function partitioned(parts: readonly GptPart[] = [ROOT], options: GptOptions = {}): DiskImage {
  return writeGpt(new DiskImage(SIZE), parts, options);
}

/** Changes a field of the primary header and makes its checksum right again. */
function reheader(disk: DiskImage, change: (disk: DiskImage) => void, sector = SECTOR): DiskImage {
  change(disk);
  disk.u32(sector + 16, 0);
  return disk.u32(sector + 16, crc32(disk.read(sector, 92)));
}

describe('a GPT', () => {
  it.each([512, 4096])('is read with sectors of %d bytes', async (sectorSize) => {
    const disk = partitioned([{ ...ROOT, first: 256, last: 511 }], { sectorSize });
    const { facts, codes } = await examine(disk);
    expect(facts).toMatchObject({ partitionTable: 'GPT', sectorSize, recognised: true });
    expect(facts.partitions).toEqual([
      {
        number: 1,
        start: String(256 * sectorSize),
        size: String(256 * sectorSize),
        type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
        name: 'root',
        partitionUuid: '00000000-0000-4000-8000-000000000001',
      },
    ]);
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it.each([
    [4, 128, [1, 3]],
    [56, 256, [56]],
    [128, 128, [128, 1, 15]],
    [256, 128, [256, 127]],
    [1024, 128, [1024]],
    [32, 4096, [32]],
  ])('of %d entries of %d bytes gives the numbers %j', async (entryCount, entryBytes, numbers) => {
    const parts = numbers.map((number, i) => ({ number, first: 4096 + i * 100, last: 4096 + i * 100 + 99 }));
    const { facts, codes } = await examine(partitioned(parts, { entryCount, entryBytes }));
    expect(facts.partitions?.map(({ number }) => number)).toEqual([...numbers].sort((a, b) => a - b));
    expect(codes).toEqual(['NOT_BOOTABLE']);
  });

  it('shows names without what could steer a console', async () => {
    const { facts } = await examine(partitioned([{ ...ROOT, name: 'ro\u001b[31m\u202eot\u0085' }]));
    expect(facts.partitions?.[0]?.name).toBe('ro[31mot');
  });

  it.each<[string, GptPart[], string[]]>([
    ['runs backwards', [{ first: 4095, last: 2048 }], ['BAD_PARTITION_TABLE']],
    ['ends behind the disk', [{ first: 2048, last: LAST + 1 }], ['BAD_PARTITION_TABLE']],
    ['lies over the header', [{ first: 1, last: 1 }], ['BAD_PARTITION_TABLE']],
    ['lies over the entries', [{ first: 33, last: 4095 }], ['BAD_PARTITION_TABLE']],
    ['lies over the backup', [{ first: 2048, last: LAST }], ['BAD_PARTITION_TABLE']],
    [
      'overlaps another',
      [
        { first: 2048, last: 4096 },
        { first: 4096, last: 5000 },
      ],
      ['BAD_PARTITION_TABLE'],
    ],
    [
      'touches another',
      [
        { first: 2048, last: 4095 },
        { first: 4096, last: 5000 },
      ],
      ['NOT_BOOTABLE'],
    ],
  ])('with a partition that %s', async (_name, parts, codes) => {
    expect((await examine(partitioned(parts))).codes).toEqual(codes);
  });

  it('takes a partition outside the usable range as a quirk', async () => {
    const { codes } = await examine(partitioned([ROOT], { firstUsableLba: 3000 }));
    expect(codes).toEqual(['NOT_BOOTABLE', 'CREATOR_QUIRK']);
  });

  it.each<[string, number, number]>([
    ['more entries than any table', 80, 0xffffffff],
    ['no entries', 80, 0],
    ['entries of an odd size', 84, 192],
    ['entries above 4096 bytes', 84, 8192],
  ])('whose intact header describes %s is refused', async (_name, offset, value) => {
    const disk = reheader(partitioned(), (d) => d.u32(SECTOR + offset, value));
    expect((await examine(disk)).codes).toEqual(['BAD_PARTITION_TABLE']);
  });
});

describe('the two copies of a GPT', () => {
  const damagePrimary = (disk: DiskImage) => disk.u32(SECTOR + 56, 0x12121212);
  const damageBackup = (disk: DiskImage) => disk.u32(LAST * SECTOR + 56, 0x12121212);

  it.each<[string, DiskImage, string[]]>([
    ['both intact', partitioned(), ['NOT_BOOTABLE']],
    ['the primary header damaged', damagePrimary(partitioned()), ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE']],
    ['the primary entries damaged', partitioned().u32(1024, 7), ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE']],
    ['no primary', partitioned([ROOT], { primary: false }), ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE']],
    [
      'neither primary nor protective MBR',
      partitioned([ROOT], { primary: false, protective: false }),
      ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE'],
    ],
    ['the backup header damaged', damageBackup(partitioned()), ['GPT_BACKUP_DAMAGED', 'NOT_BOOTABLE']],
    [
      'the backup entries damaged',
      partitioned().u32((LAST - 32) * SECTOR, 7),
      ['GPT_BACKUP_DAMAGED', 'NOT_BOOTABLE'],
    ],
    ['no backup', partitioned([ROOT], { backup: false }), ['GPT_BACKUP_DAMAGED', 'NOT_BOOTABLE']],
    [
      'a backup where the disk once ended',
      partitioned([ROOT], { alternateLba: 20_000 }),
      ['GPT_BACKUP_MISPLACED', 'NOT_BOOTABLE'],
    ],
    [
      'a backup behind the end of a file that was cut',
      partitioned([ROOT], { alternateLba: LAST + 1000 }),
      ['GPT_BACKUP_DAMAGED', 'NOT_BOOTABLE'],
    ],
    ['both damaged', damageBackup(damagePrimary(partitioned())), ['BAD_CHECKSUM']],
    [
      'both damaged and no protective MBR',
      damageBackup(damagePrimary(partitioned([ROOT], { protective: false }))),
      ['BAD_CHECKSUM'],
    ],
    [
      'a usable range behind the disk in the primary',
      reheader(partitioned(), (d) => d.u64(SECTOR + 48, LAST + 9)),
      ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE'],
    ],
    [
      'a primary that says it is elsewhere',
      reheader(partitioned(), (d) => d.u64(SECTOR + 24, 2)),
      ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE'],
    ],
    [
      'a primary damaged on a disk that was grown',
      damagePrimary(partitioned([ROOT], { alternateLba: 20_000 })),
      ['GPT_PRIMARY_DAMAGED', 'NOT_BOOTABLE'],
    ],
  ])('%s', async (_name, disk, codes) => {
    const { facts, codes: found } = await examine(disk);
    expect(found).toEqual(codes);
    if (!codes.includes('BAD_CHECKSUM')) expect(facts.partitions).toHaveLength(1);
  });

  it('take the primary when both are intact and differ', async () => {
    const disk = partitioned();
    const other = partitioned([{ ...ROOT, last: 5000 }], { primary: false });
    disk.write((LAST - 32) * SECTOR, other.read((LAST - 32) * SECTOR, 33 * SECTOR));
    const { facts, codes } = await examine(disk);
    expect(codes).toEqual(['GPT_BACKUP_DAMAGED', 'NOT_BOOTABLE']);
    expect(facts.partitions?.[0]?.size).toBe(String(2048 * SECTOR));
  });

  it('are a polyglot when each sector size has its own', async () => {
    // Entries of the smaller table must not reach the header of the larger one at 4096.
    const disk = partitioned([], { entryCount: 4 });
    const larger = writeGpt(new DiskImage(SIZE), [{ first: 300, last: 400 }], { sectorSize: 4096 });
    disk.write(4096, larger.read(4096, 8 * 4096));
    expect((await examine(disk)).codes).toContain('POLYGLOT');
  });
});

describe('an MBR beside a GPT', () => {
  const esp: GptPart = { first: 2048, last: 4095, type: ESP_TYPE };
  const guard = { type: 0xee, first: 1, sectors: 2047 };

  it.each<[string, Parameters<typeof writeMbr>[1], string[]]>([
    ['a protective entry of any size', [{ type: 0xee, first: 1, sectors: 7 }], []],
    ['a partition of the GPT too', [guard, { type: 0xef, first: 2048, sectors: 2048 }], ['HYBRID_MBR']],
    ['the protective entry in another place', [undefined, guard], ['HYBRID_MBR']],
    [
      'a partition that the GPT does not have',
      [guard, { type: 0x83, first: 6000, sectors: 100 }],
      ['BAD_PARTITION_TABLE', 'HYBRID_MBR'],
    ],
    [
      'a partition of another size than in the GPT',
      [guard, { type: 0x83, first: 2048, sectors: 100 }],
      ['BAD_PARTITION_TABLE', 'HYBRID_MBR'],
    ],
  ])('has %s', async (_name, entries, codes) => {
    const disk = writeMbr(partitioned([esp], { protective: false }), entries);
    const found = (await examine(disk)).codes.filter((code) => code !== 'NOT_BOOTABLE');
    expect(found).toEqual(codes);
  });
});
