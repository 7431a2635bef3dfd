/**
 * Checksums made right again, so that a mutant is judged for what its fields say and not refused for their sum.
 * A seal knows one structure by its magic and puts the sum of its present bytes into it.
 */
import type { SparseImage } from '../../test/sparse-image.ts';
import { crc32 } from '../object-store/crc32.ts';

const SECTOR = 512;
const MAX_ARRAY_BYTES = 128 * 1024;
const MAX_TEXT_BYTES = 128 * 1024;
/** LVM2's sum is a CRC-32 that begins with this instead of all ones and is not inverted at the end. */
const LVM2_START = 0xf597a6cf;

/** Makes the sums of one structure right. */
export type Seal = (image: SparseImage) => void;

/** Each magic with its place in the structure, and what seals one that begins at `at` of a valid sample. */
const SEALS: readonly {
  readonly magic: string;
  readonly within: number;
  readonly sealOf: (sample: SparseImage, at: number) => Seal;
}[] = [
  { magic: 'conectix', within: 0, sealOf: (_, at) => (image) => sealVhd(image, at, 512, 64) },
  { magic: 'cxsparse', within: 0, sealOf: (_, at) => (image) => sealVhd(image, at, 1024, 36) },
  { magic: 'EFI PART', within: 0, sealOf: gptSeal },
  { magic: ' LVM2 x[5A%r0N*>', within: 4, sealOf: (_, at) => (image) => sealLvm2(image, at) },
];

/** The seals of what begins in one of these sectors. */
export function sealsOf(sample: SparseImage, sectors: readonly number[]): Seal[] {
  return sectors.flatMap((at) =>
    SEALS.flatMap(({ magic, within, sealOf }) =>
      textAt(sample, at + within, magic.length) === magic ? [sealOf(sample, at)] : [],
    ),
  );
}

/** The bytes at a place; undefined when the image ends before. */
function bytesAt(image: SparseImage, at: number, length: number): Uint8Array | undefined {
  return at >= 0 && length >= 0 && at + length <= image.size ? image.read(at, length) : undefined;
}

function textAt(image: SparseImage, at: number, length: number): string | undefined {
  const bytes = bytesAt(image, at, length);
  return bytes && Buffer.from(bytes).toString('latin1');
}

function writeU32(image: SparseImage, at: number, value: number, littleEndian: boolean): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, littleEndian);
  image.write(at, bytes);
}

/** One's complement of the byte sum, its own four bytes left out. */
function sealVhd(image: SparseImage, at: number, length: number, field: number): void {
  const bytes = bytesAt(image, at, length);
  if (bytes === undefined) return;
  bytes.fill(0, field, field + 4);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  writeU32(image, at + field, ~sum, false);
}

/**
 * First the sum of the entries, then that of the header. Entries are looked for as far from the header as their
 * sectors say, which holds inside a container too while both lie in one cluster.
 */
function gptSeal(sample: SparseImage, at: number): Seal {
  const sectorBytes = textAt(sample, 4096, 8) === 'EFI PART' ? 4096 : SECTOR;
  return (image) => {
    const header = bytesAt(image, at, SECTOR);
    if (header === undefined) return;
    const view = new DataView(header.buffer);
    const u64 = (field: number) => Number(view.getBigUint64(field, true));
    const arrayAt = at + (u64(72) - u64(24)) * sectorBytes;
    const arrayBytes = view.getUint32(80, true) * view.getUint32(84, true);
    const array = arrayBytes <= MAX_ARRAY_BYTES ? bytesAt(image, arrayAt, arrayBytes) : undefined;
    if (array !== undefined) view.setUint32(88, crc32(array), true);
    view.setUint32(16, 0, true);
    view.setUint32(16, crc32(header.subarray(0, Math.min(view.getUint32(12, true), SECTOR))), true);
    image.write(at, header);
  };
}

/** The text that the first location names, as far as it does not go round the ring, and then the header. */
function sealLvm2(image: SparseImage, at: number): void {
  const header = bytesAt(image, at, SECTOR);
  if (header === undefined) return;
  const view = new DataView(header.buffer);
  const length = Number(view.getBigUint64(48, true));
  const text =
    length <= MAX_TEXT_BYTES ? bytesAt(image, at + Number(view.getBigUint64(40, true)), length) : undefined;
  const sum = (bytes: Uint8Array) => ~crc32(bytes, ~LVM2_START) >>> 0;
  if (text !== undefined) view.setUint32(56, sum(text), true);
  view.setUint32(0, sum(header.subarray(4)), true);
  image.write(at, header);
}
