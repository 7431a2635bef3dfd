import { describe, expect, it } from 'vitest';
import { bytesReader } from '../../corpus.ts';
import { codes, judge, refusals } from './build/judge.ts';
import { Packer } from './build/packer.ts';
import { qcow2 } from './build/qcow2.ts';
import { AT, BLOCK, dynamic, fixed, footerAt, SIZE, sealFooter, sealHeader } from './build/vhd.ts';
import { openGuest } from './guest.ts';

type Case = readonly [what: string, spoil: (image: Packer) => Packer, codes: readonly string[]];

const FIXED: readonly Case[] = [
  ['a wrong sum', (i) => i.u8(SIZE + 70, 1), ['BAD_CHECKSUM']],
  ['version 2', (i) => sealFooter(i.u32be(SIZE + 12, 0x20000), SIZE), ['UNSUPPORTED_VERSION']],
  ['an unknown type', (i) => sealFooter(i.u32be(SIZE + 60, 6), SIZE), ['UNSUPPORTED_VARIANT']],
  ['the type of a differencing disk', (i) => sealFooter(i.u32be(SIZE + 60, 4), SIZE), ['BACKING_FILE']],
  ['a dynamic header', (i) => sealFooter(i.u64be(SIZE + 16, 512), SIZE), ['BAD_HEADER']],
  ['nothing but its footer', (i) => new Packer(i.bytes.slice(SIZE)), ['TRUNCATED']],
  ['a larger size than the file', (i) => sealFooter(i.u64be(SIZE + 48, SIZE + 512), SIZE), ['TRUNCATED']],
  ['a smaller size than the file', (i) => sealFooter(i.u64be(SIZE + 48, SIZE - 512), SIZE), ['BAD_HEADER']],
  ['no size', (i) => sealFooter(i.u64be(SIZE + 48, 0), SIZE), ['TOO_LARGE']],
  [
    'a size of 2^64 - 1',
    (i) => sealFooter(i.u64be(SIZE + 48, 0xffffffffffffffffn), SIZE),
    ['BAD_HEADER', 'TOO_LARGE'],
  ],
  [
    'a geometry that another program believes',
    (i) => geometry(i.ascii(SIZE + 28, 'qemu'), 1, 1, 1),
    ['BAD_HEADER'],
  ],
  ['a qcow2 header in front', (i) => i.put(0, qcow2().bytes.subarray(0, 512)), ['POLYGLOT']],
  ['a VHD header in front', (i) => i.put(0, i.bytes.subarray(SIZE)), ['POLYGLOT']],
  ['an archive in front', (i) => i.ascii(0, '!<arch>\n'), ['POLYGLOT']],
];

function geometry(image: Packer, cylinders: number, heads: number, sectors: number): Packer {
  return sealFooter(
    image
      .u16be(SIZE + 56, cylinders)
      .u8(SIZE + 58, heads)
      .u8(SIZE + 59, sectors),
    SIZE,
  );
}

/** Changes both footers of a dynamic disk. */
function both(image: Packer, change: (at: number) => unknown): Packer {
  for (const at of [0, footerAt(image)]) {
    change(at);
    sealFooter(image, at);
  }
  return image;
}

const DYNAMIC: readonly Case[] = [
  ['two wrong sums', (i) => i.u8(70, 1).u8(footerAt(i) + 70, 1), ['BAD_CHECKSUM']],
  ['no footer at the end', (i) => i.resized(footerAt(i)), ['TRUNCATED']],
  ['nothing but the copy of its footer', (i) => i.resized(512), ['TRUNCATED']],
  ['an end within its header', (i) => i.resized(1024), ['TRUNCATED']],
  [
    'a footer at the end of another disk',
    (i) => sealFooter(i.u64be(footerAt(i) + 48, SIZE / 2), footerAt(i)),
    ['BAD_HEADER'],
  ],
  ['another type and a wrong sum at the end', (i) => i.u32be(footerAt(i) + 60, 4), ['BAD_HEADER']],
  ['another header and a wrong sum at the end', (i) => i.u64be(footerAt(i) + 16, 0), ['BAD_HEADER']],
  ['another type and a wrong sum at the start', (i) => i.u32be(60, 2), ['BAD_HEADER']],
  ['no copy at the start', (i) => i.fill(0, 512, 0), ['BAD_HEADER']],
  ['a header outside the file', (i) => both(i, (at) => i.u64be(at + 16, 1n << 40n)), ['BAD_HEADER']],
  ['a header in its footer', (i) => both(i, (at) => i.u64be(at + 16, 0)), ['BAD_HEADER']],
  ['a type of differencing disks', (i) => both(i, (at) => i.u32be(at + 60, 4)), ['BACKING_FILE']],
  ['no cookie in the header', (i) => i.u8(AT.header, 0), ['BAD_HEADER']],
  ['a wrong sum of the header', (i) => i.u8(AT.header + 37, 1), ['BAD_CHECKSUM']],
  ['a header of version 2', (i) => sealHeader(i.u32be(AT.header + 24, 0x20000)), ['BAD_HEADER']],
  ['a parent', (i) => sealHeader(i.u8(AT.header + 40, 1)), ['BACKING_FILE']],
  ['the name of a parent', (i) => sealHeader(i.u16be(AT.header + 64, 0x41)), ['BACKING_FILE']],
  ['a parent locator', (i) => sealHeader(i.ascii(AT.header + 576, 'W2ku')), ['BACKING_FILE']],
  ['a block of no size', (i) => sealHeader(i.u32be(AT.header + 32, 0)), ['BAD_HEADER']],
  ['a block size of no power of two', (i) => sealHeader(i.u32be(AT.header + 32, 3 * BLOCK)), ['BAD_HEADER']],
  ['a block of 512 MiB', (i) => sealHeader(i.u32be(AT.header + 32, 2 ** 29)), ['BAD_HEADER']],
  ['too few entries', (i) => sealHeader(i.u32be(AT.header + 28, 3)), ['BAD_HEADER']],
  ['entries whose size overflows', (i) => sealHeader(i.u32be(AT.header + 28, 0xffffffff)), ['BAD_HEADER']],
  ['a table off the sectors', (i) => sealHeader(i.u64be(AT.header + 16, 1537)), ['BAD_HEADER']],
  ['a table over the header', (i) => sealHeader(i.u64be(AT.header + 16, 1024)), ['BAD_HEADER']],
  ['a table behind the end', (i) => sealHeader(i.u64be(AT.header + 16, 2 ** 24)), ['TRUNCATED']],
  ['a table beyond all', (i) => sealHeader(i.u64be(AT.header + 16, 1n << 62n)), ['BAD_TABLE']],
  ['a block in the table', (i) => i.u32be(AT.table, 3), ['BAD_TABLE']],
  ['a block over the footer', (i) => i.u32be(AT.table + 8, footerAt(i) / 512 - 1), ['TRUNCATED']],
  ['a block beyond all', (i) => i.u32be(AT.table, 0xfffffffe), ['BAD_TABLE']],
  ['a block that is shared', (i) => i.u32be(AT.table + 8, AT.blocks / 512), ['BAD_TABLE']],
  ['blocks over each other', (i) => i.u32be(AT.table + 4, AT.blocks / 512 + 8), ['BAD_TABLE']],
  [
    'a block behind the disk',
    (i) => sealHeader(i.u32be(AT.header + 28, 5)).u32be(AT.table + 16, AT.blocks / 512),
    ['BAD_TABLE'],
  ],
];

describe('a fixed VHD', () => {
  it.each(FIXED)('with %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(fixed())))).toEqual(expected);
  });

  it('that is in order is taken', async () => {
    const report = await judge(fixed());
    expect(codes(report)).toEqual(['NOT_BOOTABLE']);
    expect(report).toMatchObject({ format: 'VHD', variant: 'fixed', virtualSize: String(SIZE) });
    expect(report.clusterSize).toBeUndefined();
  });

  it.each([
    ['a footer of 511 bytes', (i: Packer) => i.resized(SIZE + 511)],
    ['a saved state', (i: Packer) => sealFooter(i.u8(SIZE + 84, 1), SIZE)],
    ['a geometry that nobody believes', (i: Packer) => geometry(i, 1, 1, 1)],
  ])('with %s is taken with a remark', async (_what, spoil) => {
    expect(codes(await judge(spoil(fixed())))).toEqual(['NOT_BOOTABLE', 'CREATOR_QUIRK']);
  });

  it('may lose part of a cylinder in its geometry', async () => {
    const image = geometry(fixed().ascii(SIZE + 28, 'qemu'), 60, 4, 17);
    expect(codes(await judge(image))).toEqual(['NOT_BOOTABLE']);
  });
});

describe('a dynamic VHD', () => {
  it.each(DYNAMIC)('with %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(dynamic())))).toEqual(expected);
  });

  it('that is in order is taken, and its blocks are read', async () => {
    const report = await judge(dynamic());
    expect(codes(report)).toEqual(['NOT_BOOTABLE']);
    expect(report).toMatchObject({
      format: 'VHD',
      variant: 'dynamic',
      clusterSize: String(BLOCK),
      scan: { complete: true, tables: 1, allocated: String(2 * BLOCK), sparse: true },
    });
    const guest = await openGuest(bytesReader(dynamic().bytes));
    expect([...(await guest.read(BLOCK - 1, 2))]).toEqual([0x50, 0x51]);
    expect([...(await guest.read(2 * BLOCK - 1, 2))]).toEqual([0x51, 0]);
  });

  it.each([
    ['the sum at the end', (i: Packer) => i.u8(footerAt(i) + 70, 1)],
    ['the sum at the start', (i: Packer) => i.u8(70, 1)],
  ])('with %s wrong is taken with a remark', async (_what, spoil) => {
    expect(codes(await judge(spoil(dynamic())))).toEqual(['NOT_BOOTABLE', 'CREATOR_QUIRK']);
  });
});
