/** How firmware can start a disk: boot code in the first sector, or an EFI System Partition. */
import type { Layout } from './partitions/find-table.ts';
import { type Mbr, usedEntries } from './partitions/mbr.ts';
import type { Table } from './partitions/table.ts';
import { PROTECTIVE_TYPE } from './partitions/types.ts';
import { covers, hasAscii, hasBytes, slice, toNumber, u64le, whole } from './readers/bytes.ts';
import { latin1 } from './readers/text.ts';
import type { BootMode, FileSystem } from './report.ts';
import type { Volume } from './volumes.ts';

const BOOT_CODE_BYTES = 440;
const SIGNATURE_OFFSET = 510;
/** GRUB's boot.img holds the LBA of its core image here (GNU GRUB, `grub-core/boot/i386/pc/boot.S`). */
const GRUB_CORE_LBA = 92;

/** What mkfs programs write where boot code belongs, to say that there is none. */
const NOT_BOOTABLE = [
  'not a bootable disk',
  'disk is not bootable',
  'Non-system disk\r\nPress any key to reboot',
];

/** Texts and first bytes by which boot code of an MBR is known. */
const WINDOWS_TEXTS = ['Invalid partition table', 'Error loading operating system'];
const WINDOWS_START = [0x33, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c];
const SYSLINUX_TEXTS = [
  'Missing operating system.',
  'Operating system load error.',
  'Missing OS',
  'SYSLINUX',
];
const SYSLINUX_START = [0x33, 0xc0, 0xfa, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c];

const FATS: ReadonlySet<FileSystem> = new Set<FileSystem>(['FAT12', 'FAT16', 'FAT32']);
/** Where boot code begins in a boot sector that a file system shares with its own parameters. */
const CODE_START: Partial<Record<FileSystem, number>> = {
  FAT12: 62,
  FAT16: 62,
  FAT32: 90,
  EXFAT: 120,
  NTFS: 84,
  BITLOCKER: 84,
};
/** File systems whose own structures begin in the first sector, so that no boot code can stand there. */
const WITHOUT_BOOT_SECTOR: ReadonlySet<FileSystem> = new Set<FileSystem>([
  'XFS',
  'LUKS',
  'SQUASHFS',
  'APFS',
  'REFS',
  'MDRAID_MEMBER',
]);

/** The boot modes of a disk whose volumes have been probed, BIOS first. */
export function bootModes(layout: Layout, volumes: readonly Volume[], diskSize: number): BootMode[] {
  const modes: BootMode[] = [];
  if (bootsBios(layout, volumes, diskSize)) modes.push('BIOS');
  if (volumes.some(({ meaning, probe }) => meaning.role === 'esp' && isFat(probe?.fileSystem))) {
    modes.push('UEFI');
  }
  return modes;
}

export function isFat(fileSystem: FileSystem | undefined): boolean {
  return fileSystem !== undefined && FATS.has(fileSystem);
}

function bootsBios(
  { head, mbr, table, wholeDisk }: Layout,
  volumes: readonly Volume[],
  diskSize: number,
): boolean {
  if (mbr === undefined || !mbr.signed) return false;
  if (wholeDisk !== undefined) return hasVolumeBootCode(head, wholeDisk.fileSystem);
  if (table === undefined || !hasCode(head, 0)) return false;
  if (table.kind === 'GPT') return gptStarts(head, mbr, table, volumes, diskSize);
  return hasActiveEntry(mbr) || isKnownLoader(head);
}

function hasVolumeBootCode(sector: Uint8Array, fileSystem: FileSystem): boolean {
  if (WITHOUT_BOOT_SECTOR.has(fileSystem)) return false;
  return hasCode(sector, CODE_START[fileSystem] ?? 0);
}

/** Whether the first sector is signed and holds code other than what says that the disk does not boot. */
function hasCode(sector: Uint8Array, from: number): boolean {
  if (!hasBytes(sector, SIGNATURE_OFFSET, [0x55, 0xaa])) return false;
  const code = slice(sector, from, BOOT_CODE_BYTES - from);
  // exFAT asks for F4, the halt instruction, where there is no boot code.
  if (code.every((byte) => byte === 0) || code.every((byte) => byte === 0xf4)) return false;
  const text = latin1(slice(sector, 0, SIGNATURE_OFFSET));
  return !NOT_BOOTABLE.some((words) => text.includes(words));
}

function hasActiveEntry(mbr: Mbr): boolean {
  return usedEntries(mbr).some((entry) => entry.status === 0x80);
}

/** What firmware or the boot code goes on to, on a disk with a GPT. */
function gptStarts(
  head: Uint8Array,
  mbr: Mbr,
  table: Table,
  volumes: readonly Volume[],
  diskSize: number,
): boolean {
  const hasPartition = volumes.some(
    ({ meaning, slot }) =>
      meaning.role === 'biosBoot' || meaning.role === 'freebsdBoot' || slot.legacyBoot === true,
  );
  const isHybrid = usedEntries(mbr).some((entry) => entry.type !== PROTECTIVE_TYPE);
  const protectiveActive = mbr.entries.some(
    (entry) => entry.type === PROTECTIVE_TYPE && entry.status === 0x80,
  );
  return (
    hasPartition ||
    protectiveActive ||
    (isHybrid && hasActiveEntry(mbr)) ||
    grubCoreIsOnDisk(head, table, diskSize)
  );
}

/** Whether GRUB's boot code names a core image that lies on the disk and not in the table. */
function grubCoreIsOnDisk(head: Uint8Array, table: Table, diskSize: number): boolean {
  if (!latin1(slice(head, 0, SIGNATURE_OFFSET)).includes('GRUB ')) return false;
  const offset = (whole(() => toNumber(u64le(head, GRUB_CORE_LBA))) ?? 0) * 512;
  return offset >= table.firstUsable && covers(diskSize, offset, 512);
}

/** Boot code that finds its own way, without an active partition. */
function isKnownLoader(head: Uint8Array): boolean {
  const text = latin1(slice(head, 0, SIGNATURE_OFFSET));
  const carries = (texts: readonly string[]) => texts.some((words) => text.includes(words));
  return (
    text.includes('GRUB ') ||
    hasAscii(head, 6, 'LILO') ||
    hasBytes(head, 0, SYSLINUX_START) ||
    hasBytes(head, 0, WINDOWS_START) ||
    carries(SYSLINUX_TEXTS) ||
    carries(WINDOWS_TEXTS)
  );
}
