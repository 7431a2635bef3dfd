import { Packer } from './packer.ts';

/** Where the parts of the image that `qcow2()` packs begin. */
export const AT = {
  refcountTable: 0x1000,
  refcountBlock: 0x2000,
  l1: 0x3000,
  l2: 0x4000,
  data: 0x5000,
} as const;
export const CLUSTER = 0x1000;
/** The virtual size, which one L2 table covers. */
export const SIZE = 1024 * 1024;
/** Guest clusters 0 and 1 are stored, one behind the other. */
const STORED = 2;
const END = AT.data + STORED * CLUSTER;
/** Bit 63 of an L1 or L2 entry. */
const EXACTLY_ONE = 1n << 63n;

/** A good image of one MiB with clusters of 4 KiB, two of them stored. */
export function qcow2(version: 2 | 3 = 3): Packer {
  const image = Packer.ofSize(END)
    .put(0, [0x51, 0x46, 0x49, 0xfb])
    .u32be(4, version)
    .u32be(20, 12)
    .u64be(24, SIZE)
    .u32be(36, 1)
    .u64be(40, AT.l1)
    .u64be(48, AT.refcountTable)
    .u32be(56, 1);
  if (version === 3) image.u32be(96, 4).u32be(100, 104);
  image.u64be(AT.refcountTable, AT.refcountBlock);
  for (let cluster = 0; cluster < END / CLUSTER; cluster++) image.u16be(AT.refcountBlock + cluster * 2, 1);
  image.u64be(AT.l1, BigInt(AT.l2) | EXACTLY_ONE);
  for (let i = 0; i < STORED; i++) {
    image.u64be(AT.l2 + i * 8, BigInt(AT.data + i * CLUSTER) | EXACTLY_ONE);
    image.fill(AT.data + i * CLUSTER, CLUSTER, 0x10 + i);
  }
  return image;
}

/** Puts header extensions behind a version 3 header: type and data of each, then the end. */
export function withExtensions(
  image: Packer,
  ...extensions: readonly (readonly [number, Uint8Array])[]
): Packer {
  let at = 104;
  for (const [type, data] of extensions) {
    image
      .u32be(at, type)
      .u32be(at + 4, data.length)
      .put(at + 8, data);
    at += 8 + Math.ceil(data.length / 8) * 8;
  }
  return image.u32be(at, 0).u32be(at + 4, 0);
}

/** A compressed L2 entry: `sectors` are those behind the first. */
export function compressed(offset: number, sectors: number): bigint {
  return (1n << 62n) | (BigInt(sectors) << 58n) | BigInt(offset);
}
