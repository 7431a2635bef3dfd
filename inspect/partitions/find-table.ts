/** Which partition table a disk has, when several could be meant, and what is wrong with it. */
import { probeMdraidTail } from '../filesystems/mdraid.ts';
import type { Probe } from '../filesystems/probe.ts';
import { probeVolume } from '../filesystems/probe-all.ts';
import { whole } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import type { FileSystem } from '../report.ts';
import { logicalSlots } from './extended.ts';
import {
  findPrimaries,
  type GptContext,
  refuseWithoutGpt,
  tableFromBackup,
  tableFromPrimary,
} from './gpt-disk.ts';
import { checkMbrBesideGpt } from './gpt-rules.ts';
import {
  checkSlots,
  checkStatuses,
  hasProtectiveEntry,
  isPartitioned,
  isSane,
  MBR_SECTOR,
  type Mbr,
  parseMbr,
  primarySlots,
} from './mbr.ts';
import { HEAD_BYTES, type Table } from './table.ts';

/** What the disk is as a whole. */
export interface Layout {
  /** The first bytes of the disk, up to 72 KiB. */
  readonly head: Uint8Array;
  /** Undefined on a disk shorter than a sector. */
  readonly mbr: Mbr | undefined;
  /** Undefined when the disk has no table, or one of which no copy can be read. */
  readonly table?: Table;
  /** The file system on the whole disk. */
  readonly wholeDisk?: Probe;
  /** A table or a file system is there, readable or not. */
  readonly recognised: boolean;
}

/** File systems whose boot sector carries the same signature as an MBR and may hold text where entries would be. */
const WITH_BOOT_SECTOR: ReadonlySet<FileSystem> = new Set<FileSystem>([
  'FAT12',
  'FAT16',
  'FAT32',
  'EXFAT',
  'NTFS',
  'BITLOCKER',
]);

/** Finds the table of a disk and notes everything that is wrong with it. Passes on what the reader throws. */
export async function findTable(view: RangeReader, context: GptContext): Promise<Layout> {
  const { findings, limits } = context;
  const head = await view.read(0, Math.min(view.size, HEAD_BYTES));
  const mbr = whole(() => parseMbr(head));
  const primaries = await findPrimaries(view, context);
  const withTable = (table: Table): Layout => {
    if (table.kind === 'GPT' && mbr !== undefined) {
      checkMbrBesideGpt(mbr, table.slots, table.sectorSize, findings);
    }
    return { head, mbr, table, recognised: true };
  };

  if (primaries.chosen !== undefined) {
    return withTable(await tableFromPrimary(view, primaries.chosen, context));
  }
  if (mbr !== undefined && hasProtectiveEntry(mbr)) {
    const table = primaries.faulty ? undefined : await tableFromBackup(view, primaries, context);
    if (table !== undefined) return withTable(table);
    refuseWithoutGpt(primaries, findings);
    return { head, mbr, recognised: true };
  }

  const probe = probeVolume(head, view.size);
  if (mbr !== undefined && isPartitioned(mbr, view.size) && !isWholeDisk(probe, mbr, view.size)) {
    checkStatuses(mbr, findings);
    const slots = [...primarySlots(mbr), ...(await logicalSlots(view, mbr, limits, findings))];
    checkSlots(slots, view.size, findings);
    return withTable({ kind: 'MBR', sectorSize: 512, slots, firstUsable: MBR_SECTOR });
  }
  if (probe !== undefined) return { head, mbr, wholeDisk: probe, recognised: true };
  const table = primaries.faulty ? undefined : await tableFromBackup(view, primaries, context);
  if (table !== undefined) return withTable(table);
  if (primaries.signed) {
    refuseWithoutGpt(primaries, findings);
    return { head, mbr, recognised: true };
  }
  const member = await probeMdraidTail(view);
  if (member !== undefined) return { head, mbr, wholeDisk: member, recognised: true };
  return { head, mbr, recognised: false };
}

/** Whether the first sector is a file system's although it could be read as an MBR. */
function isWholeDisk(probe: Probe | undefined, mbr: Mbr, diskSize: number): boolean {
  if (probe === undefined) return false;
  if (WITH_BOOT_SECTOR.has(probe.fileSystem)) return true;
  // extlinux writes its boot sector in front of ext's superblock, and its code runs through the table's place.
  const isExt = ['EXT2', 'EXT3', 'EXT4'].includes(probe.fileSystem);
  return isExt && !isSane(mbr, diskSize);
}
