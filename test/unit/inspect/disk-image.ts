/** Disks packed by hand for tests: only what is written takes memory. */
import { type DiskContext, type ExaminedDisk, examineDisk } from '../../../inspect/disk.ts';
import { DEFAULT_LIMITS } from '../../../inspect/limits.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { type Finding, Findings } from '../../../inspect/report.ts';

const PAGE = 4096;
export const SECTOR = 512;
export const MIB = 1024 * 1024;

export class DiskImage {
  readonly size: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(size: number) {
    this.size = size;
  }

  write(offset: number, bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) {
      const at = offset + i;
      const index = Math.floor(at / PAGE);
      let page = this.#pages.get(index);
      if (page === undefined) {
        page = new Uint8Array(PAGE);
        this.#pages.set(index, page);
      }
      page[at % PAGE] = bytes[i]!;
    }
    return this;
  }

  text(offset: number, text: string): this {
    return this.write(offset, Buffer.from(text, 'latin1'));
  }

  u16(offset: number, value: number): this {
    return this.write(offset, little(value, 2));
  }

  u32(offset: number, value: number): this {
    return this.write(offset, little(value, 4));
  }

  u64(offset: number, value: number | bigint): this {
    return this.write(offset, little(value, 8));
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const part = Math.min(length - done, PAGE - (at % PAGE));
      const page = this.#pages.get(Math.floor(at / PAGE));
      if (page !== undefined) bytes.set(page.subarray(at % PAGE, (at % PAGE) + part), done);
      done += part;
    }
    return bytes;
  }

  reader(): RangeReader {
    return {
      size: this.size,
      read: async (offset, length) => {
        if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
          throw new Error(`read of ${length} bytes at ${offset} outside ${this.size} bytes`);
        }
        return this.read(offset, length);
      },
    };
  }
}

/** An integer in little-endian order. */
export function little(value: number | bigint, length: number): Uint8Array {
  let rest = BigInt(value);
  return Uint8Array.from({ length }, () => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}

/** CRC-32 bit by bit, so that the checksums here do not come from the code under test. */
export function crc32(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0xedb88320 : state >>> 1;
  }
  return ~state >>> 0;
}

export interface MbrPart {
  readonly status?: number;
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

/** Writes the four entries and the signature of an MBR or of an extended boot record at `lba`. */
export function writeMbr(disk: DiskImage, parts: readonly (MbrPart | undefined)[], lba = 0): DiskImage {
  for (const [slot, part] of parts.entries()) {
    if (part === undefined) continue;
    const at = lba * SECTOR + 446 + 16 * slot;
    disk.write(at, [part.status ?? 0]).write(at + 4, [part.type]);
    disk.u32(at + 8, part.first).u32(at + 12, part.sectors);
  }
  return disk.write(lba * SECTOR + 510, [0x55, 0xaa]);
}

export const LINUX_TYPE = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
export const ESP_TYPE = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';

export interface GptPart {
  readonly number?: number;
  readonly type?: string;
  readonly first: number;
  readonly last: number;
  readonly name?: string;
  readonly attributes?: bigint;
}

export interface GptOptions {
  readonly sectorSize?: number;
  readonly entryCount?: number;
  readonly entryBytes?: number;
  readonly primary?: boolean;
  readonly backup?: boolean;
  /** Of the backup header; the last sector when absent. */
  readonly alternateLba?: number;
  readonly firstUsableLba?: number;
  readonly lastUsableLba?: number;
  readonly protective?: boolean;
  readonly diskGuid?: string;
}

/** Bytes of a GUID as UEFI stores it. */
export function guidBytes(guid: string): Uint8Array {
  const raw = Buffer.from(guid.replaceAll('-', ''), 'hex');
  return Uint8Array.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (i) => raw[i]!);
}

/** Writes a protective MBR, a primary GPT and its backup with right checksums. */
export function writeGpt(disk: DiskImage, parts: readonly GptPart[], options: GptOptions = {}): DiskImage {
  const sectorSize = options.sectorSize ?? 512;
  const entryCount = options.entryCount ?? 128;
  const entryBytes = options.entryBytes ?? 128;
  const lastLba = Math.floor(disk.size / sectorSize) - 1;
  const alternateLba = options.alternateLba ?? lastLba;
  const arraySectors = Math.ceil((entryCount * entryBytes) / sectorSize);
  const array = new Uint8Array(entryCount * entryBytes);
  for (const [index, part] of parts.entries()) {
    const number = part.number ?? index + 1;
    const at = (number - 1) * entryBytes;
    array.set(guidBytes(part.type ?? LINUX_TYPE), at);
    array.set(guidBytes(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`), at + 16);
    array.set(little(part.first, 8), at + 32);
    array.set(little(part.last, 8), at + 40);
    array.set(little(part.attributes ?? 0n, 8), at + 48);
    array.set(Buffer.from(part.name ?? '', 'utf16le').subarray(0, 72), at + 56);
  }
  const header = (myLba: number, otherLba: number, entriesLba: number) => {
    const bytes = new DiskImage(sectorSize);
    bytes.text(0, 'EFI PART').u32(8, 0x10000).u32(12, 92).u64(24, myLba).u64(32, otherLba);
    bytes.u64(40, options.firstUsableLba ?? 2 + arraySectors);
    bytes.u64(48, options.lastUsableLba ?? alternateLba - arraySectors - 1);
    bytes.write(56, guidBytes(options.diskGuid ?? '11111111-2222-4333-8444-555555555555'));
    bytes.u64(72, entriesLba).u32(80, entryCount).u32(84, entryBytes).u32(88, crc32(array));
    return bytes.u32(16, crc32(bytes.read(0, 92))).read(0, sectorSize);
  };
  if (options.protective !== false) {
    const sectors = Math.min(0xffffffff, Math.floor(disk.size / SECTOR) - 1);
    writeMbr(disk, [{ type: 0xee, first: 1, sectors }]);
  }
  if (options.primary !== false) {
    disk.write(sectorSize, header(1, alternateLba, 2)).write(2 * sectorSize, array);
  }
  if (options.backup !== false && alternateLba <= lastLba) {
    const entriesLba = alternateLba - arraySectors;
    disk.write(alternateLba * sectorSize, header(alternateLba, 1, entriesLba));
    disk.write(entriesLba * sectorSize, array);
  }
  return disk;
}

/** An ext2 superblock with nothing behind it, enough to be known by. */
export function writeExt(disk: DiskImage, at: number, bytes: number, label = ''): DiskImage {
  const sb = at + 1024;
  disk
    .u32(sb, 64)
    .u32(sb + 4, Math.floor(bytes / 1024))
    .u32(sb + 0x14, 1)
    .u32(sb + 0x20, 8192);
  disk
    .u32(sb + 0x28, 64)
    .u16(sb + 0x38, 0xef53)
    .u32(sb + 0x4c, 1)
    .u16(sb + 0x58, 128);
  return disk
    .u32(sb + 0x60, 2)
    .write(sb + 0x68, Array(16).fill(0xab))
    .text(sb + 0x78, label);
}

/** An empty FAT16 of 4 MiB and more as mkfs writes it, its boot code saying that it does not boot. */
export function writeFat(disk: DiskImage, at: number, bytes: number, label = 'ESP        '): DiskImage {
  disk
    .write(at, [0xeb, 0x3c, 0x90])
    .text(at + 3, 'mkfs.fat')
    .u16(at + 11, 512);
  disk
    .write(at + 13, [1])
    .u16(at + 14, 1)
    .write(at + 16, [2])
    .u16(at + 17, 512);
  disk
    .write(at + 21, [0xf8])
    .u16(at + 22, 32)
    .u32(at + 32, Math.floor(bytes / 512));
  disk
    .write(at + 38, [0x29])
    .u32(at + 39, 0x12345678)
    .text(at + 43, label);
  disk.text(at + 54, 'FAT16   ').text(at + 62, 'This is not a bootable disk.');
  return disk.write(at + 510, [0x55, 0xaa]);
}

/** What an examination of the disk gives, with its findings in order. */
export async function examine(
  disk: DiskImage | RangeReader,
  context: Partial<DiskContext> = {},
): Promise<{ facts: ExaminedDisk; findings: readonly Finding[]; codes: string[] }> {
  const findings = new Findings();
  const facts = await examineDisk(disk instanceof DiskImage ? disk.reader() : disk, {
    findings,
    wholeFileIsDisk: true,
    limits: DEFAULT_LIMITS,
    ...context,
  });
  const list = findings.sorted();
  return { facts, findings: list, codes: [...new Set(list.map((finding) => finding.code))] };
}
