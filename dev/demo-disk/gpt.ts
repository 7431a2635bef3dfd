import { crc32 } from '../../inspect/readers/checksum.ts';

/** UEFI specification 2.10, section 5.3: the GUID Partition Table. */
export interface GptPartition {
  readonly name: string;
  readonly typeGuid: string;
  readonly guid: string;
  /** Bytes from the start of the disk; a multiple of the sector. */
  readonly offset: number;
  readonly content: Buffer;
}

export const SECTOR_BYTES = 512;
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const ENTRY_SECTORS = (ENTRIES * ENTRY_BYTES) / SECTOR_BYTES;
const HEADER_BYTES = 92;

/** A whole disk: boot code with a protective MBR, both tables with their checksums, and what is in the partitions. */
export function gptDisk(
  sizeBytes: number,
  guid: string,
  bootCode: Buffer,
  partitions: readonly GptPartition[],
): Buffer {
  const disk = Buffer.alloc(sizeBytes);
  const lastSector = sizeBytes / SECTOR_BYTES - 1;
  bootCode.copy(disk, 0);
  writeProtectiveMbr(disk, lastSector);

  const entries = Buffer.alloc(ENTRIES * ENTRY_BYTES);
  partitions.forEach(({ name, typeGuid, guid: partitionGuid, offset, content }, index) => {
    const at = index * ENTRY_BYTES;
    guidBytes(typeGuid).copy(entries, at);
    guidBytes(partitionGuid).copy(entries, at + 16);
    entries.writeBigUInt64LE(BigInt(offset / SECTOR_BYTES), at + 32);
    entries.writeBigUInt64LE(BigInt((offset + content.length) / SECTOR_BYTES - 1), at + 40);
    entries.write(name, at + 56, 'utf16le');
    content.copy(disk, offset);
  });

  const header = (ownSector: number, otherSector: number, entriesSector: number): Buffer => {
    const bytes = Buffer.alloc(SECTOR_BYTES);
    bytes.write('EFI PART', 0, 'latin1');
    bytes.writeUInt32LE(0x0001_0000, 8);
    bytes.writeUInt32LE(HEADER_BYTES, 12);
    bytes.writeBigUInt64LE(BigInt(ownSector), 24);
    bytes.writeBigUInt64LE(BigInt(otherSector), 32);
    bytes.writeBigUInt64LE(BigInt(2 + ENTRY_SECTORS), 40);
    bytes.writeBigUInt64LE(BigInt(lastSector - ENTRY_SECTORS - 1), 48);
    guidBytes(guid).copy(bytes, 56);
    bytes.writeBigUInt64LE(BigInt(entriesSector), 72);
    bytes.writeUInt32LE(ENTRIES, 80);
    bytes.writeUInt32LE(ENTRY_BYTES, 84);
    bytes.writeUInt32LE(crc32(entries), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_BYTES)), 16);
    return bytes;
  };
  header(1, lastSector, 2).copy(disk, SECTOR_BYTES);
  entries.copy(disk, 2 * SECTOR_BYTES);
  const backupEntries = lastSector - ENTRY_SECTORS;
  entries.copy(disk, backupEntries * SECTOR_BYTES);
  header(lastSector, 1, backupEntries).copy(disk, lastSector * SECTOR_BYTES);
  return disk;
}

/** One partition of type 0xEE over the whole disk keeps programs that know only MBRs away. */
function writeProtectiveMbr(disk: Buffer, lastSector: number): void {
  disk.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  disk.writeUInt32LE(1, 454);
  disk.writeUInt32LE(lastSector, 458);
  disk.writeUInt16LE(0xaa55, 510);
}

/** The first three fields of a GUID are little-endian. */
function guidBytes(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
