import { deflateSync } from 'node:zlib';
import { Packer } from './packer.ts';

const SECTOR = 512;
/** Places in sectors: descriptor, redundant and primary directory with one table each, then grains. */
export const AT = {
  descriptor: 1,
  redundantDirectory: 21,
  redundantTable: 22,
  directory: 26,
  table: 27,
  grains: 128,
} as const;
/** Sectors of a grain, and of the disk. */
export const GRAIN = 128;
export const CAPACITY = 16 * GRAIN;
const STORED = 2;

export interface DescriptorText {
  readonly createType?: string;
  readonly extent?: string;
  readonly parentCid?: string;
  /** Lines behind the others. */
  readonly more?: string;
}

/** The text of a descriptor as qemu writes it. */
export function descriptorText(text: DescriptorText = {}): string {
  const { createType = 'monolithicSparse', parentCid = 'ffffffff', more = '' } = text;
  const extent = text.extent ?? `RW ${CAPACITY} SPARSE "disk.vmdk"`;
  return [
    '# Disk DescriptorFile',
    'version=1',
    'CID=d2ad9c71',
    `parentCID=${parentCid}`,
    `createType="${createType}"`,
    '',
    '# Extent description',
    extent,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.virtualHWVersion = "4"',
    'ddb.geometry.cylinders = "2"',
    more,
    '',
  ].join('\n');
}

function header(
  image: Packer,
  at: number,
  fields: { version: number; flags: number; directory: bigint | number; compression: number },
): Packer {
  return image
    .ascii(at, 'KDMV')
    .u32le(at + 4, fields.version)
    .u32le(at + 8, fields.flags)
    .u64le(at + 12, CAPACITY)
    .u64le(at + 20, GRAIN)
    .u64le(at + 28, AT.descriptor)
    .u64le(at + 36, 20)
    .u32le(at + 44, 512)
    .u64le(at + 56, fields.directory)
    .u64le(at + 64, AT.grains)
    .put(at + 73, [0x0a, 0x20, 0x0d, 0x0a])
    .u16le(at + 77, fields.compression);
}

/** A good monolithicSparse disk of 1 MiB with its first two grains stored. */
export function sparse(text: DescriptorText = {}): Packer {
  const image = Packer.ofSize((AT.grains + STORED * GRAIN) * SECTOR);
  header(image, 0, { version: 1, flags: 3, directory: AT.directory, compression: 0 });
  image
    .u64le(48, AT.redundantDirectory)
    .ascii(AT.descriptor * SECTOR, descriptorText(text))
    .u32le(AT.redundantDirectory * SECTOR, AT.redundantTable)
    .u32le(AT.directory * SECTOR, AT.table);
  for (let i = 0; i < STORED; i++) {
    const sector = AT.grains + i * GRAIN;
    image.u32le(AT.table * SECTOR + i * 4, sector).u32le(AT.redundantTable * SECTOR + i * 4, sector);
    image.fill(sector * SECTOR, GRAIN * SECTOR, 0x20 + i);
  }
  return image;
}

/** A good streamOptimized disk as VMware writes it: markers, tables behind their grains, a footer. */
export interface Stream {
  readonly image: Packer;
  /** Bytes: the marker of each grain, the table, the directory, the footer's header. */
  readonly grains: readonly number[];
  readonly table: number;
  readonly directory: number;
  readonly footer: number;
}

export function stream(): Stream {
  const compression = { version: 3, flags: 0x30001, compression: 1 };
  const image = header(Packer.ofSize(64 * 1024), 0, { ...compression, directory: 0xffffffffffffffffn });
  image.u64le(64, AT.grains).ascii(SECTOR, descriptorText({ createType: 'streamOptimized' }));
  let at = AT.grains * SECTOR;
  // The announced overhead must lie inside so short a file.
  image.u64le(64, 21);
  at = 21 * SECTOR;
  const grains: number[] = [];
  for (let i = 0; i < STORED; i++) {
    const data = deflateSync(new Uint8Array(GRAIN * SECTOR).fill(0x30 + i));
    image
      .u64le(at, i * GRAIN)
      .u32le(at + 8, data.length)
      .put(at + 12, data);
    grains.push(at);
    at += Math.ceil((12 + data.length) / SECTOR) * SECTOR;
  }
  image.u64le(at, 4).u32le(at + 12, 1);
  const table = at + SECTOR;
  for (let i = 0; i < STORED; i++) image.u32le(table + i * 4, grains[i]! / SECTOR);
  at = table + 4 * SECTOR;
  image.u64le(at, 1).u32le(at + 12, 2);
  const directory = at + SECTOR;
  image.u32le(directory, table / SECTOR);
  at = directory + SECTOR;
  image.u64le(at, 1).u32le(at + 12, 3);
  const footer = at + SECTOR;
  header(image, footer, { ...compression, directory: directory / SECTOR }).u64le(footer + 64, 21);
  return { image: image.resized(footer + 2 * SECTOR), grains, table, directory, footer };
}
