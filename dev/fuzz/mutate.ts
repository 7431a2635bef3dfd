/** Mutants of valid images. A mutant is named by a seed and a number, and the same name always gives the same one. */
import { DEFAULT_LIMITS, type Limits } from '../../inspect/limits.ts';
import type { SparseImage } from '../../test/sparse-image.ts';
import { plant } from './plants.ts';
import { Random } from './random.ts';
import type { Sample } from './samples.ts';

export interface Mutant {
  /** `seed:number`. */
  readonly name: string;
  readonly sample: string;
  readonly image: SparseImage;
  /** What was done to the sample, in words. */
  readonly edits: readonly string[];
  /** What it is to be inspected with: mostly the defaults, sometimes allowances that end early. */
  readonly limits: Partial<Limits>;
}

const SECTOR = 512;
const MOST_EDITS = 4;
/** Lengths of the stretches that are copied, filled or swapped: fields, entries, sectors, blocks. */
const STRETCHES = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

/** Values at which fields turn over or that formats give a meaning. */
const EDGES = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 8n, 9n, 0x1fn, 0x20n, 0x3fn, 0x40n, 0x7fn, 0x80n, 0xffn, 0x100n],
  ...[0x1ffn, 0x200n, 0x3ffn, 0x400n, 0xfffn, 0x1000n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n],
  ...[0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 1n << 53n, 1n << 56n, 1n << 61n, 1n << 62n],
  ...[(1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 2n, (1n << 64n) - 1n],
];

/** What one edit works on. */
interface Workpiece {
  readonly image: SparseImage;
  readonly sample: Sample;
  readonly samples: readonly Sample[];
  readonly random: Random;
}

/** Changes the image and says how; undefined when there is nothing that it could change. */
type Edit = (piece: Workpiece) => string | undefined;

/** Each edit as often as it is worth trying. */
const EDITS: readonly Edit[] = [
  ...Array<Edit>(4).fill(flipBit),
  ...Array<Edit>(2).fill(setByte),
  ...Array<Edit>(6).fill(setField),
  ...Array<Edit>(4).fill(nudgeField),
  ...Array<Edit>(3).fill(setAddress),
  ...Array<Edit>(2).fill(fill),
  ...Array<Edit>(2).fill(copyWithin),
  ...Array<Edit>(2).fill(swap),
  ...Array<Edit>(2).fill(splice),
  shift,
  resize,
  ...Array<Edit>(2).fill(({ image, sample, random }) => plant(image, sample.bootSectors, random)),
];

/** The mutant `number` of a seed; its sample follows from the number, so that all samples take part alike. */
export function mutantOf(samples: readonly Sample[], seed: number, number: number): Mutant {
  const sample = samples[number % samples.length]!;
  const random = new Random(seed, number);
  const piece = { image: sample.image.copy(), sample, samples, random };
  const edits: string[] = [];
  for (let left = 1 + random.below(MOST_EDITS); left > 0; left--) {
    const done = random.pick(EDITS)(piece);
    if (done !== undefined) edits.push(done);
  }
  if (sample.seals.length > 0 && random.chance(0.8)) {
    for (const seal of sample.seals) seal(piece.image);
    edits.push('sums made right');
  }
  const limits = random.chance(0.15) ? tightLimits(random) : {};
  return { name: `${seed}:${number}`, sample: sample.name, image: piece.image, edits, limits };
}

/** Allowances of a few reads and bytes: wherever they end, the inspection has to end well. */
function tightLimits(random: Random): Partial<Limits> {
  const reads = () => random.pick([0, 1, 2, 3, 5, 8]);
  const bytes = () => random.pick([4096, 65_536, 150_000, 300_000, 1_000_000]);
  // One number for both: until it is known that a file is no container it is read as one.
  const verdictReads = reads();
  const verdictBytes = bytes();
  return {
    ...(random.chance(0.5) ? { plainReads: verdictReads, mappedReads: verdictReads } : {}),
    ...(random.chance(0.3) ? { plainBytes: verdictBytes, mappedBytes: verdictBytes } : {}),
    ...(random.chance(0.5) ? { fileReads: reads(), fileBytes: bytes() } : {}),
    ...(random.chance(0.5) ? { scanReads: reads(), scanBytes: bytes() } : {}),
    maxVirtualSizeBytes: random.pick([DEFAULT_LIMITS.maxVirtualSizeBytes, 4 * 1024 * 1024]),
  };
}

/** A place for `length` bytes, mostly in a header or a table, at a multiple of `align` within it. */
function placeFor({ image, sample, random }: Workpiece, length: number, align = 1): number | undefined {
  const inHead = sample.heads.length > 0 && random.chance(0.55);
  if (!inHead && sample.sectors.length === 0) return undefined;
  const start = inHead ? random.pick(sample.heads) : undefined;
  const at = start?.start ?? random.pick(sample.sectors);
  const room = Math.max(1, start === undefined ? SECTOR : start.end - start.start);
  const within = random.below(room);
  const place = at + within - (within % align);
  return place + length <= image.size ? place : undefined;
}

function flipBit(piece: Workpiece): string | undefined {
  const at = placeFor(piece, 1);
  if (at === undefined) return undefined;
  const bit = piece.random.below(8);
  piece.image.write(at, Uint8Array.of(piece.image.read(at, 1)[0]! ^ (1 << bit)));
  return `bit ${bit} at ${at} flipped`;
}

function setByte(piece: Workpiece): string | undefined {
  const at = placeFor(piece, 1);
  if (at === undefined) return undefined;
  const value = piece.random.below(256);
  piece.image.write(at, Uint8Array.of(value));
  return `byte ${value} at ${at}`;
}

/** A field of 2, 4 or 8 bytes on a multiple of its length, or, as some formats have it, of 2. */
function fieldOf(piece: Workpiece): { at: number; length: number; littleEndian: boolean } | undefined {
  const length = piece.random.pick([2, 4, 4, 4, 8, 8]);
  const at = placeFor(piece, length, piece.random.chance(0.8) ? length : Math.min(length, 2));
  return at === undefined ? undefined : { at, length, littleEndian: piece.random.chance(0.5) };
}

function putField(
  { image }: Workpiece,
  { at, length, littleEndian }: { at: number; length: number; littleEndian: boolean },
  value: bigint,
): string {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const kept = BigInt.asUintN(length * 8, value);
  if (littleEndian) view.setBigUint64(0, kept, true);
  else view.setBigUint64(0, kept << BigInt(64 - length * 8));
  image.write(at, bytes.subarray(0, length));
  return `u${length * 8}${littleEndian ? 'le' : 'be'} ${kept} at ${at}`;
}

function setField(piece: Workpiece): string | undefined {
  const field = fieldOf(piece);
  return field && putField(piece, field, piece.random.pick(EDGES));
}

/** A value near the one that is there, or a multiple of it. */
function nudgeField(piece: Workpiece): string | undefined {
  const field = fieldOf(piece);
  if (field === undefined) return undefined;
  const { at, length, littleEndian } = field;
  const bytes = piece.image.read(at, length);
  const old = (littleEndian ? bytes.toReversed() : bytes).reduce(
    (sum, byte) => (sum << 8n) | BigInt(byte),
    0n,
  );
  const step = BigInt(piece.random.pick([1, 1, 2, 4, 8, 64, 512, 4096, 65_536]));
  const changed = piece.random.pick([old + step, old - step, old << 1n, old >> 1n, -old, ~old]);
  return putField(piece, field, changed);
}

/** A place of the file itself, in bytes, sectors or clusters: entries that name what they should not. */
function setAddress(piece: Workpiece): string | undefined {
  const { image, sample, random } = piece;
  const field = fieldOf(piece);
  if (field === undefined) return undefined;
  const place = random.pick([
    0,
    field.at - (field.at % SECTOR),
    image.size,
    random.pick(sample.sectors),
    random.below(image.size + SECTOR),
    random.below(2 * image.size),
  ]);
  const unit = random.pick([1, 1, SECTOR, SECTOR, 4096, 65_536]);
  const flags = random.pick([0n, 0n, 0n, 1n << 63n, 1n << 62n, 1n]);
  return putField(piece, field, BigInt(Math.floor(place / unit)) | flags);
}

function fill(piece: Workpiece): string | undefined {
  const length = piece.random.pick(STRETCHES);
  const at = placeFor(piece, length, Math.min(length, SECTOR));
  if (at === undefined) return undefined;
  const value = piece.random.pick([0, 0, 0xff, undefined]);
  const bytes = value === undefined ? piece.random.bytes(length) : new Uint8Array(length).fill(value);
  piece.image.write(at, bytes);
  return `${length} bytes at ${at} filled with ${value ?? 'random ones'}`;
}

function copyWithin(piece: Workpiece): string | undefined {
  const length = piece.random.pick(STRETCHES);
  const align = Math.min(length, SECTOR);
  const from = placeFor(piece, length, align);
  const to = placeFor(piece, length, align);
  if (from === undefined || to === undefined) return undefined;
  piece.image.write(to, piece.image.read(from, length));
  return `${length} bytes copied from ${from} to ${to}`;
}

function swap(piece: Workpiece): string | undefined {
  const length = piece.random.pick(STRETCHES);
  const align = Math.min(length, SECTOR);
  const one = placeFor(piece, length, align);
  const other = placeFor(piece, length, align);
  if (one === undefined || other === undefined) return undefined;
  const bytes = piece.image.read(one, length);
  piece.image.write(one, piece.image.read(other, length)).write(other, bytes);
  return `${length} bytes at ${one} and at ${other} swapped`;
}

/** A stretch of another sample, at the same place or somewhere else. */
function splice(piece: Workpiece): string | undefined {
  const { random } = piece;
  const donor = random.pick(piece.samples);
  const length = random.pick(STRETCHES);
  const align = Math.min(length, SECTOR);
  const from = placeFor({ ...piece, image: donor.image, sample: donor }, length, align);
  const to = random.chance(0.5) ? from : placeFor(piece, length, align);
  if (from === undefined || to === undefined || to >= piece.image.size) return undefined;
  piece.image.write(to, donor.image.read(from, length));
  return `${length} bytes from ${from} of ${donor.name} put at ${to}`;
}

/** Bytes put in or taken out; what follows in the same stretch moves. */
function shift(piece: Workpiece): string | undefined {
  const { image, random } = piece;
  const by = random.pick([1, 2, 4, 8, 16]) * (random.chance(0.5) ? 1 : -1);
  const length = random.pick([64, 512, 4096]);
  const at = placeFor(piece, length);
  if (at === undefined) return undefined;
  const bytes = image.read(at, length);
  image.write(at + Math.max(by, 0), bytes.subarray(Math.max(-by, 0), length - Math.max(by, 0)));
  return `${length} bytes at ${at} moved by ${by}`;
}

/** Cut at a structure, by a little or anywhere, or lengthened. */
function resize(piece: Workpiece): string {
  const { image, sample, random } = piece;
  const { size } = image;
  const near = random.pick([1, 511, SECTOR, 1024, 4096, 65_536]);
  const place = sample.sectors.length === 0 ? 0 : random.pick(sample.sectors);
  const wanted = random.pick([
    size - near,
    size - near,
    size + near,
    place,
    place + near,
    random.below(size + 1),
  ]);
  image.resize(Math.max(0, wanted));
  return `size ${image.size} instead of ${size}`;
}
