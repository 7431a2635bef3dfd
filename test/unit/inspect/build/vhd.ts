import { Packer } from './packer.ts';

const SECTOR = 512;
export const BLOCK = 512 * 1024;
/** Sectors of a block's bitmap. */
const BITMAP_SECTORS = 1;
/** Bytes: the dynamic header, the table, the first block. */
export const AT = { header: 512, table: 1536, blocks: 2048 } as const;
/** Bytes of the disk inside. */
export const SIZE = 2 * 1024 * 1024;

/** Writes the one's complement of the byte sum of `length` bytes at `at` into their field. */
export function seal(image: Packer, at: number, length: number, field: number): Packer {
  image.u32be(at + field, 0);
  let sum = 0;
  for (let i = at; i < at + length; i++) sum += image.bytes[i]!;
  return image.u32be(at + field, ~sum >>> 0);
}

export function sealFooter(image: Packer, at: number): Packer {
  return seal(image, at, 512, 64);
}

/** Packs a footer without its sum. */
export function footer(image: Packer, at: number, type: number, dataOffset: bigint | number): Packer {
  return image
    .ascii(at, 'conectix')
    .u32be(at + 8, 2)
    .u32be(at + 12, 0x00010000)
    .u64be(at + 16, dataOffset)
    .ascii(at + 28, 'qem2')
    .ascii(at + 36, 'Wi2k')
    .u64be(at + 40, SIZE)
    .u64be(at + 48, SIZE)
    .u16be(at + 56, 65_535)
    .u8(at + 58, 16)
    .u8(at + 59, 255)
    .u32be(at + 60, type);
}

/** A good fixed disk. */
export function fixed(): Packer {
  const image = Packer.ofSize(SIZE + SECTOR).fill(4096, SIZE - 4096, 0x40);
  return sealFooter(footer(image, SIZE, 2, 0xffffffffffffffffn), SIZE);
}

/** A good dynamic disk of four blocks with the first two stored. */
export function dynamic(): Packer {
  const stored = 2;
  const blockSectors = BITMAP_SECTORS + BLOCK / SECTOR;
  const end = AT.blocks + stored * blockSectors * SECTOR;
  const image = Packer.ofSize(end + SECTOR);
  for (const at of [0, end]) sealFooter(footer(image, at, 3, AT.header), at);
  image
    .ascii(AT.header, 'cxsparse')
    .u64be(AT.header + 8, 0xffffffffffffffffn)
    .u64be(AT.header + 16, AT.table)
    .u32be(AT.header + 24, 0x00010000)
    .u32be(AT.header + 28, SIZE / BLOCK)
    .u32be(AT.header + 32, BLOCK);
  sealHeader(image);
  for (let i = 0; i < SIZE / BLOCK; i++) {
    const sector = AT.blocks / SECTOR + i * blockSectors;
    image.u32be(AT.table + i * 4, i < stored ? sector : 0xffffffff);
    if (i < stored) image.fill(sector * SECTOR, SECTOR, 0xff).fill((sector + 1) * SECTOR, BLOCK, 0x50 + i);
  }
  return image;
}

export function sealHeader(image: Packer): Packer {
  return seal(image, AT.header, 1024, 36);
}

/** Where the footer at the end is. */
export function footerAt(image: Packer): number {
  return image.bytes.length - SECTOR;
}
