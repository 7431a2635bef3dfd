import { describe, expect, it } from 'vitest';
import {
  CHUNK_BYTES,
  checkBlockSize,
  checkDiskSize,
  checkMinDiskSizeRange,
  MAX_MIN_DISK_SIZE_BYTES,
  roundUpToChunk,
  settleMinDiskSize,
  smallestMinDiskSize,
} from '../../../core/sizes.ts';

const GIB = 2 ** 30;
const TIB = 2 ** 40;

describe('rounding', () => {
  it.each([
    [0, 0, CHUNK_BYTES],
    [1, CHUNK_BYTES, CHUNK_BYTES],
    [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES],
    [CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES],
    [1_889_000_000, 1_891_631_104, 1_891_631_104],
    [4 * TIB, 4 * TIB, 4 * TIB],
  ])('%d', (sizeBytes, rounded, smallest) => {
    expect(roundUpToChunk(sizeBytes)).toBe(rounded);
    expect(smallestMinDiskSize(sizeBytes)).toBe(smallest);
  });
});

describe('minDiskSize', () => {
  it.each([
    ['not given', undefined, 10 * GIB, 10 * GIB],
    ['zero', 0, 10 * GIB, 10 * GIB],
    ['not given over odd data', undefined, 10 * GIB + 1, 10 * GIB + CHUNK_BYTES],
    ['just enough', 10 * GIB, 10 * GIB, 10 * GIB],
    ['no multiple of a chunk', 10 * GIB + 512, 10 * GIB + 512, 10 * GIB + 512],
    ['more than enough', 20 * GIB, 10 * GIB, 20 * GIB],
    ['the most', MAX_MIN_DISK_SIZE_BYTES, 1, MAX_MIN_DISK_SIZE_BYTES],
  ])('%s', (_, declared, needed, settled) => {
    expect(settleMinDiskSize(declared, needed)).toBe(settled);
  });

  it('that the data does not fit is refused in the words of the contract', () => {
    expect(() => settleMinDiskSize(10 * GIB - 1, 10 * GIB)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'Minimal disk size should be greater or equal than 10737418240',
      }),
    );
  });

  it.each([1, CHUNK_BYTES - 1, MAX_MIN_DISK_SIZE_BYTES + 1, -1, CHUNK_BYTES + 0.5])(
    '%d is refused',
    (declared) => {
      expect(() => checkMinDiskSizeRange(declared)).toThrow(
        'MinDiskSize: must be 4194304 to 4398046511104 bytes',
      );
    },
  );
});

describe('disks', () => {
  const disk = { sizeBytes: 10 * GIB, blockSizeBytes: 4096, typeId: 'network-hdd', neededBytes: 0 };
  it.each([
    [{}, undefined],
    [{ sizeBytes: CHUNK_BYTES }, undefined],
    [{ neededBytes: 10 * GIB }, undefined],
    [{ neededBytes: 10 * GIB + 1 }, 'Minimal disk size should be greater or equal than 10737418241'],
    [{ sizeBytes: CHUNK_BYTES - 1 }, 'Size: must be 4194304 to 8796093022208 bytes'],
    [{ sizeBytes: 8 * TIB }, undefined],
    [{ sizeBytes: 8 * TIB + CHUNK_BYTES }, 'Size: must be 4194304 to 8796093022208 bytes'],
    [{ sizeBytes: 8 * TIB + CHUNK_BYTES, blockSizeBytes: 8192 }, undefined],
    [{ sizeBytes: 27 * TIB, blockSizeBytes: 131_072 }, 'Size: must be 4194304 to 28587302322176 bytes'],
    [{ sizeBytes: 10 * GIB + 1 }, 'Size: must be a multiple of 4194304 bytes'],
    [{ typeId: 'network-ssd-nonreplicated' }, 'Size: must be a multiple of 99857989632 bytes'],
    [{ typeId: 'network-ssd-io-m3', sizeBytes: 186 * GIB }, undefined],
  ])('%j: %s', (change, reason) => {
    const check = () => checkDiskSize({ ...disk, ...change });
    if (reason === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(reason);
  });

  it.each([4096, 8192, 131_072])('blocks of %d are allowed', (bytes) => {
    expect(() => checkBlockSize(bytes)).not.toThrow();
  });

  it.each([0, -4096, 512, 4097, 12_288, 262_144, Number.NaN])('blocks of %d are refused', (bytes) => {
    expect(() => checkBlockSize(bytes)).toThrow('BlockSize: must be a power of two from 4096 to 131072');
  });
});
