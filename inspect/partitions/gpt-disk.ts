/** Finds the GUID partition table of a disk: primary, backup, and what the pair of them means. */
import type { Limits } from '../limits.ts';
import { sameBytes } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import type { Findings } from '../report.ts';
import {
  alternateHint,
  arrayBytes,
  arrayFault,
  arraySumHolds,
  GPT_REFERENCE,
  type GptEntry,
  type GptHeader,
  gptSlots,
  hasGptSignature,
  parseGptEntries,
  parseGptHeader,
  type SectorSize,
} from './gpt.ts';
import { checkGptEntries } from './gpt-rules.ts';
import { readInside, type Table } from './table.ts';

const SECTOR_SIZES: readonly SectorSize[] = [512, 4096];
/** Enough at the end of a disk for a backup header and 128 entries, whatever the sector size. */
const BACKUP_BYTES = 5 * 4096;

/** A header whose checksum and whose array's checksum hold. */
interface Copy {
  readonly header: GptHeader;
  readonly array: Uint8Array;
  readonly sectorSize: SectorSize;
}

/** What stands where a header belongs. */
interface Place {
  readonly copy?: Copy;
  /** The signature is there, whatever else is wrong. */
  readonly signed: boolean;
  /** The header is intact and describes an array that no table has. */
  readonly fault?: { readonly what: string; readonly offset: number };
  readonly alternateHint?: number;
}

/** The primary headers at the two places where they can stand. */
export interface Primaries {
  readonly places: ReadonlyMap<SectorSize, Place>;
  readonly chosen?: Copy;
  /** The signature stands at one of the places. */
  readonly signed: boolean;
  /** An intact header describes an array that no table has: nobody's accident, so no backup is asked. */
  readonly faulty: boolean;
}

/** What a disk's end is to the reader: a RAW file can have been cut, a container states its size. */
export interface GptContext {
  readonly limits: Limits;
  readonly findings: Findings;
  readonly wholeFileIsDisk: boolean;
}

/** Reads both places of a primary header; notes POLYGLOT when each holds an intact table. */
export async function findPrimaries(view: RangeReader, context: GptContext): Promise<Primaries> {
  const places = new Map<SectorSize, Place>();
  for (const sectorSize of SECTOR_SIZES) {
    places.set(sectorSize, await readPlace(view, 1, sectorSize, context.limits));
  }
  const copies = [...places.values()].flatMap((place) => (place.copy === undefined ? [] : [place.copy]));
  if (copies.length > 1) {
    context.findings.add('POLYGLOT', {
      message:
        'The disk holds one valid GPT for 512-byte sectors and another for 4096-byte sectors, so two systems see two disks; remove one.',
      offset: '512',
      field: 'GPT header',
      expected: 'one valid GPT',
      found: 'two',
      reference: GPT_REFERENCE,
    });
  }
  const signed = [...places.values()].some((place) => place.signed);
  const faulty = [...places.values()].some((place) => place.fault !== undefined);
  const found = { places, signed, faulty };
  return copies[0] === undefined ? found : { ...found, chosen: copies[0] };
}

/** The table of a disk whose primary GPT is intact. */
export async function tableFromPrimary(
  view: RangeReader,
  primary: Copy,
  context: GptContext,
): Promise<Table> {
  const backup = await judgeBackup(view, primary, context);
  return tableOf(view, primary, backup, context.findings);
}

/**
 * The table of a disk whose primary GPT is missing or damaged: read from the backup, with GPT_PRIMARY_DAMAGED.
 * Undefined when no backup is intact either.
 */
export async function tableFromBackup(
  view: RangeReader,
  primaries: Primaries,
  context: GptContext,
): Promise<Table | undefined> {
  await prefetchBackup(view, view.size);
  for (const sectorSize of SECTOR_SIZES) {
    const lastLba = Math.floor(view.size / sectorSize) - 1;
    for (const lba of new Set([lastLba, primaries.places.get(sectorSize)?.alternateHint ?? lastLba])) {
      if (lba <= 1) continue;
      const { copy } = await readPlace(view, lba, sectorSize, context.limits);
      if (copy === undefined) continue;
      context.findings.add('GPT_PRIMARY_DAMAGED', {
        message:
          'The primary GPT is missing or fails its checks; the partitions were read from the backup. Repair the table, for example with sgdisk -e.',
        offset: String(sectorSize),
        field: 'GPT header',
        expected: 'an intact header and entry array',
        found: primaries.signed ? 'a damaged one' : 'none',
        reference: GPT_REFERENCE,
      });
      return tableOf(view, copy, undefined, context.findings);
    }
  }
  return undefined;
}

/** Refuses a disk that says it has a GPT of which no copy is intact. */
export function refuseWithoutGpt(primaries: Primaries, findings: Findings): void {
  for (const place of primaries.places.values()) {
    if (place.fault === undefined) continue;
    findings.add('BAD_PARTITION_TABLE', {
      message: `The GPT header describes ${place.fault.what}, which no table has; write the table again.`,
      offset: String(place.fault.offset),
      field: 'number and size of entries',
      expected: 'at most 1024 entries of 128 × 2^n bytes, 131072 bytes in all',
      found: place.fault.what,
      reference: GPT_REFERENCE,
    });
    return;
  }
  findings.add('BAD_CHECKSUM', {
    message:
      'Neither the primary nor the backup GPT passes its checks, so the partitions cannot be known; repair the table or upload an intact image.',
    offset: '512',
    field: 'GPT header',
    expected: 'an intact header and entry array',
    found: primaries.signed ? 'damaged ones' : 'a protective MBR without any',
    reference: GPT_REFERENCE,
  });
}

async function readPlace(
  view: RangeReader,
  lba: number,
  sectorSize: SectorSize,
  limits: Limits,
): Promise<Place> {
  const offset = lba * sectorSize;
  const sector = await readInside(view, offset, sectorSize);
  if (sector === undefined || !hasGptSignature(sector)) return { signed: false };
  const hint = alternateHint(sector);
  const damaged: Place = { signed: true, ...(hint === undefined ? {} : { alternateHint: hint }) };
  const header = parseGptHeader(sector, lba);
  if (header === undefined) return damaged;
  const what = arrayFault(header, limits);
  if (what !== undefined) return { ...damaged, fault: { what, offset: offset + 80 } };
  const diskSectors = Math.floor(view.size / sectorSize);
  if (header.firstUsableLba >= diskSectors) return damaged;
  // A usable range behind the end means a damaged header, unless the whole end of the disk has been cut off.
  const cut = lba === 1 && header.alternateLba >= diskSectors;
  if (header.lastUsableLba >= diskSectors && !cut) return damaged;
  const array = await readInside(view, header.entriesLba * sectorSize, arrayBytes(header));
  if (array === undefined || !arraySumHolds(header, array)) return damaged;
  return { ...damaged, copy: { header, array, sectorSize } };
}

function prefetchBackup(view: RangeReader, end: number): Promise<void> | undefined {
  const offset = Math.max(0, end - BACKUP_BYTES);
  return view.prefetch?.([{ offset, length: end - offset }]);
}

/** Looks for the backup where the primary says it is, notes what is wrong with it, and returns it when intact. */
async function judgeBackup(
  view: RangeReader,
  primary: Copy,
  { limits, findings, wholeFileIsDisk }: GptContext,
): Promise<GptHeader | undefined> {
  const { header, sectorSize } = primary;
  const lastLba = Math.floor(view.size / sectorSize) - 1;
  const found = `AlternateLBA ${header.alternateLba}, last LBA ${lastLba}`;
  const place = { field: 'AlternateLBA', found, reference: GPT_REFERENCE };
  if (header.alternateLba > lastLba) {
    findings.add('GPT_BACKUP_DAMAGED', {
      message: wholeFileIsDisk
        ? 'The backup GPT lies behind the end: the file was probably cut behind its last partition. Compare its length with the original, or rebuild the backup with sgdisk -e.'
        : 'The backup GPT lies behind the end of the disk; rebuild it with sgdisk -e.',
      offset: String(sectorSize + 32),
      expected: `at most ${lastLba}`,
      ...place,
    });
    return undefined;
  }
  const offset = header.alternateLba * sectorSize;
  await prefetchBackup(view, offset + sectorSize);
  const backup =
    header.alternateLba <= 1 ? undefined : await readPlace(view, header.alternateLba, sectorSize, limits);
  if (backup?.copy === undefined) {
    findings.add('GPT_BACKUP_DAMAGED', {
      message:
        'The backup GPT is missing or fails its checks; the primary was used. Rebuild it with sgdisk -e.',
      offset: String(offset),
      expected: 'an intact header and entry array',
      ...place,
    });
    return undefined;
  }
  if (!sameTable(primary, backup.copy)) {
    findings.add('GPT_BACKUP_DAMAGED', {
      message:
        'The primary and the backup GPT are both intact and describe different disks; the primary was used. Rebuild the backup with sgdisk -e.',
      offset: String(offset),
      expected: 'the same entries as the primary',
      ...place,
    });
  } else if (header.alternateLba < lastLba) {
    findings.add('GPT_BACKUP_MISPLACED', {
      message:
        'The backup GPT is not in the last sector: the disk was grown after it was partitioned. Move it with sgdisk -e when convenient.',
      offset: String(offset),
      expected: `AlternateLBA ${lastLba}`,
      ...place,
    });
  }
  return backup.copy.header;
}

function sameTable(a: Copy, b: Copy): boolean {
  return a.header.diskGuid === b.header.diskGuid && sameBytes(a.array, b.array);
}

function tableOf(view: RangeReader, copy: Copy, backup: GptHeader | undefined, findings: Findings): Table {
  const { header, array, sectorSize } = copy;
  const entries: GptEntry[] = parseGptEntries(header, array);
  checkGptEntries(entries, header, backup, sectorSize, view.size, findings);
  return {
    kind: 'GPT',
    sectorSize,
    slots: gptSlots(entries, sectorSize),
    firstUsable: header.firstUsableLba * sectorSize,
  };
}
