/**
 * The GUID partition table: header at LBA 1 and, as a backup, in the last LBA. Integers little-endian.
 * UEFI 2.10 section 5.3.
 *
 *   0  "EFI PART"          32 u64 AlternateLBA         72 u64 first LBA of the entries
 *   8  u32 revision 1.0    40 u64 FirstUsableLBA       80 u32 number of entries
 *   12 u32 header size     48 u64 LastUsableLBA        84 u32 size of an entry
 *   16 u32 CRC32 of it     56 GUID of the disk         88 u32 CRC32 of the entries
 *   24 u64 MyLBA
 *
 * Entry: 0 type GUID, 16 unique GUID, 32 u64 first LBA, 40 u64 last LBA (inclusive), 48 u64 attributes,
 * 56 name, 36 UTF-16 units.
 */
import type { Limits } from '../limits.ts';
import { allZero, hasAscii, slice, toNumber, u32le, u64le, whole } from '../readers/bytes.ts';
import { crc32 } from '../readers/checksum.ts';
import { shown, utf16 } from '../readers/text.ts';
import { guidOf } from '../readers/uuid.ts';
import type { Slot } from './table.ts';

export type SectorSize = 512 | 4096;

export const GPT_REFERENCE = 'UEFI 2.10, section 5.3.2 (GPT header)';
export const GPT_ENTRY_REFERENCE = 'UEFI 2.10, section 5.3.3 (GPT partition entry array)';

const SIGNATURE = 'EFI PART';
const REVISION = 0x00010000;
const SMALLEST_HEADER = 92;
const SMALLEST_ENTRY = 128;
const MOST_ENTRIES = 1024;

/** A header whose own checksum holds. LBAs past 2^53 are `Infinity`. */
export interface GptHeader {
  readonly myLba: number;
  readonly alternateLba: number;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  readonly diskGuid: string;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc: number;
}

export function hasGptSignature(sector: Uint8Array): boolean {
  return hasAscii(sector, 0, SIGNATURE);
}

/**
 * Reads the header out of its sector; undefined when the signature, the revision, a size or the checksum is wrong,
 * or when it does not stand where it says.
 */
export function parseGptHeader(sector: Uint8Array, ownLba: number): GptHeader | undefined {
  return whole(() => {
    if (!hasGptSignature(sector) || u32le(sector, 8) !== REVISION) return undefined;
    const headerBytes = u32le(sector, 12);
    if (headerBytes < SMALLEST_HEADER || headerBytes > sector.length) return undefined;
    // A copy by construction: where readers hand out a Buffer, its own slice would be a view of theirs.
    const summed = new Uint8Array(slice(sector, 0, headerBytes));
    summed.fill(0, 16, 20);
    if (crc32(summed) !== u32le(sector, 16)) return undefined;
    const myLba = toNumber(u64le(sector, 24));
    if (myLba !== ownLba) return undefined;
    return {
      myLba,
      alternateLba: toNumber(u64le(sector, 32)),
      firstUsableLba: toNumber(u64le(sector, 40)),
      lastUsableLba: toNumber(u64le(sector, 48)),
      diskGuid: guidOf(sector, 56),
      entriesLba: toNumber(u64le(sector, 72)),
      entryCount: u32le(sector, 80),
      entryBytes: u32le(sector, 84),
      entriesCrc: u32le(sector, 88),
    };
  });
}

/** AlternateLBA of a sector that has the signature but fails its checks: a hint where the backup may be. */
export function alternateHint(sector: Uint8Array): number | undefined {
  return hasGptSignature(sector) ? whole(() => toNumber(u64le(sector, 32))) : undefined;
}

/** What is wrong with the geometry of the entry array, or undefined when it is one that tools write. */
export function arrayFault(header: GptHeader, limits: Limits): string | undefined {
  const { entryCount, entryBytes } = header;
  if (entryCount < 1 || entryCount > MOST_ENTRIES) return `${entryCount} entries`;
  const power = Math.log2(entryBytes / SMALLEST_ENTRY);
  if (power < 0 || !Number.isInteger(power) || entryBytes > limits.gptEntryBytes) {
    return `entries of ${entryBytes} bytes`;
  }
  const bytes = arrayBytes(header);
  return bytes > limits.gptArrayBytes ? `an entry array of ${bytes} bytes` : undefined;
}

export function arrayBytes(header: GptHeader): number {
  return header.entryCount * header.entryBytes;
}

export function arraySumHolds(header: GptHeader, array: Uint8Array): boolean {
  return array.length === arrayBytes(header) && crc32(array) === header.entriesCrc;
}

/** A used entry as it stands in the array; LBAs past 2^53 are `Infinity`. */
export interface GptEntry {
  /** Index + 1. */
  readonly number: number;
  readonly type: string;
  readonly guid: string;
  readonly firstLba: number;
  /** Inclusive. */
  readonly lastLba: number;
  readonly legacyBoot: boolean;
  readonly name?: string;
}

/** The used entries of an array whose geometry has been checked. */
export function parseGptEntries(header: GptHeader, array: Uint8Array): GptEntry[] {
  const entries: GptEntry[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const entry = slice(array, index * header.entryBytes, header.entryBytes);
    if (allZero(entry, 0, 16)) continue;
    const name = shown(utf16(slice(entry, 56, 72), 'LE'));
    entries.push({
      number: index + 1,
      type: guidOf(entry, 0),
      guid: guidOf(entry, 16),
      firstLba: toNumber(u64le(entry, 32)),
      lastLba: toNumber(u64le(entry, 40)),
      legacyBoot: (u64le(entry, 48) & 4n) !== 0n,
      ...(name === undefined ? {} : { name }),
    });
  }
  return entries;
}

/** Entries as partitions of the disk; those whose bounds are no numbers or run backwards are left out. */
export function gptSlots(entries: readonly GptEntry[], sectorSize: SectorSize): Slot[] {
  return entries.flatMap((entry): Slot[] => {
    const start = entry.firstLba * sectorSize;
    const size = (entry.lastLba - entry.firstLba + 1) * sectorSize;
    if (!Number.isSafeInteger(start + size) || size <= 0) return [];
    return [
      {
        number: entry.number,
        start,
        size,
        type: entry.type,
        partitionUuid: entry.guid,
        ...(entry.name === undefined ? {} : { name: entry.name }),
        ...(entry.legacyBoot ? { legacyBoot: true } : {}),
      },
    ];
  });
}
