/**
 * Disks of any size with one and the same layout, in every container: two boot partitions and a Linux at the start,
 * the backup of the partition table at the end, nothing between. In memory they take a few MiB whatever their size.
 */
import { crc32 } from '../dev/object-store/crc32.ts';
import { corpusEntry, corpusImage } from '../test/corpus.ts';
import { SparseImage } from '../test/sparse-image.ts';

const SECTOR = 512;
const KIB = 1024;
const MIB = 1024 * KIB;
/** The sample whose partitions the disks have. */
const LAYOUT = 'gpt-bios-uefi.img';
const ENTRY_SECTORS = 32;

/** The disk as it is: the sample's bytes, its partition table fitted to the size. */
export function rawDisk(size: number): SparseImage {
  const sample = corpusImage(corpusEntry(LAYOUT));
  const backupSectors = ENTRY_SECTORS + 1;
  const disk = sample
    .copy()
    .resize(sample.size - backupSectors * SECTOR)
    .resize(size);
  const last = size / SECTOR - 1;
  const protective = Buffer.from(disk.read(446, 16));
  protective.writeUInt32LE(Math.min(last, 0xffffffff), 12);
  disk.write(446, protective);
  const entries = disk.read(2 * SECTOR, ENTRY_SECTORS * SECTOR);
  const header = (own: number, other: number, entriesAt: number) => {
    const bytes = Buffer.from(disk.read(SECTOR, SECTOR));
    bytes.writeBigUInt64LE(BigInt(own), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(last - backupSectors), 48);
    bytes.writeBigUInt64LE(BigInt(entriesAt), 72);
    bytes.writeUInt32LE(0, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.readUInt32LE(12))), 16);
    return bytes;
  };
  const backup = header(last, 1, last - ENTRY_SECTORS);
  disk.write(SECTOR, header(1, last, 2));
  return disk.write((last - ENTRY_SECTORS) * SECTOR, entries).write(last * SECTOR, backup);
}

/** Numbers of the clusters of a disk that hold something, in order. */
function storedClusters(disk: SparseImage, clusterBytes: number): number[] {
  const clusters = new Set<number>();
  for (const { offset, data } of disk.segments()) {
    for (let at = 0; at < data.length; at += SECTOR) {
      if (data.subarray(at, at + SECTOR).some((byte) => byte !== 0)) {
        clusters.add(Math.floor((offset + at) / clusterBytes));
      }
    }
  }
  return [...clusters].sort((a, b) => a - b);
}

/** Bytes of a cluster; the last one of a disk may be short. */
function clusterOf(disk: SparseImage, cluster: number, clusterBytes: number): Uint8Array {
  const at = cluster * clusterBytes;
  return disk.read(at, Math.min(clusterBytes, disk.size - at));
}

const ceil = (value: number, unit: number) => Math.ceil(value / unit) * unit;

/** qcow2 of version 3 with clusters of 64 KiB, as qemu-img writes it. */
export function qcow2Disk(disk: SparseImage): SparseImage {
  const cluster = 64 * KIB;
  const perTable = cluster / 8;
  const exactlyOne = 1n << 63n;
  const stored = storedClusters(disk, cluster);
  const tables = [...new Set(stored.map((index) => Math.floor(index / perTable)))];
  const l1Entries = Math.ceil(disk.size / cluster / perTable);
  const refcountTable = cluster;
  const refcountBlock = 2 * cluster;
  const l1 = 3 * cluster;
  const firstL2 = l1 + ceil(l1Entries * 8, cluster);
  const firstData = firstL2 + tables.length * cluster;
  const end = firstData + stored.length * cluster;
  const image = new SparseImage([], end);

  const header = Buffer.alloc(112);
  header.write('QFI\xfb', 'latin1');
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(16, 20);
  header.writeBigUInt64BE(BigInt(disk.size), 24);
  header.writeUInt32BE(l1Entries, 36);
  header.writeBigUInt64BE(BigInt(l1), 40);
  header.writeBigUInt64BE(BigInt(refcountTable), 48);
  header.writeUInt32BE(1, 56);
  header.writeUInt32BE(4, 96);
  header.writeUInt32BE(112, 100);
  image.write(0, header);

  const block = Buffer.alloc(8);
  block.writeBigUInt64BE(BigInt(refcountBlock));
  const counts = Buffer.alloc((end / cluster) * 2);
  for (let index = 0; index < end / cluster; index++) counts.writeUInt16BE(1, index * 2);
  image.write(refcountTable, block).write(refcountBlock, counts);

  for (const [place, table] of tables.entries()) {
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64BE(BigInt(firstL2 + place * cluster) | exactlyOne);
    image.write(l1 + table * 8, entry);
  }
  for (const [place, index] of stored.entries()) {
    const at = firstData + place * cluster;
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64BE(BigInt(at) | exactlyOne);
    const table = tables.indexOf(Math.floor(index / perTable));
    image.write(firstL2 + table * cluster + (index % perTable) * 8, entry);
    image.write(at, clusterOf(disk, index, cluster));
  }
  return image;
}

/** A monolithicSparse VMDK with grains of 64 KiB and one grain directory. */
export function vmdkDisk(disk: SparseImage): SparseImage {
  const grain = 64 * KIB;
  const perTable = 512;
  const stored = storedClusters(disk, grain);
  const tables = [...new Set(stored.map((index) => Math.floor(index / perTable)))];
  const directoryEntries = Math.ceil(disk.size / grain / perTable);
  const descriptorSectors = 20;
  const directory = (1 + descriptorSectors) * SECTOR;
  const firstTable = directory + ceil(directoryEntries * 4, SECTOR);
  const firstGrain = ceil(firstTable + tables.length * perTable * 4, grain);
  const image = new SparseImage([], firstGrain + stored.length * grain);
  const sectors = disk.size / SECTOR;

  const header = Buffer.alloc(SECTOR);
  header.write('KDMV', 'latin1');
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(1, 8);
  for (const [at, value] of [
    [12, sectors],
    [20, grain / SECTOR],
    [28, 1],
    [36, descriptorSectors],
    [56, directory / SECTOR],
    [64, firstGrain / SECTOR],
  ] as const) {
    header.writeBigUInt64LE(BigInt(value), at);
  }
  header.writeUInt32LE(perTable, 44);
  header.write('\n \r\n', 73, 'latin1');
  const descriptor = [
    '# Disk DescriptorFile',
    'version=1',
    'CID=fffffffe',
    'parentCID=ffffffff',
    'createType="monolithicSparse"',
    `RW ${sectors} SPARSE "disk.vmdk"`,
    '',
  ].join('\n');
  image.write(0, header).write(SECTOR, Buffer.from(descriptor));

  const entryOf = (at: number) => {
    const entry = Buffer.alloc(4);
    entry.writeUInt32LE(at / SECTOR);
    return entry;
  };
  for (const [place, table] of tables.entries()) {
    image.write(directory + table * 4, entryOf(firstTable + place * perTable * 4));
  }
  for (const [place, index] of stored.entries()) {
    const at = firstGrain + place * grain;
    const table = tables.indexOf(Math.floor(index / perTable));
    image.write(firstTable + (table * perTable + (index % perTable)) * 4, entryOf(at));
    image.write(at, clusterOf(disk, index, grain));
  }
  return image;
}

function vhdFooter(size: number, type: 2 | 3): Buffer {
  const footer = Buffer.alloc(SECTOR);
  footer.write('conectix', 'latin1');
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x10000, 12);
  footer.writeBigUInt64BE(type === 2 ? 0xffffffffffffffffn : BigInt(SECTOR), 16);
  footer.write('qem2', 28, 'latin1');
  footer.write('Wi2k', 36, 'latin1');
  footer.writeBigUInt64BE(BigInt(size), 40);
  footer.writeBigUInt64BE(BigInt(size), 48);
  // The largest geometry says that the size counts.
  footer.writeUInt16BE(65_535, 56);
  footer.writeUInt8(16, 58);
  footer.writeUInt8(255, 59);
  footer.writeUInt32BE(type, 60);
  return sealed(footer, 64);
}

/** Puts the one's complement of the byte sum into its field. */
function sealed(bytes: Buffer, field: number): Buffer {
  bytes.writeUInt32BE(~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0, field);
  return bytes;
}

export function fixedVhdDisk(disk: SparseImage): SparseImage {
  return disk
    .copy()
    .resize(disk.size + SECTOR)
    .write(disk.size, vhdFooter(disk.size, 2));
}

/** A dynamic VHD with blocks of 2 MiB. */
export function dynamicVhdDisk(disk: SparseImage): SparseImage {
  const block = 2 * MIB;
  const bitmap = SECTOR;
  const stored = storedClusters(disk, block);
  const entries = Math.ceil(disk.size / block);
  const table = 3 * SECTOR;
  const first = table + ceil(entries * 4, SECTOR);
  const end = first + stored.length * (bitmap + block);
  const image = new SparseImage([], end + SECTOR);
  const header = Buffer.alloc(1024);
  header.write('cxsparse', 'latin1');
  header.writeBigUInt64BE(0xffffffffffffffffn, 8);
  header.writeBigUInt64BE(BigInt(table), 16);
  header.writeUInt32BE(0x10000, 24);
  header.writeUInt32BE(entries, 28);
  header.writeUInt32BE(block, 32);
  const footer = vhdFooter(disk.size, 3);
  image.write(0, footer).write(SECTOR, sealed(header, 36)).write(end, footer);
  const places = Buffer.alloc(entries * 4, 0xff);
  for (const [place, index] of stored.entries()) {
    const at = first + place * (bitmap + block);
    places.writeUInt32BE(at / SECTOR, index * 4);
    image.write(at, Buffer.alloc(bitmap, 0xff)).write(at + bitmap, clusterOf(disk, index, block));
  }
  return image.write(table, places);
}
