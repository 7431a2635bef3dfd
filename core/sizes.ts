/** Sizes of images and disks, all in bytes. */
import { invalidField, RegistryError } from './errors.ts';

/** Computed sizes are whole multiples of this, 4 MiB. */
export const CHUNK_BYTES = 4 * 2 ** 20;
export const MIN_DISK_SIZE_BYTES = CHUNK_BYTES;
/** 4 TiB: the largest minDiskSize, hence the largest disk that an image can hold. */
export const MAX_MIN_DISK_SIZE_BYTES = 4 * 2 ** 40;
/** 26 TiB: the largest size that a disk may be asked for. */
export const MAX_DISK_SIZE_BYTES = 28_587_302_322_176;

export const DEFAULT_BLOCK_BYTES = 4096;
const MAX_BLOCK_BYTES = 131_072;
/** A disk has at most so many blocks: 8 TiB of the smallest, 256 TiB of the largest. */
const MAX_BLOCKS = 2 ** 31;

/** Disk types whose size goes in steps of 93 GiB. */
const STEPPED_DISK_TYPES = ['network-ssd-nonreplicated', 'network-ssd-io-m3'] as const;
const STEP_BYTES = 93 * 2 ** 30;

export const DISK_TYPES = ['network-hdd', 'network-ssd', ...STEPPED_DISK_TYPES] as const;
export type DiskType = (typeof DISK_TYPES)[number];
export const DEFAULT_DISK_TYPE: DiskType = 'network-hdd';

/** Up to the next multiple of 4 MiB. */
export function roundUpToChunk(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CHUNK_BYTES) * CHUNK_BYTES;
}

/** The minDiskSize of an image for which none was given: what its data needs, rounded up, at least one chunk. */
export function smallestMinDiskSize(virtualSizeBytes: number): number {
  return Math.max(roundUpToChunk(virtualSizeBytes), MIN_DISK_SIZE_BYTES);
}

/** The refusal of a disk, or of a minDiskSize, that the data would not fit. `field` in snake_case. */
export function tooSmallForSource(field: string, neededBytes: number): RegistryError {
  const message = `Minimal disk size should be greater or equal than ${neededBytes}`;
  return new RegistryError('INVALID_ARGUMENT', message, [
    { kind: 'fields', violations: [{ field, description: message }] },
  ]);
}

/** errors: INVALID_ARGUMENT on `min_disk_size` outside 4 MiB .. 4 TiB. Zero stands for not given. */
export function checkMinDiskSizeRange(declaredBytes: number | undefined): void {
  if (declaredBytes === undefined || declaredBytes === 0) return;
  if (
    !Number.isSafeInteger(declaredBytes) ||
    declaredBytes < MIN_DISK_SIZE_BYTES ||
    declaredBytes > MAX_MIN_DISK_SIZE_BYTES
  ) {
    throw invalidField('min_disk_size', `must be ${MIN_DISK_SIZE_BYTES} to ${MAX_MIN_DISK_SIZE_BYTES} bytes`);
  }
}

/**
 * The minDiskSize that is stored: the declared one as it is, when the data fits; else the smallest permitted.
 * in: undefined or 0 for not given; the bytes that the data needs (a virtual size, or a source's minDiskSize).
 * errors: INVALID_ARGUMENT on `min_disk_size`.
 */
export function settleMinDiskSize(declaredBytes: number | undefined, neededBytes: number): number {
  checkMinDiskSizeRange(declaredBytes);
  if (declaredBytes === undefined || declaredBytes === 0) return smallestMinDiskSize(neededBytes);
  if (declaredBytes < neededBytes) throw tooSmallForSource('min_disk_size', neededBytes);
  return declaredBytes;
}

/** errors: INVALID_ARGUMENT on `block_size`. */
export function checkBlockSize(blockSizeBytes: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(blockSizeBytes));
  if (!isPowerOfTwo || blockSizeBytes < DEFAULT_BLOCK_BYTES || blockSizeBytes > MAX_BLOCK_BYTES) {
    throw invalidField(
      'block_size',
      `must be a power of two from ${DEFAULT_BLOCK_BYTES} to ${MAX_BLOCK_BYTES}`,
    );
  }
}

/**
 * Whether a disk of this size can be, and holds its source.
 * in: `neededBytes` is the image's minDiskSize or the snapshot's disk size, 0 for an empty disk.
 * errors: INVALID_ARGUMENT on `size`.
 */
export function checkDiskSize(disk: {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly typeId: string;
  readonly neededBytes: number;
}): void {
  const { sizeBytes, blockSizeBytes, typeId, neededBytes } = disk;
  const maxBytes = Math.min(MAX_DISK_SIZE_BYTES, blockSizeBytes * MAX_BLOCKS);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < MIN_DISK_SIZE_BYTES || sizeBytes > maxBytes) {
    throw invalidField('size', `must be ${MIN_DISK_SIZE_BYTES} to ${maxBytes} bytes`);
  }
  const stepped = (STEPPED_DISK_TYPES as readonly string[]).includes(typeId);
  const stepBytes = stepped ? STEP_BYTES : CHUNK_BYTES;
  if (sizeBytes % stepBytes !== 0) throw invalidField('size', `must be a multiple of ${stepBytes} bytes`);
  if (sizeBytes < neededBytes) throw tooSmallForSource('size', neededBytes);
}
