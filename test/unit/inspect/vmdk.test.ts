import { describe, expect, it } from 'vitest';
import { bytesReader } from '../../corpus.ts';
import { codes, judge, refusals } from './build/judge.ts';
import { Packer } from './build/packer.ts';
import { AT, CAPACITY, type DescriptorText, descriptorText, GRAIN, sparse, stream } from './build/vmdk.ts';
import { openGuest } from './guest.ts';

const SECTOR = 512;
const TABLE = AT.table * SECTOR;
const DESCRIPTOR = AT.descriptor * SECTOR;

type Case = readonly [what: string, spoil: (image: Packer) => Packer, codes: readonly string[]];

const HEADER: readonly Case[] = [
  ['version 0', (i) => i.u32le(4, 0), ['UNSUPPORTED_VERSION']],
  ['version 4', (i) => i.u32le(4, 4), ['UNSUPPORTED_VERSION']],
  ['an unknown demanded flag', (i) => i.u32le(8, 3 | (1 << 18)), ['UNKNOWN_FEATURE']],
  ['the highest demanded flag', (i) => i.u32le(8, 0x80000003), ['UNKNOWN_FEATURE']],
  ['markers without compression', (i) => i.u32le(8, 3 | (1 << 17)), ['BAD_HEADER']],
  ['a compression flag without compression', (i) => i.u32le(8, 3 | (1 << 16)), ['BAD_HEADER']],
  ['no capacity', (i) => i.u64le(12, 0), ['EXTERNAL_EXTENT', 'TOO_LARGE']],
  ['another capacity than the extent', (i) => i.u64le(12, CAPACITY - GRAIN), ['EXTERNAL_EXTENT']],
  ['a capacity of 2^64 - 1', (i) => i.u64le(12, 0xffffffffffffffffn), ['EXTERNAL_EXTENT', 'TOO_LARGE']],
  ['a grain of no sectors', (i) => i.u64le(20, 0), ['BAD_HEADER']],
  ['a grain of 3 sectors', (i) => i.u64le(20, 3), ['BAD_HEADER']],
  ['a grain of 2 MiB', (i) => i.u64le(20, 4096), ['BAD_HEADER']],
  ['no descriptor', (i) => i.u64le(28, 0), ['UNSUPPORTED_VARIANT']],
  ['a descriptor elsewhere', (i) => i.u64le(28, 2), ['BAD_HEADER']],
  ['a descriptor of no size', (i) => i.u64le(36, 0), ['BAD_HEADER']],
  ['a descriptor above 1 MiB', (i) => i.u64le(36, 4096), ['BAD_HEADER']],
  ['an end behind its header', (i) => i.resized(512), ['TRUNCATED', 'TRUNCATED']],
  ['a descriptor that passes the end', (i) => i.u64le(36, 2000), ['TRUNCATED']],
  ['513 entries of a table', (i) => i.u32le(44, 513), ['BAD_HEADER']],
  ['a directory in the header', (i) => i.u64le(56, 0), ['BAD_HEADER']],
  ['a directory behind the end', (i) => i.u64le(56, 5000), ['TRUNCATED']],
  ['a directory beyond all', (i) => i.u64le(56, 1n << 62n), ['BAD_TABLE']],
  ['a redundant directory beyond all', (i) => i.u64le(48, 1n << 62n), ['BAD_TABLE']],
  ['a directory in a footer that is missing', (i) => i.u64le(56, 0xffffffffffffffffn), ['TRUNCATED']],
  ['an overhead behind the end', (i) => i.u64le(64, 5000), ['TRUNCATED']],
  ['line ends that were changed', (i) => i.u8(75, 0x0a), ['BAD_HEADER']],
  ['an unknown compression', (i) => i.u16le(77, 2), ['UNSUPPORTED_VARIANT']],
  ['something in its padding', (i) => i.u8(400, 1), ['BAD_HEADER']],
  ['the mark of an interrupted conversion', (i) => i.ascii(0, 'kdmv'), ['TRUNCATED']],
  ['a partition table', (i) => partitioned(i), ['BAD_HEADER', 'POLYGLOT']],
];

function partitioned(image: Packer): Packer {
  return image
    .u8(446 + 4, 0x83)
    .u32le(446 + 8, 128)
    .u32le(446 + 12, 128)
    .u8(510, 0x55)
    .u8(511, 0xaa);
}

const DESCRIPTORS: readonly (readonly [string, DescriptorText, readonly string[]])[] = [
  ['a parent', { parentCid: '12345678' }, ['BACKING_FILE']],
  ['the name of a parent', { more: 'parentFileNameHint="base.vmdk"' }, ['BACKING_FILE']],
  ['the name of a parent in a comment', { more: '# parentFileNameHint="base.vmdk"' }, ['BACKING_FILE']],
  ['an absolute name', { extent: `RW ${CAPACITY} SPARSE "/etc/passwd"` }, ['EXTERNAL_EXTENT']],
  ['a name that climbs', { extent: `RW ${CAPACITY} SPARSE "..\\secret"` }, ['EXTERNAL_EXTENT']],
  ['a name with a scheme', { extent: `RW ${CAPACITY} SPARSE "nbd:host"` }, ['EXTERNAL_EXTENT']],
  ['no name', { extent: `RW ${CAPACITY} SPARSE` }, ['EXTERNAL_EXTENT']],
  ['a name of 256 bytes', { extent: `RW ${CAPACITY} SPARSE "${'a'.repeat(256)}"` }, ['EXTERNAL_EXTENT']],
  ['a flat extent', { extent: `RW ${CAPACITY} FLAT "secret" 0` }, ['EXTERNAL_EXTENT']],
  ['a zero extent', { extent: `RW ${CAPACITY} ZERO` }, ['EXTERNAL_EXTENT']],
  ['an extent without access', { extent: `NOACCESS ${CAPACITY} SPARSE "a.vmdk"` }, ['EXTERNAL_EXTENT']],
  ['an extent that begins elsewhere', { extent: `RW ${CAPACITY} SPARSE "a.vmdk" 128` }, ['EXTERNAL_EXTENT']],
  ['two extents', { more: `RW 1 SPARSE "b.vmdk"` }, ['EXTERNAL_EXTENT']],
  ['no extent', { extent: '' }, ['EXTERNAL_EXTENT']],
  ['an extent of another length', { extent: `RW ${CAPACITY + GRAIN} SPARSE "a.vmdk"` }, ['EXTERNAL_EXTENT']],
  ['change tracking', { more: 'changeTrackPath="a-ctk.vmdk"' }, ['EXTERNAL_EXTENT']],
  ['encryption keys', { more: 'encryption.keySafe = "vmware:key"' }, ['ENCRYPTED']],
  ['a split type', { createType: 'twoGbMaxExtentSparse' }, ['UNSUPPORTED_VARIANT']],
  ['an ESX type', { createType: 'vmfsSparse' }, ['UNSUPPORTED_VARIANT']],
  ['a flat type', { createType: 'monolithicFlat' }, ['EXTERNAL_EXTENT']],
  ['a stream type without compression', { createType: 'streamOptimized' }, ['BAD_HEADER']],
  ['two types', { more: 'CreateType="monolithicSparse"' }, ['BAD_HEADER']],
  ['a line of no kind', { more: 'hello there' }, ['BAD_HEADER']],
  ['a line of 5 000 blanks', { more: `a=${' '.repeat(5000)}"` }, ['BAD_HEADER']],
];

/** Names a grain in both tables. */
function grain(image: Packer, index: number, sector: number): Packer {
  return image.u32le(TABLE + index * 4, sector).u32le(AT.redundantTable * SECTOR + index * 4, sector);
}

const TABLES: readonly Case[] = [
  ['a table in the header', (i) => i.u32le(AT.directory * SECTOR, 3), ['BAD_TABLE']],
  ['a table behind the end', (i) => i.u32le(AT.directory * SECTOR, 5000), ['TRUNCATED']],
  ['a table beyond all', (i) => i.u32le(AT.directory * SECTOR, 0xffffffff), ['BAD_TABLE']],
  [
    'a table over the directory',
    (i) =>
      i
        .u32le(AT.directory * SECTOR, AT.directory)
        .u64le(48, 0)
        .u32le(8, 1),
    ['BAD_TABLE'],
  ],
  ['a grain in the header', (i) => grain(i, 0, 1), ['BAD_TABLE']],
  [
    'a grain over its table',
    (i) =>
      i
        .u32le(TABLE, AT.table - 3)
        .u64le(48, 0)
        .u32le(8, 1),
    ['BAD_TABLE'],
  ],
  ['a grain behind the end', (i) => grain(i, 0, 5000), ['TRUNCATED']],
  ['a grain beyond all', (i) => grain(i, 0, 0xffffffff), ['BAD_TABLE']],
  ['a grain that is shared', (i) => i.u32le(TABLE + 8, AT.grains), ['BAD_TABLE']],
  ['grains over each other', (i) => grain(grain(i, 2, AT.grains + 1), 1, 0), ['BAD_TABLE']],
  ['a grain behind the disk', (i) => i.u32le(TABLE + 16 * 4, AT.grains), ['BAD_TABLE']],
  [
    'a redundant table that differs',
    (i) => i.u32le(AT.redundantTable * SECTOR + 4, AT.grains),
    ['BAD_TABLE'],
  ],
];

describe('a VMDK header', () => {
  it.each(HEADER)('with %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(sparse())))).toEqual(expect.arrayContaining([...expected]));
  });

  it('that is in order is taken', async () => {
    const report = await judge(sparse());
    expect(codes(report)).toEqual(['NOT_BOOTABLE']);
    expect(report).toMatchObject({
      verdict: 'accept',
      format: 'VMDK',
      variant: 'monolithicSparse',
      virtualSize: String(CAPACITY * SECTOR),
      clusterSize: String(GRAIN * SECTOR),
      features: [],
      scan: { complete: true, allocated: String(2 * GRAIN * SECTOR), sparse: true },
    });
  });
});

describe('a VMDK descriptor', () => {
  it.each(DESCRIPTORS)('with %s is refused', async (_what, text, expected) => {
    expect(refusals(await judge(sparse(text)))).toEqual(expected);
  });

  it('that does not end inside its space is refused', async () => {
    const image = sparse();
    const length = descriptorText().length;
    image.fill(DESCRIPTOR + length, 20 * SECTOR - length, 0x0a);
    expect(refusals(await judge(image))).toEqual(['BAD_HEADER']);
  });

  it('may write its lines with CRLF and read-only', async () => {
    const text = descriptorText({ extent: `RDONLY ${CAPACITY} SPARSE "x-disk001.vmdk"` });
    const image = sparse().fill(DESCRIPTOR, 20 * SECTOR, 0);
    expect(refusals(await judge(image.ascii(DESCRIPTOR, text.replaceAll('\n', '\r\n'))))).toEqual([]);
  });

  it.each([
    ['monolithicFlat', ['EXTERNAL_EXTENT']],
    ['twoGbMaxExtentSparse', ['UNSUPPORTED_VARIANT', 'EXTERNAL_EXTENT']],
    ['vmfs', ['UNSUPPORTED_VARIANT', 'EXTERNAL_EXTENT']],
    ['monolithicSparse', ['EXTERNAL_EXTENT']],
  ])('alone, of the type %s, is refused', async (createType, expected) => {
    const text = descriptorText({ createType, extent: 'RW 2048 FLAT "a-flat.vmdk" 0' });
    const report = await judge(Packer.ofSize(text.length).ascii(0, text));
    expect(refusals(report)).toEqual(expected);
    expect(report).toMatchObject({ format: 'VMDK', variant: createType });
  });

  it('that looks like a script is one', async () => {
    const text = `#!/bin/sh\nversion=1\n${descriptorText({ extent: 'RW 1 FLAT "/etc/shadow"' })}`;
    expect(refusals(await judge(Packer.ofSize(2048).ascii(0, text)))).toEqual(['EXTERNAL_EXTENT']);
  });
});

describe('the tables of a VMDK', () => {
  it.each(TABLES)('with %s are refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(sparse())))).toEqual(expected);
  });

  it('may hold zeroed grains when the header says so', async () => {
    const image = sparse()
      .u32le(8, 7)
      .u32le(TABLE + 4, 1)
      .u32le(AT.redundantTable * SECTOR + 4, 1);
    expect(refusals(await judge(image))).toEqual([]);
    const guest = await openGuest(bytesReader(image.bytes));
    expect((await guest.read(GRAIN * SECTOR, 4)).every((byte) => byte === 0)).toBe(true);
  });
});

describe('a streamOptimized VMDK', () => {
  it('that is in order is taken', async () => {
    const report = await judge(stream().image);
    expect(codes(report)).toEqual(['NOT_BOOTABLE']);
    expect(report.features).toEqual(['COMPRESSED_DEFLATE', 'STREAM_FOOTER']);
    const guest = await openGuest(bytesReader(stream().image.bytes));
    expect([...(await guest.read(GRAIN * SECTOR - 1, 2))]).toEqual([0x30, 0x31]);
  });

  const BROKEN: readonly (readonly [string, (s: ReturnType<typeof stream>) => Packer, readonly string[]])[] =
    [
      ['is cut in front of its footer', ({ image, footer }) => image.resized(footer - SECTOR), ['TRUNCATED']],
      ['lacks its end-of-stream', ({ image, footer }) => image.resized(footer + SECTOR), ['TRUNCATED']],
      [
        'has a footer of another capacity',
        ({ image, footer }) => image.u64le(footer + 12, CAPACITY * 2),
        ['BAD_HEADER'],
      ],
      [
        'has a footer without directory',
        ({ image, footer }) => image.u64le(footer + 56, 0xffffffffffffffffn),
        ['BAD_HEADER'],
      ],
      [
        'has a directory beyond all',
        ({ image, footer }) => image.u64le(footer + 56, 1n << 60n),
        ['BAD_TABLE'],
      ],
      [
        "names another grain's data",
        ({ image, table, grains }) =>
          image.u32le(table, grains[1]! / SECTOR).u32le(table + 4, grains[0]! / SECTOR),
        ['BAD_TABLE'],
      ],
      [
        'names one grain twice',
        ({ image, table, grains }) => image.u32le(table + 4, grains[0]! / SECTOR),
        ['BAD_TABLE'],
      ],
      ['has a grain of no length', ({ image, grains }) => image.u32le(grains[1]! + 8, 0), ['BAD_TABLE']],
      [
        'has a grain of 2^32 - 1 bytes',
        ({ image, grains }) => image.u32le(grains[1]! + 8, 0xffffffff),
        ['BAD_TABLE'],
      ],
      [
        'has a grain that does not inflate',
        ({ image, grains }) => image.fill(grains[0]! + 12, 40, 0xff),
        ['BAD_TABLE'],
      ],
    ];
  it.each(BROKEN)('that %s is refused', async (_what, spoil, expected) => {
    expect(refusals(await judge(spoil(stream())))).toEqual(expected);
  });

  it('may be followed by zeros of a transfer', async () => {
    const { image } = stream();
    const report = await judge(image.resized(image.bytes.length + 20 * SECTOR));
    expect(codes(report)).toEqual(['TRAILING_DATA', 'NOT_BOOTABLE']);
  });
});
