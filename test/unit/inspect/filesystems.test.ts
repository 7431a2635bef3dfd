import { describe, expect, it } from 'vitest';
import { probeVolume } from '../../../inspect/filesystems/probe-all.ts';
import {
  DiskImage,
  examine,
  guidBytes,
  MIB,
  SECTOR,
  writeExt,
  writeFat,
  writeGpt,
  writeMbr,
} from './disk-image.ts';

const SIZE = 64 * MIB;
const BYTES = Array.from({ length: 16 }, (_, i) => 0x10 + i);
const UUID = '10111213-1415-1617-1819-1a1b1c1d1e1f';
const big = (value: number, length: number) =>
  Uint8Array.from({ length }, (_, i) => Math.floor(value / 256 ** (length - 1 - i)) % 256);
const utf16 = (text: string) => Buffer.from(text, 'utf16le');

/** A pair of the list in a ZFS label: a name and its value in XDR. */
function xdrPair(name: string, type: number, value: Uint8Array): Buffer {
  const padded = Buffer.alloc(Math.ceil(name.length / 4) * 4, 0);
  padded.write(name);
  const rest = Buffer.concat([big(name.length, 4), padded, big(type, 4), big(1, 4), value]);
  return Buffer.concat([big(rest.length + 8, 4), big(0, 4), rest]);
}

const empty = () => new DiskImage(SIZE);
const signed = () => empty().write(510, [0x55, 0xaa]);

interface Case {
  readonly name: string;
  readonly disk: DiskImage;
  readonly fileSystem: string;
  readonly label?: string;
  readonly uuid?: string;
}

const CASES: readonly Case[] = [
  {
    name: 'ext2',
    disk: writeExt(empty(), 0, SIZE, 'data'),
    fileSystem: 'EXT2',
    label: 'data',
    uuid: 'abababab-abab-abab-abab-abababababab',
  },
  {
    name: 'exFAT, its label in the root directory',
    disk: signed()
      .text(3, 'EXFAT   ')
      .u64(72, SIZE / 512)
      .u32(88, 2048)
      .u32(96, 5)
      .u32(100, 0xcafe1234)
      .write(108, [9, 3])
      .write(2048 * 512 + 3 * 4096, [0x81])
      .write(2048 * 512 + 3 * 4096 + 32, [0x83, 4, ...utf16('Fünf')]),
    fileSystem: 'EXFAT',
    label: 'Fünf',
    uuid: 'CAFE-1234',
  },
  {
    name: 'ReFS',
    disk: empty().text(3, 'ReFS\0').text(16, 'FSRS').u64(24, 1000).u32(32, 512).u64(56, 0x1234n),
    fileSystem: 'REFS',
    uuid: '0000000000001234',
  },
  {
    name: 'UFS2',
    disk: empty()
      .u32(65536 + 144, 0x5f000001)
      .u32(65536 + 148, 0xabc)
      .text(65536 + 680, 'rootfs')
      .u32(65536 + 1372, 0x19540119),
    fileSystem: 'UFS',
    label: 'rootfs',
    uuid: '5f00000100000abc',
  },
  {
    name: 'UFS1 of the other byte order',
    disk: empty().write(8192 + 1372, [0x00, 0x01, 0x19, 0x54]),
    fileSystem: 'UFS',
  },
  {
    name: 'a ZFS pool member',
    disk: empty()
      .write(16384, [1, 1, 0, 0])
      .write(
        16384 + 12,
        Buffer.concat([
          xdrPair('version', 8, big(5000, 8)),
          xdrPair('name', 9, Buffer.concat([big(5, 4), Buffer.from('tank1\0\0\0')])),
          xdrPair('pool_guid', 8, big(987654321, 8)),
        ]),
      ),
    fileSystem: 'ZFS_MEMBER',
    label: 'tank1',
    uuid: '987654321',
  },
  {
    name: 'an LVM2 physical volume',
    disk: empty()
      .text(512, 'LABELONE')
      .u64(520, 1)
      .u32(532, 32)
      .text(536, 'LVM2 001')
      .text(544, 'CyoBopxo3AwJwu6HJdGBKlHukPlJIOGH')
      .u64(576, SIZE),
    fileSystem: 'LVM2_MEMBER',
    uuid: 'CyoBop-xo3A-wJwu-6HJd-GBKl-HukP-lJIOGH',
  },
  {
    name: 'an md member of version 1.2',
    disk: empty().u32(4096, 0xa92b4efc).u32(4100, 1).write(4112, BYTES).text(4128, 'host:0'),
    fileSystem: 'MDRAID_MEMBER',
    label: 'host:0',
    uuid: UUID,
  },
  {
    name: 'LUKS2',
    disk: empty().text(0, 'LUKS\xba\xbe\0\x02').text(24, 'secret').text(168, UUID),
    fileSystem: 'LUKS',
    label: 'secret',
    uuid: UUID,
  },
  {
    name: 'LUKS1',
    disk: empty().text(0, 'LUKS\xba\xbe\0\x01').text(168, UUID),
    fileSystem: 'LUKS',
    uuid: UUID,
  },
  {
    name: 'BitLocker',
    disk: signed().write(0, [0xeb, 0x58, 0x90]).text(3, '-FVE-FS-'),
    fileSystem: 'BITLOCKER',
  },
  {
    name: 'BitLocker To Go',
    disk: signed().text(3, 'MSWIN4.1').write(424, guidBytes('4967D63B-2E29-4AD8-8399-F6A339E3D001')),
    fileSystem: 'BITLOCKER',
  },
  { name: 'squashfs', disk: empty().text(0, 'hsqs').u16(28, 4).u64(40, 5000), fileSystem: 'SQUASHFS' },
  {
    name: 'ISO 9660',
    disk: empty()
      .write(32768, [1])
      .text(32769, 'CD001')
      .write(32774, [1])
      .text(32808, 'MEDIUM          ')
      .u32(32848, 500)
      .write(32852, big(500, 4))
      .u16(32896, 2048)
      .write(32898, big(2048, 2)),
    fileSystem: 'ISO9660',
    label: 'MEDIUM',
  },
  {
    name: 'F2FS',
    disk: empty()
      .u32(1024, 0xf2f52010)
      .u32(1040, 12)
      .u64(1060, 1000)
      .write(1132, BYTES)
      .write(1148, utf16('flash')),
    fileSystem: 'F2FS',
    label: 'flash',
    uuid: UUID,
  },
  {
    name: 'EROFS',
    disk: empty()
      .u32(1024, 0xe0f5e1e2)
      .write(1036, [12])
      .u32(1060, 100)
      .write(1072, BYTES)
      .text(1088, 'image'),
    fileSystem: 'EROFS',
    label: 'image',
    uuid: UUID,
  },
  {
    name: 'HFS+',
    disk: empty()
      .text(1024, 'H+')
      .write(1026, big(4, 2))
      .write(1064, big(4096, 4))
      .write(1068, big(1000, 4))
      .write(1128, BYTES.slice(0, 8))
      .write(1024 + 272 + 16, big(5, 4))
      .write(5 * 4096 + 24, big(2, 4))
      .write(5 * 4096 + 32, big(8192, 2))
      .write(5 * 4096 + 2 * 8192 + 14, [
        ...big(16, 2),
        ...big(1, 4),
        ...big(3, 2),
        0,
        0x4d,
        0,
        0x61,
        0,
        0x63,
      ]),
    fileSystem: 'HFSPLUS',
    label: 'Mac',
    uuid: '1011121314151617',
  },
  {
    name: 'APFS',
    disk: empty().u16(24, 1).text(32, 'NXSB').u32(36, 4096).u64(40, 1000).write(72, BYTES),
    fileSystem: 'APFS',
    uuid: UUID,
  },
  { name: 'old swap', disk: empty().text(4086, 'SWAP-SPACE'), fileSystem: 'SWAP' },
  {
    name: 'FAT16 with a label in its root directory only',
    disk: writeFat(empty(), 0, 16 * MIB, 'NO NAME    ')
      .text(65 * 512, 'GONE       \x08')
      .write(65 * 512, [0xe5])
      .text(65 * 512 + 32, 'SYSTEM     \x08'),
    fileSystem: 'FAT16',
    label: 'SYSTEM',
    uuid: '1234-5678',
  },
];

describe('a file system over the whole disk', () => {
  it.each(CASES)('is known: $name', async ({ disk, fileSystem, label, uuid }) => {
    const { facts, codes } = await examine(disk);
    expect(facts.partitions).toEqual([
      {
        number: 0,
        start: '0',
        size: String(SIZE),
        fileSystem,
        ...(label === undefined ? {} : { label }),
        ...(uuid === undefined ? {} : { uuid }),
      },
    ]);
    expect(codes).toContain('NO_PARTITION_TABLE');
    expect(codes.includes('ENCRYPTED_VOLUME')).toBe(['LUKS', 'BITLOCKER'].includes(fileSystem));
  });

  it.each(CASES)('is known in a partition too: $name', async ({ disk, fileSystem }) => {
    const whole = writeMbr(new DiskImage(80 * MIB), [{ type: 0x0c, first: 2048, sectors: SIZE / SECTOR }]);
    whole.write(2048 * SECTOR, disk.read(0, 2 * MIB));
    const { facts } = await examine(whole);
    expect(facts.partitions?.[0]?.fileSystem).toBe(fileSystem);
  });

  it.each(CASES)('is not known when its first bytes are cut: $name', ({ disk }) => {
    for (const length of [0, 1, 100, 511]) {
      expect(() => probeVolume(disk.read(0, length), length)).not.toThrow();
    }
  });
});

describe('leftovers', () => {
  it('count less than a file system that fits the volume', async () => {
    const disk = empty()
      .text(0, 'XFSB')
      .write(4, big(4096, 4))
      .write(8, big(SIZE / 4096 + 1, 8));
    disk.write(84, big(100, 4)).write(88, big(4, 4)).write(104, big(512, 2));
    expect((await examine(disk)).facts.partitions?.[0]?.fileSystem).toBe('XFS');
    disk.u32(1024, 1).u32(1028, 1000).text(4086, 'SWAPSPACE2');
    expect((await examine(disk)).facts.partitions?.[0]?.fileSystem).toBe('SWAP');
  });

  it.each<[string, (disk: DiskImage) => DiskImage]>([
    ['an external journal of ext', (disk) => writeExt(disk, 0, SIZE).u32(1024 + 0x60, 8)],
    ['a FAT with no sectors in a cluster', (disk) => writeFat(disk, 0, 8 * MIB).write(13, [0])],
    ['a FAT with an impossible media byte', (disk) => writeFat(disk, 0, 8 * MIB).write(21, [0x12])],
    ['a FAT with sectors of 0 bytes', (disk) => writeFat(disk, 0, 8 * MIB).u16(11, 0)],
    ['an XFS with no blocks', (disk) => disk.text(0, 'XFSB').write(4, big(4096, 4))],
    [
      'an ISO 9660 whose orders disagree',
      (disk) => disk.write(32768, [1]).text(32769, 'CD001').u32(32848, 5),
    ],
  ])('are no file system: %s', async (_name, write) => {
    expect((await examine(write(empty()))).facts).toMatchObject({ recognised: false, partitions: [] });
  });
});

describe('members of an md array that keep their superblock at the end', () => {
  const RAID = 'A19D880F-05FC-4D3B-A006-743F0F84911E';
  const start = 2048 * SECTOR;
  const sectors = 40_000;
  const member = () =>
    writeExt(writeGpt(empty(), [{ type: RAID, first: 2048, last: 2048 + sectors - 1 }]), start, 1 * MIB);

  it('are known as version 1.0', async () => {
    const at = start + (sectors - 16) * SECTOR;
    const disk = member()
      .u32(at, 0xa92b4efc)
      .u32(at + 4, 1)
      .write(at + 16, BYTES);
    expect((await examine(disk)).facts.partitions?.[0]).toMatchObject({
      fileSystem: 'MDRAID_MEMBER',
      uuid: UUID,
    });
  });

  it('are known as version 0.90', async () => {
    const at = start + Math.floor((sectors * SECTOR) / 65536) * 65536 - 65536;
    const disk = member()
      .u32(at, 0xa92b4efc)
      .u32(at + 20, 0x10111213)
      .u32(at + 52, 0x14151617);
    disk.u32(at + 56, 0x18191a1b).u32(at + 60, 0x1c1d1e1f);
    expect((await examine(disk)).facts.partitions?.[0]).toMatchObject({
      fileSystem: 'MDRAID_MEMBER',
      uuid: UUID,
    });
  });
});
