import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesReader } from '../../corpus.ts';
import { codes, judge, refusals } from './build/judge.ts';
import type { Packer } from './build/packer.ts';
import { AT, CLUSTER, compressed, qcow2, SIZE, withExtensions } from './build/qcow2.ts';
import { openGuest } from './guest.ts';

type Spoil = (image: Packer) => Packer;
type Case = readonly [what: string, spoil: Spoil, codes: readonly string[]];

const text = (value: string) => Uint8Array.from(value, (character) => character.charCodeAt(0));

const HEADER: readonly Case[] = [
  ['version 0', (i) => i.u32be(4, 0), ['UNSUPPORTED_VERSION']],
  ['version 1', (i) => i.u32be(4, 1), ['UNSUPPORTED_FORMAT']],
  ['version 4', (i) => i.u32be(4, 4), ['UNSUPPORTED_VERSION']],
  ['a backing file', (i) => i.u64be(8, 512).u32be(16, 9).ascii(512, '/dev/null'), ['BACKING_FILE']],
  ['a backing file name without length', (i) => i.u64be(8, 512), ['BACKING_FILE']],
  ['a backing file length without name', (i) => i.u32be(16, 9), ['BACKING_FILE']],
  ['a backing file name outside the file', (i) => i.u64be(8, 0xffffffffffffffffn), ['BACKING_FILE']],
  ['clusters of 256 bytes', (i) => i.u32be(20, 8), ['BAD_HEADER']],
  ['clusters of 4 MiB', (i) => i.u32be(20, 22), ['BAD_HEADER']],
  ['cluster bits of 2^32 - 1', (i) => i.u32be(20, 0xffffffff), ['BAD_HEADER']],
  ['no size', (i) => i.u64be(24, 0), ['TOO_LARGE']],
  ['less than a sector', (i) => i.u64be(24, 511), ['TOO_LARGE']],
  ['more than 8 TiB', (i) => i.u64be(24, 2n ** 43n + 512n), ['TOO_LARGE']],
  ['a size of 2^64 - 1', (i) => i.u64be(24, 0xffffffffffffffffn), ['TOO_LARGE']],
  ['AES', (i) => i.u32be(32, 1), ['ENCRYPTED']],
  ['LUKS', (i) => i.u32be(32, 2), ['ENCRYPTED']],
  ['an unknown encryption', (i) => i.u32be(32, 3), ['BAD_HEADER']],
  ['too few L1 entries', (i) => i.u32be(36, 0), ['BAD_HEADER']],
  ['an L1 table above 32 MiB', (i) => i.u32be(36, 0xffffffff), ['BAD_HEADER']],
  ['an L1 table off the grid', (i) => i.u64be(40, AT.l1 + 512), ['BAD_HEADER']],
  ['an L1 table in the header', (i) => i.u64be(40, 0), ['BAD_HEADER']],
  ['an L1 table behind the end', (i) => i.u64be(40, 0x100000), ['TRUNCATED']],
  ['an L1 table beyond all', (i) => i.u64be(40, 0x7ffffffffffff000n), ['BAD_TABLE']],
  ['an L1 table over the refcount table', (i) => i.u64be(40, AT.refcountTable), ['BAD_TABLE']],
  ['a refcount table off the grid', (i) => i.u64be(48, AT.refcountTable + 8), ['BAD_TABLE']],
  ['no refcount table', (i) => i.u32be(56, 0), ['BAD_TABLE']],
  ['a refcount table above 8 MiB', (i) => i.u32be(56, 0xffffffff), ['BAD_TABLE']],
  ['a refcount table that passes the end', (i) => i.u32be(56, 64), ['TRUNCATED']],
  ['too many snapshots', (i) => i.u32be(60, 65_537), ['BAD_TABLE']],
  ['a snapshot table off the grid', (i) => i.u32be(60, 1).u64be(64, 0x5001), ['BAD_TABLE']],
  ['an unknown incompatible feature', (i) => i.u64be(72, 32), ['UNKNOWN_FEATURE']],
  ['the highest incompatible feature', (i) => i.u64be(72, 1n << 63n), ['UNKNOWN_FEATURE']],
  ['the corrupt bit', (i) => i.u64be(72, 2), ['MARKED_CORRUPT']],
  ['an external data file', (i) => i.u64be(72, 4), ['EXTERNAL_DATA_FILE']],
  ['a compression bit without type', (i) => i.u64be(72, 8), ['BAD_HEADER']],
  ['extended L2 with small clusters', (i) => i.u64be(72, 16), ['BAD_HEADER']],
  ['raw external data without the file', (i) => i.u64be(88, 2), ['BAD_HEADER']],
  ['refcounts of 128 bits', (i) => i.u32be(96, 7), ['BAD_HEADER']],
  ['a header of 100 bytes', (i) => i.u32be(100, 100), ['BAD_HEADER']],
  ['a header of 108 bytes', (i) => i.u32be(100, 108), ['BAD_HEADER']],
  ['a header longer than a cluster', (i) => i.u32be(100, CLUSTER + 8), ['BAD_HEADER']],
  ['an unknown compression', (i) => i.u32be(100, 112).u8(104, 2).u64be(72, 8), ['UNSUPPORTED_VARIANT']],
  ['zstd without its bit', (i) => i.u32be(100, 112).u8(104, 1), ['BAD_HEADER']],
];

const EXTENSIONS: readonly Case[] = [
  ['a backing format', (i) => withExtensions(i, [0xe2792aca, text('raw')]), ['BACKING_FILE']],
  ['an empty backing format', (i) => withExtensions(i, [0xe2792aca, text('')]), ['BACKING_FILE']],
  [
    'a data file without its bit',
    (i) => withExtensions(i, [0x44415441, text('/etc/passwd')]),
    ['EXTERNAL_DATA_FILE'],
  ],
  ['an encryption header', (i) => withExtensions(i, [0x0537be77, new Uint8Array(16)]), ['ENCRYPTED']],
  [
    'a bitmaps header of the wrong length',
    (i) => withExtensions(i, [0x23852875, new Uint8Array(16)]),
    ['BAD_HEADER'],
  ],
  [
    'a bitmaps header without bitmaps',
    (i) => withExtensions(i, [0x23852875, new Uint8Array(24)]),
    ['BAD_HEADER'],
  ],
  [
    'feature names twice',
    (i) => withExtensions(i, [0x6803f857, new Uint8Array(48)], [0x6803f857, new Uint8Array(48)]),
    ['BAD_HEADER'],
  ],
  [
    'an extension that passes its area',
    (i) => withExtensions(i, [0x12345678, new Uint8Array(0)]).u32be(108, CLUSTER),
    ['BAD_HEADER'],
  ],
  [
    'an extension of 2^32 - 1 bytes',
    (i) => withExtensions(i, [0x12345678, new Uint8Array(0)]).u32be(108, 0xffffffff),
    ['BAD_HEADER'],
  ],
  [
    '65 extensions',
    (i) => withExtensions(i, ...Array.from({ length: 65 }, () => [0x12345678, new Uint8Array(0)] as const)),
    ['BAD_HEADER'],
  ],
];

const BIT63 = 1n << 63n;
const TABLES: readonly Case[] = [
  ['an L1 entry with a low reserved bit', (i) => i.u64be(AT.l1, BigInt(AT.l2 + 1)), ['BAD_TABLE']],
  ['an L1 entry with a high reserved bit', (i) => i.u64be(AT.l1, BigInt(AT.l2) | (1n << 56n)), ['BAD_TABLE']],
  ['an L2 table off the grid', (i) => i.u64be(AT.l1, AT.l2 + 512), ['BAD_TABLE']],
  ['an L2 table over the L1 table', (i) => i.u64be(AT.l1, AT.l1), ['BAD_TABLE']],
  ['an L2 table over the refcount block', (i) => i.u64be(AT.l1, AT.refcountBlock), ['BAD_TABLE']],
  ['an L2 table behind the end', (i) => i.u64be(AT.l1, 0x100000), ['TRUNCATED']],
  ['an L2 table beyond all', (i) => i.u64be(AT.l1, 0x00fffffffffff000n), ['BAD_TABLE']],
  [
    'an L2 table behind the needed ones that is wild',
    (i) => i.u32be(36, 2).u64be(AT.l1 + 8, 0x00fffffffffff000n),
    ['BAD_TABLE'],
  ],
  ['an L2 entry with a low reserved bit', (i) => i.u64be(AT.l2, BigInt(AT.data + 2)), ['BAD_TABLE']],
  [
    'an L2 entry with a high reserved bit',
    (i) => i.u64be(AT.l2, BigInt(AT.data) | (1n << 61n)),
    ['BAD_TABLE'],
  ],
  ['data off the grid', (i) => i.u64be(AT.l2, AT.data + 512), ['BAD_TABLE']],
  ['data that are the header', (i) => i.u64be(AT.l2, BIT63), ['BAD_TABLE']],
  ['data that are the L1 table', (i) => i.u64be(AT.l2, AT.l1), ['BAD_TABLE']],
  ['data that are their own L2 table', (i) => i.u64be(AT.l2, AT.l2), ['BAD_TABLE']],
  ['data that are the refcount table', (i) => i.u64be(AT.l2 + 16, AT.refcountTable), ['BAD_TABLE']],
  ['data behind the end', (i) => i.u64be(AT.l2, 0x100000), ['TRUNCATED']],
  ['data beyond all', (i) => i.u64be(AT.l2, 0x00fffffffffff000n), ['BAD_TABLE']],
  ['data that are shared', (i) => i.u64be(AT.l2 + 8, AT.data), ['BAD_TABLE']],
  ['a reserved cluster that is shared', (i) => i.u64be(AT.l2 + 8, AT.data + 1), ['BAD_TABLE']],
  ['compressed data with bit 63', (i) => i.u64be(AT.l2, compressed(AT.data, 1) | BIT63), ['BAD_TABLE']],
  ['compressed data in the header', (i) => i.u64be(AT.l2, compressed(0x800, 0)), ['BAD_TABLE']],
  ['compressed data in a table', (i) => i.u64be(AT.l2, compressed(AT.l1 + 100, 0)), ['BAD_TABLE']],
  ['compressed data behind the end', (i) => i.u64be(AT.l2, compressed(0x100000, 0)), ['TRUNCATED']],
  [
    'compressed data twice',
    (i) => i.u64be(AT.l2, compressed(AT.data, 0)).u64be(AT.l2 + 8, compressed(AT.data, 0)),
    ['BAD_TABLE'],
  ],
  ['compressed data above 2^56', (i) => i.u64be(AT.l2, (1n << 62n) | (1n << 57n)), ['BAD_TABLE']],
  [
    'compressed data that pass the end and are none',
    (i) => i.u64be(AT.l2 + 8, compressed(AT.data + CLUSTER, 15)),
    ['TRUNCATED'],
  ],
  ['a refcount block off the grid', (i) => i.u64be(AT.refcountTable, AT.refcountBlock + 512), ['BAD_TABLE']],
  [
    'a refcount block over the header',
    (i) => i.u64be(AT.refcountTable + 8, 0).u64be(AT.refcountTable, AT.l1),
    ['BAD_TABLE'],
  ],
  ['a refcount block behind the end', (i) => i.u64be(AT.refcountTable, 0x100000), ['TRUNCATED']],
  ['a refcount block beyond all', (i) => i.u64be(AT.refcountTable, 0xfffffffffffff000n), ['BAD_TABLE']],
  ['a snapshot whose L1 table is wild', (i) => snapshot(i, 0x00fffffffffff000n, 1), ['BAD_TABLE']],
  ['a snapshot whose L1 table is endless', (i) => snapshot(i, BigInt(AT.l1), 0xffffffff), ['BAD_TABLE']],
  ["a snapshot whose L1 table is the disk's", (i) => snapshot(i, BigInt(AT.l1), 1), ['BAD_TABLE']],
  ['more snapshots than the table holds', (i) => snapshot(i, 0n, 0).u32be(60, 60_000), ['TRUNCATED']],
];

/** Puts a snapshot table into a cluster of its own at the end. */
function snapshot(image: Packer, l1: bigint, entries: number): Packer {
  const at = image.bytes.length;
  return image
    .resized(at + CLUSTER)
    .u32be(60, 1)
    .u64be(64, at)
    .u64be(at, l1)
    .u32be(at + 8, entries)
    .u16be(at + 12, 1)
    .u16be(at + 14, 1)
    .u32be(at + 36, 24);
}

describe('a qcow2 header', () => {
  it.each(HEADER)('with %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(qcow2())))).toEqual(expect.arrayContaining([...expected]));
  });

  it.each(EXTENSIONS)('with %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(qcow2())))).toEqual(expected);
  });

  it.each([2, 3] as const)('of version %s that is in order is taken', async (version) => {
    const report = await judge(qcow2(version));
    expect(codes(report)).toEqual(['NOT_BOOTABLE']);
    expect(report).toMatchObject({
      verdict: 'accept',
      format: 'QCOW2',
      variant: `v${version}`,
      virtualSize: String(SIZE),
      clusterSize: String(CLUSTER),
      features: [],
      scan: { complete: true, tables: 3, allocated: String(2 * CLUSTER), sparse: true },
    });
  });

  it('of version 2 has no feature words: an extension stands in their place', async () => {
    const image = qcow2(2).u32be(72, 0xe2792aca).u32be(76, 3).ascii(80, 'raw');
    expect(refusals(await judge(image))).toEqual(['BACKING_FILE']);
  });

  it('names an unknown feature by what its writer called it, made printable', async () => {
    const name = new Uint8Array(48);
    name.set([0, 9, ...text('warp\u001b[31m drive')]);
    const report = await judge(withExtensions(qcow2().u64be(72, 512), [0x6803f857, name]));
    expect(report.findings[0]?.message).toContain('"warp?[31m drive" (bit 9)');
  });

  it('is followed through extensions that pass the first 72 KiB', async () => {
    const clusterBytes = 2 ** 17;
    const image = qcow2().resized(clusterBytes * 7);
    image
      .u32be(20, 17)
      .u64be(40, clusterBytes * 3)
      .u64be(48, clusterBytes)
      .fill(AT.l1, CLUSTER, 0);
    const filler = new Uint8Array(100_000);
    withExtensions(image, [0x12345678, filler], [0x44415441, text('secret')]);
    expect(refusals(await judge(image))).toEqual(['EXTERNAL_DATA_FILE']);
  });

  it('is not followed through extensions that pass 1 MiB', async () => {
    const clusterBytes = 2 ** 21;
    const image = qcow2()
      .resized(clusterBytes * 2)
      .u32be(20, 21);
    withExtensions(image, [0x12345678, new Uint8Array(1_100_000)], [0x44415441, text('secret')]);
    expect(refusals(await judge(image))).toEqual(['RESOURCE_LIMIT']);
  });

  it.each([
    ['dirty', (i: Packer) => i.u64be(72, 1), 'DIRTY'],
    ['a compatible feature', (i: Packer) => i.u64be(80, 2), 'UNKNOWN_COMPATIBLE_FEATURE'],
    ['an autoclear feature', (i: Packer) => i.u64be(88, 4), 'UNKNOWN_COMPATIBLE_FEATURE'],
    [
      'an unknown extension',
      (i: Packer) => withExtensions(i, [0x12345678, text('x')]),
      'UNKNOWN_COMPATIBLE_FEATURE',
    ],
    [
      'a field behind the compression type',
      (i: Packer) => i.u32be(100, 112).u8(105, 1),
      'UNKNOWN_COMPATIBLE_FEATURE',
    ],
    ['a size off the sectors', (i: Packer) => i.u64be(24, SIZE - 100), 'UNALIGNED_SIZE'],
    ['an empty snapshot', (i: Packer) => snapshot(i, 0n, 0), 'INTERNAL_SNAPSHOTS'],
  ] as const)('that is marked %s is taken with a remark', async (_what, spoil, code) => {
    const report = await judge(spoil(qcow2()));
    expect(report.verdict).toBe('accept');
    expect(codes(report)).toContain(code);
  });
});

describe('the tables of a qcow2', () => {
  it.each(TABLES)('with %s are judged', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(qcow2())))).toEqual(expected);
  });

  it('may end within the last cluster', async () => {
    const image = qcow2();
    const report = await judge(image.resized(image.bytes.length - 1000));
    expect(report.verdict).toBe('accept');
  });

  it('may name a compressed cluster whose last sector the file does not pad', async () => {
    const packed = deflateRawSync(new Uint8Array(CLUSTER).fill(7));
    const last = AT.data + CLUSTER;
    const image = qcow2()
      .u64be(AT.l2 + 8, compressed(last, 3))
      .fill(last, CLUSTER, 0)
      .put(last, packed);
    const report = await judge(image.resized(last + packed.length));
    expect(refusals(report)).toEqual([]);
    expect(report.features).toEqual(['COMPRESSED_DEFLATE']);
  });

  it('with clusters that nothing names are taken with a remark', async () => {
    const image = qcow2();
    const at = image.bytes.length;
    const leaking = image.resized(at + 3 * CLUSTER).u16be(AT.refcountBlock + (at / CLUSTER) * 2, 1);
    expect(codes(await judge(leaking))).toEqual(['TRAILING_DATA', 'LEAKED_CLUSTERS', 'NOT_BOOTABLE']);
  });

  it('whose compressed cluster is damaged are refused when it is read', async () => {
    const image = qcow2().u64be(AT.l2, compressed(AT.data, 1));
    image.fill(AT.data, CLUSTER, 0xff);
    expect(refusals(await judge(image))).toEqual(['BAD_TABLE']);
  });
});

describe('a qcow2 guest', () => {
  it('reads stored, zeroed and absent clusters', async () => {
    const image = qcow2().u64be(AT.l2 + 8, AT.data + CLUSTER + 1);
    const guest = await openGuest(bytesReader(image.bytes));
    const bytes = await guest.read(CLUSTER - 2, CLUSTER + 4);
    expect([...bytes.subarray(0, 4)]).toEqual([0x10, 0x10, 0, 0]);
    expect(bytes.subarray(2).every((byte) => byte === 0)).toBe(true);
    expect(guest.size).toBe(SIZE);
  });

  it('stops at the cluster however much a compressed one would give', async () => {
    const packed = deflateRawSync(new Uint8Array(64 * CLUSTER).fill(9));
    const image = qcow2().u64be(AT.l2, compressed(AT.data, 1)).fill(AT.data, CLUSTER, 0).put(AT.data, packed);
    const guest = await openGuest(bytesReader(image.bytes));
    const bytes = await guest.read(0, CLUSTER + 1);
    expect(bytes[CLUSTER - 1]).toBe(9);
    expect(bytes[CLUSTER]).toBe(0x11);
  });

  it('that begins as another image is refused', async () => {
    const image = qcow2().put(AT.data, qcow2().bytes.subarray(0, 512));
    expect(refusals(await judge(image))).toEqual(['NESTED_IMAGE']);
  });
});

describe('the snapshots of a qcow2', () => {
  it('are judged quickly however often they name the same stretch', async () => {
    // 60 000 snapshots, each with an L1 table of 4 MiB that lies over that of the others.
    const l1 = 8 * 1024 * 1024;
    const count = 60_000;
    const table = 1024 * 1024;
    const image = qcow2()
      .resized(l1 + 5 * 1024 * 1024)
      .u32be(60, count)
      .u64be(64, table);
    for (let i = 0; i < count; i++) {
      image.u64be(table + i * 40, l1 + (i % 2) * CLUSTER).u32be(table + i * 40 + 8, 512 * 1024);
    }
    const report = await judge(image);
    expect(refusals(report)).toEqual(['BAD_TABLE']);
    expect(report.findings.length).toBeLessThan(20);
  }, 5000);
});
