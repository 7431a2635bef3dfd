import { describe, expect, it } from 'vitest';
import { logicalVolumes } from '../../../inspect/filesystems/lvm2-volumes.ts';
import { Damaged, GivenUp } from '../../../inspect/filesystems/tree.ts';
import { DiskImage, MIB } from './disk-image.ts';

const ID = 'CyoBopxo3AwJwu6HJdGBKlHukPlJIOGH';
const PRINTED_ID = 'CyoBop-xo3A-wJwu-6HJd-GBKl-HukP-lJIOGH';
const AREA = 4096;
const AREA_BYTES = 64 * 1024;
const EXTENT_BYTES = 1024 * 1024;
const DATA = MIB;

/** The checksum of LVM2 bit by bit. */
function checksum(bytes: Uint8Array): number {
  let state = 0xf597a6cf;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0xedb88320 : state >>> 1;
  }
  return state >>> 0;
}

/** A physical volume whose area holds this text from `offset` on. */
function physicalVolume(text: string, offset = 512): DiskImage {
  const disk = new DiskImage(64 * MIB);
  disk.text(512, 'LABELONE').u64(520, 1).u32(532, 32).text(536, 'LVM2 001').text(544, ID).u64(576, disk.size);
  disk.u64(584, DATA).u64(616, AREA).u64(624, AREA_BYTES);
  const bytes = Buffer.from(text, 'latin1');
  const first = Math.min(bytes.length, AREA_BYTES - offset);
  disk.write(AREA + offset, bytes.subarray(0, first)).write(AREA + 512, bytes.subarray(first));
  disk
    .text(AREA + 4, ' LVM2 x[5A%r0N*>')
    .u32(AREA + 20, 1)
    .u64(AREA + 24, AREA)
    .u64(AREA + 32, AREA_BYTES);
  disk
    .u64(AREA + 40, offset)
    .u64(AREA + 48, bytes.length)
    .u32(AREA + 56, checksum(bytes));
  return disk.u32(AREA, checksum(disk.read(AREA + 4, 508)));
}

interface Segment {
  readonly start: number;
  readonly count: number;
  readonly on?: string;
  readonly first: number;
  readonly type?: string;
}

function group(volumes: Record<string, readonly Segment[]>): string {
  const described = Object.entries(volumes).map(([name, segments]) => {
    const parts = segments.map(
      ({ start, count, on, first, type }, i) => `segment${i + 1} {
        start_extent = ${start} extent_count = ${count} type = "${type ?? 'striped'}"
        stripe_count = 1 stripes = ["${on ?? 'pv0'}", ${first}] }`,
    );
    return `${name} { status = ["READ", "WRITE", "VISIBLE"] ${parts.join('\n')} }`;
  });
  return `vg { extent_size = ${EXTENT_BYTES / 512}
    physical_volumes { pv0 { id = "${PRINTED_ID}" pe_start = ${DATA / 512} } pv1 { id = "other" pe_start = 8 } }
    logical_volumes { ${described.join('\n')} } }\n`;
}

const read = (disk: DiskImage) => logicalVolumes(disk.reader(), disk.read(0, 4096));

describe('logical volumes', () => {
  it('are put together from their segments, the root first', async () => {
    const disk = physicalVolume(
      group({
        home: [{ start: 0, count: 1, first: 0 }],
        swap_1: [{ start: 0, count: 1, first: 9 }],
        root: [
          { start: 2, count: 1, first: 3 },
          { start: 0, count: 2, first: 6 },
        ],
      }),
    );
    disk.text(DATA + 7 * EXTENT_BYTES + EXTENT_BYTES - 4, 'left').text(DATA + 3 * EXTENT_BYTES, 'right');
    const { plain, others } = await read(disk);
    expect(plain.map(({ name, reader }) => [name, reader.size / EXTENT_BYTES])).toEqual([
      ['root', 3],
      ['home', 1],
    ]);
    expect(others).toBe(0);
    const across = await plain[0]!.reader.read(2 * EXTENT_BYTES - 4, 9);
    expect(Buffer.from(across).toString()).toBe('leftright');
  });

  it('are read where the text goes round the end of its area', async () => {
    const text = group({ root: [{ start: 0, count: 1, first: 0 }] });
    const { plain } = await read(physicalVolume(text, AREA_BYTES - 100));
    expect(plain.map(({ name }) => name)).toEqual(['root']);
  });

  it('of other kinds and on other physical volumes are only counted', async () => {
    const { plain, others } = await read(
      physicalVolume(
        group({
          thin: [{ start: 0, count: 1, first: 0, type: 'thin' }],
          far: [{ start: 0, count: 1, first: 0, on: 'pv1' }],
          near: [{ start: 0, count: 1, first: 1 }],
        }),
      ),
    );
    expect([plain.map(({ name }) => name), others]).toEqual([['near'], 2]);
  });

  it.each<[string, DiskImage, typeof Damaged | typeof GivenUp]>([
    ['a text that is none', physicalVolume('vg { ]'), Damaged],
    ['a group that does not name it', physicalVolume('vg { extent_size = 8 }'), Damaged],
    ['a gap between segments', physicalVolume(group({ root: [{ start: 1, count: 1, first: 0 }] })), Damaged],
    ['an extent of no length', physicalVolume(group({ root: [{ start: 0, count: 0, first: 0 }] })), Damaged],
    ['a text nested too deep', physicalVolume('a { '.repeat(100)), GivenUp],
    [
      'a text of 256 KiB',
      physicalVolume('vg {}')
        .u64(AREA + 48, 262_144)
        .u32(AREA, 0),
      Damaged,
    ],
  ])('are not read out of %s', async (_name, disk, error) => {
    await expect(read(disk)).rejects.toThrow(error);
  });

  it('leads nowhere outside the physical volume', async () => {
    const { plain } = await read(physicalVolume(group({ root: [{ start: 0, count: 1, first: 1000 }] })));
    await expect(plain[0]!.reader.read(0, 10)).rejects.toThrow(Damaged);
  });
});
