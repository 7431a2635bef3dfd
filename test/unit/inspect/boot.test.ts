import { describe, expect, it } from 'vitest';
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

const SIZE = 64 * MIB;
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
const FREEBSD_BOOT = '83BD6B9D-7F41-11DC-BE0B-001560B84F0F';
const CODE = [0xfa, 0x31, 0xc0, 0x8e, 0xd8];

const gpt = (parts: GptPart[]) => writeGpt(new DiskImage(SIZE), parts);
const mbr = (type: number, status = 0) =>
  writeMbr(new DiskImage(SIZE), [{ type, status, first: 2048, sectors: 20_000 }]);
const grub = (disk: DiskImage, coreLba: number) =>
  disk.write(0, [0xeb, 0x63, 0x90]).u64(92, coreLba).text(384, 'GRUB \0Geom\0Hard Disk\0Read\0 Error');

describe('boot modes', () => {
  const root: GptPart = { first: 40_000, last: 50_000 };
  const part = (type: string): GptPart => ({ type, first: 2048, last: 20_000 });
  const esp = (disk: DiskImage) => writeFat(disk, 2048 * SECTOR, 9 * MIB);

  it.each<[string, DiskImage, string[]]>([
    ['GPT with an ESP that holds a FAT', esp(gpt([part(ESP_TYPE)])), ['UEFI']],
    ['GPT with an ESP that holds nothing', gpt([part(ESP_TYPE)]), []],
    ['GPT with a FAT that is no ESP', esp(gpt([part('EBD0A0A2-B9E5-4433-87C0-68B6B72699C7')])), []],
    ['MBR with a partition of type EF', esp(mbr(0xef)), ['UEFI']],
    ['GPT with a BIOS boot partition and code', gpt([part(BIOS_BOOT)]).write(0, CODE), ['BIOS']],
    ['GPT with a BIOS boot partition and no code', gpt([part(BIOS_BOOT)]), []],
    ['GPT with a freebsd-boot partition and code', gpt([part(FREEBSD_BOOT)]).write(0, CODE), ['BIOS']],
    ['GPT with a legacy-bootable partition', gpt([{ ...root, attributes: 4n }]).write(0, CODE), ['BIOS']],
    ['GPT with an active protective entry', gpt([root]).write(0, CODE).write(446, [0x80]), ['BIOS']],
    ['GPT with code and nothing that it leads to', gpt([root]).write(0, CODE), []],
    ['GPT with GRUB whose core is on the disk', grub(gpt([root]), 3000), ['BIOS']],
    ['GPT with GRUB whose core would be the header', grub(gpt([root]), 1), []],
    ['both', esp(gpt([part(ESP_TYPE), { ...root, type: BIOS_BOOT }])).write(0, CODE), ['BIOS', 'UEFI']],
    ['MBR with code and an active partition', mbr(0x83, 0x80).write(0, CODE), ['BIOS']],
    ['MBR with an active partition and no code', mbr(0x83, 0x80), []],
    ['MBR with code and no active partition', mbr(0x83).write(0, CODE), []],
    ['MBR with GRUB', grub(mbr(0x83), 1), ['BIOS']],
    ['MBR with SYSLINUX', mbr(0x83).write(0, CODE).text(60, 'Missing operating system.'), ['BIOS']],
    [
      'MBR with Windows code',
      mbr(0x07).write(0, [0x33, 0xc0, 0x8e, 0xd0, 0xbc, 0, 0x7c]).text(300, 'Invalid partition table'),
      ['BIOS'],
    ],
    [
      'MBR whose code says that it does not boot',
      mbr(0x83, 0x80).write(0, CODE).text(60, 'This is not a bootable disk.'),
      [],
    ],
    [
      'extlinux in front of an ext over the whole disk',
      writeExt(writeMbr(new DiskImage(SIZE), []), 0, SIZE)
        .write(0, [0xeb, 0x58, 0x90])
        .text(3, 'SYSLINUX'),
      ['BIOS'],
    ],
    ['ext over the whole disk', writeExt(new DiskImage(SIZE), 0, SIZE), []],
    ['FAT over the whole disk as mkfs makes it', writeFat(new DiskImage(SIZE), 0, 8 * MIB), []],
    [
      'FAT over the whole disk with a loader',
      writeFat(new DiskImage(SIZE), 0, 8 * MIB).text(62, 'LDLINUX SYS                 '),
      ['BIOS'],
    ],
  ])('%s', async (_name, disk, modes) => {
    const { facts, codes } = await examine(disk);
    expect(facts.bootModes).toEqual(modes);
    expect(codes.includes('NOT_BOOTABLE')).toBe(modes.length === 0);
  });
});

describe('the family of the operating system', () => {
  const part = (type: string): GptPart => ({ type, first: 2048, last: 20_000 });
  const ntfs = (disk: DiskImage, text: string) =>
    disk
      .write(2048 * SECTOR, [0xeb, 0x52, 0x90])
      .text(2048 * SECTOR + 3, 'NTFS    ')
      .u16(2048 * SECTOR + 11, 512)
      .write(2048 * SECTOR + 13, [8])
      .u64(2048 * SECTOR + 40, 17_000)
      .text(2048 * SECTOR + 200, text)
      .write(2048 * SECTOR + 510, [0x55, 0xaa]);

  it.each<[string, DiskImage, string | undefined]>([
    ['a Linux type', gpt([part('0FC63DAF-8483-4772-8E79-3D69D8477DE4')]), 'LINUX'],
    ['a root type', gpt([part('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709')]), 'LINUX'],
    ['an ext without a telling type', writeExt(mbr(0x0c), 2048 * SECTOR, 9 * MIB), 'LINUX'],
    ['a FreeBSD type', gpt([part('516E7CB6-6ECF-11D6-8FF8-00022D09712B')]), 'BSD'],
    ['an OpenBSD type', mbr(0xa6), 'BSD'],
    ['an NTFS with Windows boot sector', ntfs(mbr(0x07), 'BOOTMGR is missing'), 'WINDOWS'],
    ['an NTFS as mkntfs makes it', ntfs(mbr(0x07), 'This is not a bootable disk.'), undefined],
    ['a Microsoft reserved partition', gpt([part('E3C9E316-0B5C-4DB8-817D-F92DF00215AE')]), 'WINDOWS'],
    ['an ESP and a BIOS boot partition', gpt([part(BIOS_BOOT)]), 'LINUX'],
    ['an APFS type', gpt([part('7C3457EF-0000-11AA-AA11-00306543ECAC')]), 'OTHER'],
    ['basic data only', gpt([part('EBD0A0A2-B9E5-4433-87C0-68B6B72699C7')]), undefined],
  ])('with %s', async (_name, disk, family) => {
    expect((await examine(disk)).facts.osFamily).toBe(family);
  });
});

describe('the architecture', () => {
  it.each<[string, string | undefined]>([
    ['4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', 'X86_64'],
    ['B921B045-1DF0-41C3-AF44-4C6F280D3FAE', 'AARCH64'],
    ['72EC70A6-CF74-40E6-BD49-4BDA08E8F224', 'RISCV64'],
    ['5EEAD9A9-FE09-4A1E-A1D7-520D00531306', 'S390X'],
    ['C31C45E6-3F39-412E-80FB-4809C4980599', 'PPC64LE'],
    ['69DAD710-2CE4-4E3C-B16C-21A1D49ABED3', undefined],
  ])('is told by the partition type %s', async (type, architecture) => {
    const disk = gpt([{ type, first: 2048, last: 20_000 }]);
    expect((await examine(disk)).facts.architecture).toBe(architecture);
  });

  it('is not told by two types that disagree', async () => {
    const disk = gpt([
      { type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', first: 2048, last: 3000 },
      { type: 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE', first: 4096, last: 5000 },
    ]);
    expect((await examine(disk)).facts.architecture).toBeUndefined();
  });
});
