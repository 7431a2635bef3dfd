/** Where the structures of a sample are: what is changed there is read, what is changed elsewhere mostly is not. */
import { inspect } from '../../inspect/inspect.ts';
import type { RangeReader } from '../../inspect/readers/range-reader.ts';
import type { SparseImage } from '../../test/sparse-image.ts';

/** A stretch of bytes, `end` not included. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

const SECTOR = 512;
/** Entries of a long table are alike: the first few are enough. */
const TABLE_BYTES = 64;

/** Numbers of an image at a place; zero where the image ends before. */
function fields(image: SparseImage) {
  const view = (at: number, length: number) => {
    const there = at >= 0 && at + length <= image.size;
    const bytes = there ? image.read(at, length) : new Uint8Array(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  };
  return {
    text: (at: number, length: number) => Buffer.from(view(at, length).buffer).toString('latin1'),
    u32be: (at: number) => view(at, 4).getUint32(0),
    u64be: (at: number) => Number(view(at, 8).getBigUint64(0)),
    u32le: (at: number) => view(at, 4).getUint32(0, true),
    u64le: (at: number) => Number(view(at, 8).getBigUint64(0, true)),
    /** The address in an entry of qcow2: bits 9 to 55. */
    qcow2Address: (at: number) => Number(view(at, 8).getBigUint64(0) & 0x00fffffffffffe00n),
  };
}

/** Headers and tables of the container, if the image is one, and of the partition tables at its ends. */
export function headsOf(image: SparseImage): Place[] {
  const { text, u32be, u64be, u32le, u64le, qcow2Address } = fields(image);
  const places: Place[] = [];
  const add = (start: number, length: number) => {
    const end = Math.min(start + length, image.size);
    if (start >= 0 && start < end) places.push({ start, end });
  };
  if (u32be(0) === 0x514649fb) {
    const l1 = u64be(40);
    const refcounts = u64be(48);
    for (const [start, length] of [
      [0, 72],
      [72, 40],
      [104, 64],
      [l1, TABLE_BYTES],
      [qcow2Address(l1), 2 * TABLE_BYTES],
      [refcounts, 16],
      [u64be(refcounts), TABLE_BYTES],
    ] as const) {
      add(start, length);
    }
    if (u32be(60) > 0) add(u64be(64), 2 * TABLE_BYTES);
  } else if (text(0, 4) === 'KDMV') {
    const footer = image.size - 2 * SECTOR;
    const atEnd = text(footer, 4) === 'KDMV';
    const directory = u64le(atEnd ? footer + 56 : 56) * SECTOR;
    add(0, 80);
    add(SECTOR, text(SECTOR, 4096).indexOf('\0'));
    add(directory, TABLE_BYTES);
    add(u32le(directory) * SECTOR, 2 * TABLE_BYTES);
    if (u64le(48) > 0) add(u64le(48) * SECTOR, TABLE_BYTES);
    if (atEnd) add(footer - SECTOR, 3 * SECTOR);
    // Markers of grains stand from here on.
    add(u64le(64) * SECTOR, 16);
  } else if (text(image.size - SECTOR, 8) === 'conectix') {
    add(image.size - SECTOR, 90);
    const dynamic = u64be(image.size - SECTOR + 16);
    if (text(0, 8) === 'conectix') {
      add(0, 90);
      add(dynamic, 64);
      add(dynamic + 64, 512);
      add(dynamic + 576, 192);
      add(u64be(dynamic + 16), TABLE_BYTES);
    }
  } else {
    for (const sector of [SECTOR, 8 * SECTOR]) {
      if (text(sector, 8) !== 'EFI PART') continue;
      const backup = u64le(sector + 32) * sector;
      add(sector, 96);
      add(u64le(sector + 72) * sector, 4 * 128);
      add(backup, 96);
      add(u64le(backup + 72) * sector, 4 * 128);
    }
    add(440, 72);
  }
  return places;
}

/** The sectors that an inspection reads and that hold something. */
export async function sectorsRead(image: SparseImage): Promise<number[]> {
  const sectors = new Set<number>();
  const noting: RangeReader = {
    size: image.size,
    read: async (offset, length) => {
      const bytes = image.read(offset, length);
      for (let at = 0; at < length; at += SECTOR) {
        if (bytes.subarray(at, at + SECTOR).some((byte) => byte !== 0)) sectors.add(offset + at);
      }
      return bytes;
    },
  };
  await inspect(noting);
  return [...sectors].sort((a, b) => a - b);
}
