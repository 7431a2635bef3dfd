/**
 * The master boot record: sector 0 of 512 bytes, integers little-endian.
 *
 *   0    boot code, 440 bytes
 *   440  u32 disk signature
 *   446  four entries of 16 bytes: 0 status (00, 80), 1 CHS first, 4 type, 5 CHS last, 8 u32 first LBA, 12 u32 sectors
 *   510  55 AA
 *
 * UEFI 2.10 section 5.2.1 describes the same layout. Logical partitions are in `extended.ts`.
 */
import { hasBytes, slice, u8, u32le } from '../readers/bytes.ts';
import type { Findings } from '../report.ts';
import type { Slot } from './table.ts';
import { isExtended, PROTECTIVE_TYPE } from './types.ts';

export const MBR_SECTOR = 512;
export const MBR_REFERENCE = 'UEFI 2.10, section 5.2.1 (legacy MBR)';
/** Old tools let the last partition end up to a cylinder behind the disk: 255 heads of 63 sectors. */
const CYLINDER_BYTES = 255 * 63 * MBR_SECTOR;

export interface MbrEntry {
  /** 0 to 3. */
  readonly slot: number;
  readonly status: number;
  readonly type: number;
  readonly firstLba: number;
  readonly sectors: number;
}

export interface Mbr {
  /** 55 AA stands at 510. */
  readonly signed: boolean;
  readonly diskSignature: number;
  /** All four, used or not. */
  readonly entries: readonly MbrEntry[];
}

/** Reads the sector; throws OutOfBounds when fewer than 512 bytes are given. */
export function parseMbr(sector: Uint8Array): Mbr {
  const entries = [0, 1, 2, 3].map((slot) => {
    const entry = slice(sector, 446 + 16 * slot, 16);
    return {
      slot,
      status: u8(entry, 0),
      type: u8(entry, 4),
      firstLba: u32le(entry, 8),
      sectors: u32le(entry, 12),
    };
  });
  return { signed: hasBytes(sector, 510, [0x55, 0xaa]), diskSignature: u32le(sector, 440), entries };
}

/** Entries that describe a partition: a type and at least one sector. */
export function usedEntries(mbr: Mbr): MbrEntry[] {
  return mbr.entries.filter((entry) => entry.type !== 0 && entry.sectors > 0);
}

export function hasProtectiveEntry(mbr: Mbr): boolean {
  return mbr.signed && mbr.entries.some((entry) => entry.type === PROTECTIVE_TYPE);
}

function knownStatus(entry: MbrEntry): boolean {
  return entry.status === 0 || entry.status === 0x80;
}

function insideDisk(entry: MbrEntry, diskSize: number): boolean {
  return (entry.firstLba + entry.sectors) * MBR_SECTOR <= diskSize;
}

/** Whether every entry has a known status and lies inside the disk, and at least one is used. */
export function isSane(mbr: Mbr, diskSize: number): boolean {
  const used = usedEntries(mbr);
  return (
    used.length > 0 && mbr.entries.every(knownStatus) && used.every((entry) => insideDisk(entry, diskSize))
  );
}

/**
 * Whether the entries are to be read as partitions at all: one of them is sane, or all have a known status and only
 * the disk is too short for them. Otherwise boot code or text runs through the table.
 */
export function isPartitioned(mbr: Mbr, diskSize: number): boolean {
  if (!mbr.signed) return false;
  const used = usedEntries(mbr);
  if (used.some((entry) => knownStatus(entry) && insideDisk(entry, diskSize))) return true;
  return used.length > 0 && mbr.entries.every(knownStatus);
}

/** How reports write an MBR type. */
export function typeName(type: number): string {
  return `0x${type.toString(16).padStart(2, '0')}`;
}

/** The identifier that kernels give a partition of an MBR: disk signature and number in hexadecimal. */
export function mbrPartitionUuid(diskSignature: number, number: number): string | undefined {
  if (diskSignature === 0) return undefined;
  return `${diskSignature.toString(16).padStart(8, '0')}-${number.toString(16).padStart(2, '0')}`;
}

/** The primary partitions, the extended container included. */
export function primarySlots(mbr: Mbr): Slot[] {
  return usedEntries(mbr).map((entry) => {
    const number = entry.slot + 1;
    const partitionUuid = mbrPartitionUuid(mbr.diskSignature, number);
    return {
      number,
      start: entry.firstLba * MBR_SECTOR,
      size: entry.sectors * MBR_SECTOR,
      type: typeName(entry.type),
      ...(entry.status === 0x80 ? { active: true } : {}),
      ...(partitionUuid === undefined ? {} : { partitionUuid }),
      ...(isExtended(entry.type) ? { container: true as const } : {}),
    };
  });
}

/** Notes statuses that no reader takes for a partition's. */
export function checkStatuses(mbr: Mbr, findings: Findings): void {
  for (const entry of mbr.entries) {
    if (knownStatus(entry)) continue;
    findings.add('BAD_PARTITION_TABLE', {
      message: `Entry ${entry.slot + 1} of the MBR has the status 0x${entry.status.toString(16)}, so systems disagree whether this is a partition table; write the table again.`,
      offset: String(446 + 16 * entry.slot),
      field: 'status',
      expected: '0x00 or 0x80',
      found: `0x${entry.status.toString(16)}`,
      reference: MBR_REFERENCE,
    });
  }
}

/** Notes primary and logical partitions behind the end of the disk and such that share sectors. */
export function checkSlots(slots: readonly Slot[], diskSize: number, findings: Findings): void {
  checkEnds(slots, diskSize, findings);
  const isLogical = (slot: Slot) => slot.number > 4;
  const byStart = [...slots].sort((a, b) => a.start - b.start || a.number - b.number);
  for (let i = 0; i < byStart.length; i++) {
    const first = byStart[i]!;
    for (let k = i + 1; k < byStart.length; k++) {
      const second = byStart[k]!;
      if (second.start >= first.start + first.size) break;
      const nested = (a: Slot, b: Slot) => a.container === true && isLogical(b);
      if (nested(first, second) || nested(second, first)) continue;
      findings.add('BAD_PARTITION_TABLE', {
        message: `Partitions ${first.number} and ${second.number} share sectors, so writing one destroys the other; correct the partition table.`,
        offset: String(second.start),
        field: 'first LBA',
        expected: `at least ${(first.start + first.size) / MBR_SECTOR}`,
        found: String(second.start / MBR_SECTOR),
        reference: MBR_REFERENCE,
      });
      break;
    }
  }
}

function checkEnds(slots: readonly Slot[], diskSize: number, findings: Findings): void {
  const highestEnd = slots.reduce((end, slot) => Math.max(end, slot.start + slot.size), 0);
  for (const slot of slots) {
    const end = slot.start + slot.size;
    if (end <= diskSize) continue;
    const detail = {
      offset: String(slot.start),
      field: 'sectors',
      expected: `an end at or before sector ${Math.floor(diskSize / MBR_SECTOR)}`,
      found: `an end at sector ${end / MBR_SECTOR}`,
      reference: MBR_REFERENCE,
    };
    if (end === highestEnd && slot.start < diskSize && end - diskSize < CYLINDER_BYTES) {
      findings.add('CREATOR_QUIRK', {
        message: `Partition ${slot.number} ends less than a cylinder behind the disk, as old partitioning tools round it; nothing needs to be done.`,
        ...detail,
      });
    } else {
      findings.add('BAD_PARTITION_TABLE', {
        message: `Partition ${slot.number} ends behind the end of the disk; the image is probably cut, upload the complete file.`,
        ...detail,
      });
    }
  }
}
