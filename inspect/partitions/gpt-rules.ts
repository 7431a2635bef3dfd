/** What the entries of a GPT must keep to, and how an MBR beside it is judged. UEFI 2.10 sections 5.2.3 and 5.3. */
import type { Findings } from '../report.ts';
import { arrayBytes, GPT_ENTRY_REFERENCE, type GptEntry, type GptHeader, type SectorSize } from './gpt.ts';
import { MBR_SECTOR, type Mbr, typeName, usedEntries } from './mbr.ts';
import type { Slot } from './table.ts';
import { PROTECTIVE_TYPE } from './types.ts';

/** A stretch of sectors that no partition may touch. */
interface Reserved {
  readonly what: string;
  readonly firstLba: number;
  readonly lastLba: number;
}

/** LBAs that the table occupies: sector 0, the header and its array, and those of a backup that is really there. */
function reservedBy(header: GptHeader, backup: GptHeader | undefined, sectorSize: SectorSize): Reserved[] {
  const arrayOf = (owner: GptHeader, what: string): Reserved => ({
    what,
    firstLba: owner.entriesLba,
    lastLba: owner.entriesLba + Math.ceil(arrayBytes(owner) / sectorSize) - 1,
  });
  const reserved: Reserved[] = [
    { what: 'the MBR', firstLba: 0, lastLba: 0 },
    { what: 'the GPT header', firstLba: header.myLba, lastLba: header.myLba },
    arrayOf(header, 'the GPT entries'),
  ];
  if (backup !== undefined) {
    reserved.push(
      { what: 'the backup GPT header', firstLba: backup.myLba, lastLba: backup.myLba },
      arrayOf(backup, 'the backup GPT entries'),
    );
  }
  return reserved;
}

/**
 * Notes entries that run backwards, leave the disk, lie over the table or over each other.
 * `backup` is the second header when it was found intact.
 */
export function checkGptEntries(
  entries: readonly GptEntry[],
  header: GptHeader,
  backup: GptHeader | undefined,
  sectorSize: SectorSize,
  diskSize: number,
  findings: Findings,
): void {
  const diskSectors = Math.floor(diskSize / sectorSize);
  const reserved = reservedBy(header, backup, sectorSize);
  const sound: GptEntry[] = [];
  for (const entry of entries) {
    const fault = entryFault(entry, diskSectors, reserved);
    if (fault === undefined) {
      sound.push(entry);
      checkUsable(entry, header, findings);
      continue;
    }
    findings.add('BAD_PARTITION_TABLE', {
      message: fault.message,
      offset: String(header.entriesLba * sectorSize + (entry.number - 1) * header.entryBytes),
      field: `entry ${entry.number}`,
      expected: fault.expected,
      found: `LBA ${entry.firstLba} to ${entry.lastLba}`,
      reference: GPT_ENTRY_REFERENCE,
    });
  }
  checkOverlap(sound, header, sectorSize, findings);
}

function entryFault(
  { number, firstLba, lastLba }: GptEntry,
  diskSectors: number,
  reserved: readonly Reserved[],
): { message: string; expected: string } | undefined {
  if (firstLba > lastLba) {
    return {
      message: `Partition ${number} ends before it begins; correct the partition table.`,
      expected: 'a first LBA at or before the last',
    };
  }
  if (lastLba >= diskSectors) {
    return {
      message: `Partition ${number} ends behind the end of the disk; the image is probably cut, upload the complete file.`,
      expected: `a last LBA of at most ${diskSectors - 1}`,
    };
  }
  const over = reserved.find((range) => firstLba <= range.lastLba && lastLba >= range.firstLba);
  if (over === undefined) return undefined;
  return {
    message: `Partition ${number} lies over ${over.what}, so writing to it destroys the table; correct the partition table.`,
    expected: `sectors outside LBA ${over.firstLba} to ${over.lastLba}`,
  };
}

function checkUsable(entry: GptEntry, header: GptHeader, findings: Findings): void {
  if (entry.firstLba >= header.firstUsableLba && entry.lastLba <= header.lastUsableLba) return;
  findings.add('CREATOR_QUIRK', {
    message: `Partition ${entry.number} lies outside the usable range that the GPT header states; systems accept that, nothing needs to be done.`,
    field: `entry ${entry.number}`,
    expected: `LBA ${header.firstUsableLba} to ${header.lastUsableLba}`,
    found: `LBA ${entry.firstLba} to ${entry.lastLba}`,
    reference: GPT_ENTRY_REFERENCE,
  });
}

function checkOverlap(
  entries: readonly GptEntry[],
  header: GptHeader,
  sectorSize: SectorSize,
  findings: Findings,
): void {
  const byStart = [...entries].sort((a, b) => a.firstLba - b.firstLba || a.number - b.number);
  let furthest: GptEntry | undefined;
  for (const entry of byStart) {
    if (furthest !== undefined && entry.firstLba <= furthest.lastLba) {
      findings.add('BAD_PARTITION_TABLE', {
        message: `Partitions ${furthest.number} and ${entry.number} share sectors, so writing one destroys the other; correct the partition table.`,
        offset: String(header.entriesLba * sectorSize + (entry.number - 1) * header.entryBytes),
        field: `entry ${entry.number}`,
        expected: `a first LBA above ${furthest.lastLba}`,
        found: String(entry.firstLba),
        reference: GPT_ENTRY_REFERENCE,
      });
    }
    if (furthest === undefined || entry.lastLba > furthest.lastLba) furthest = entry;
  }
}

/**
 * Judges an MBR beside a valid GPT: a protective entry alone in the first place is what belongs there; other entries
 * make it a hybrid, and each of them must be a partition of the GPT too.
 */
export function checkMbrBesideGpt(
  mbr: Mbr,
  slots: readonly Slot[],
  sectorSize: SectorSize,
  findings: Findings,
): void {
  if (!mbr.signed) return;
  const used = usedEntries(mbr);
  const real = used.filter((entry) => entry.type !== PROTECTIVE_TYPE);
  for (const entry of real) {
    if (slots.some((slot) => mirrors(entry.firstLba, entry.sectors, slot, sectorSize))) continue;
    findings.add('BAD_PARTITION_TABLE', {
      message: `The MBR names a partition in entry ${entry.slot + 1} that the GPT does not have, so two systems see two disks; make the tables agree or restore a protective MBR.`,
      offset: String(446 + 16 * entry.slot),
      field: `entry ${entry.slot + 1}`,
      expected: 'a partition of the GPT',
      found: `type ${typeName(entry.type)}, ${entry.sectors} sectors from LBA ${entry.firstLba}`,
      reference: 'UEFI 2.10, section 5.2.3 (protective MBR)',
    });
  }
  const first = used.find((entry) => entry.type === PROTECTIVE_TYPE);
  if (real.length > 0 || (first !== undefined && first.slot !== 0)) {
    findings.add('HYBRID_MBR', {
      message:
        'The MBR is a hybrid: it repeats partitions of the GPT for old systems; the GPT is what was read here.',
      offset: '446',
      field: 'MBR entries',
      expected: 'one protective entry in the first place',
      found: `types ${used.map((entry) => typeName(entry.type)).join(', ')}`,
      reference: 'UEFI 2.10, section 5.2.3 (protective MBR)',
    });
  }
}

/** Whether an MBR entry describes a partition of the GPT; a size that does not fit 32 bits is written as all ones. */
function mirrors(firstLba: number, sectors: number, slot: Slot, sectorSize: SectorSize): boolean {
  return [MBR_SECTOR, sectorSize].some((unit) => {
    if (firstLba * unit !== slot.start) return false;
    return sectors * unit === slot.size || (sectors === 0xffffffff && slot.size > sectors * unit);
  });
}
