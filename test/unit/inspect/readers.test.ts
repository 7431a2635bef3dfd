import { deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../dev/fuzz/random.ts';
import { BudgetExceeded } from '../../../inspect/limits.ts';
import { inflate, unzstd } from '../../../inspect/readers/decompress.ts';
import { section } from '../../../inspect/readers/mapped-reader.ts';
import { Meter } from '../../../inspect/readers/metered-reader.ts';
import type { ByteRange, RangeReader } from '../../../inspect/readers/range-reader.ts';
import { bytesReader } from '../../corpus.ts';

const KIB = 1024;
const PLENTY = { reads: 1000, bytes: 1e9 };

/** A source that remembers what was asked of it; byte n is n modulo 251. */
function source(size: number): RangeReader & { readonly asked: ByteRange[] } {
  const asked: ByteRange[] = [];
  return {
    size,
    asked,
    read: async (offset, length) => {
      asked.push({ offset, length });
      return Uint8Array.from({ length }, (_, i) => (offset + i) % 251);
    },
  };
}

describe('the meter', () => {
  it('gives the bytes that were asked for and fetches whole pages', async () => {
    const from = source(100_000);
    const reader = new Meter(from, 64 * KIB).reader(PLENTY);
    expect([...(await reader.read(5000, 4))]).toEqual([5000, 5001, 5002, 5003].map((n) => n % 251));
    expect(from.asked).toEqual([{ offset: 4096, length: 4096 }]);
  });

  it('fetches nothing twice', async () => {
    const from = source(1_000_000);
    const reader = new Meter(from, 2_000 * KIB).reader(PLENTY);
    const random = new Random(3, 0);
    for (let i = 0; i < 300; i++) {
      const offset = random.below(990_000);
      const length = random.below(10_000);
      const bytes = await reader.read(offset, length);
      expect(bytes.length).toBe(length);
      expect(bytes.every((byte, k) => byte === (offset + k) % 251)).toBe(true);
    }
    const fetched = from.asked.reduce((sum, { length }) => sum + length, 0);
    expect(fetched).toBeLessThanOrEqual(1_000_000);
  });

  it('waits for what is on its way instead of fetching it again', async () => {
    const from = source(100_000);
    const reader = new Meter(from, 64 * KIB).reader(PLENTY);
    await Promise.all([reader.read(0, 100), reader.read(50, 100), reader.read(4000, 200)]);
    expect(from.asked).toEqual([
      { offset: 0, length: 4096 },
      { offset: 4096, length: 4096 },
    ]);
  });

  it('fetches near ranges as one and far ones apart', async () => {
    const from = source(10_000_000);
    const reader = new Meter(from, 1024 * KIB).reader(PLENTY);
    await reader.prefetch?.([
      { offset: 0, length: 10 },
      { offset: 60 * KIB, length: 10 },
      { offset: 5_000_000, length: 10 },
    ]);
    expect(from.asked).toEqual([
      { offset: 0, length: 64 * KIB },
      { offset: 4_997_120, length: 4096 },
    ]);
    await reader.read(60 * KIB, 10);
    expect(from.asked).toHaveLength(2);
  });

  it('bridges only what the allowance lets it', async () => {
    const from = source(10_000_000);
    const reader = new Meter(from, 1024 * KIB).reader({ ...PLENTY, mergeGapBytes: 8 * KIB });
    await reader.prefetch?.([
      { offset: 0, length: 10 },
      { offset: 60 * KIB, length: 10 },
    ]);
    expect(from.asked).toHaveLength(2);
  });

  it.each([
    ['reads', { reads: 2, bytes: 1e9 }],
    ['bytes', { reads: 100, bytes: 2 * 4096 }],
  ])('stops in front of the fetch that would pass its %s', async (_what, allowance) => {
    const from = source(1_000_000);
    const meter = new Meter(from, 64 * KIB);
    const reader = meter.reader(allowance);
    await reader.read(0, 1);
    await reader.read(500_000, 1);
    await expect(reader.read(900_000, 1)).rejects.toBeInstanceOf(BudgetExceeded);
    expect(from.asked).toHaveLength(2);
    await reader.read(0, 1);
    await meter.reader(PLENTY).read(900_000, 1);
    expect(meter).toMatchObject({ reads: 3, bytes: 3 * 4096 });
  });

  it.each([
    ['in the order of the requests', [1, 5]],
    ['in another order', [5, 1]],
  ])('drops the same pages when answers come %s', async (_what, turns) => {
    const plain = source(1_000_000);
    const from: RangeReader = {
      size: plain.size,
      read: async (offset, length) => {
        const answer = plain.asked.length;
        const bytes = await plain.read(offset, length);
        for (let left = turns[answer] ?? 0; left > 0; left--) await Promise.resolve();
        return bytes;
      },
    };
    const reader = new Meter(from, 4 * 4096).reader(PLENTY);
    await reader.prefetch?.([0, 300_000].map((offset) => ({ offset, length: 1 })));
    for (const offset of [500_000, 700_000, 900_000]) await reader.read(offset, 1);
    // Four pages fit: the first of the two was dropped, and the second is still there.
    await reader.read(300_000, 1);
    expect(plain.asked).toHaveLength(5);
    await reader.read(0, 1);
    expect(plain.asked).toHaveLength(6);
  });

  it('gives back ranges longer than its cache', async () => {
    const from = source(3_000_000);
    const reader = new Meter(from, 16 * KIB).reader(PLENTY);
    const bytes = await reader.read(1, 2_999_999);
    expect(bytes.every((byte, i) => byte === (1 + i) % 251)).toBe(true);
  });

  it('keeps the failure of its source', async () => {
    const cause = new Error('gone');
    const meter = new Meter({ size: 10_000, read: () => Promise.reject(cause) }, 64 * KIB);
    await expect(meter.reader(PLENTY).read(0, 1)).rejects.toBe(cause);
    expect(meter.failure?.cause).toBe(cause);
  });

  it.each([
    [9_999, 2],
    [-1, 1],
    [0, -1],
    [Number.NaN, 1],
    [1e300, 1],
  ])('refuses to read %s + %s of 10 000 bytes', async (offset, length) => {
    const from = source(10_000);
    await expect(new Meter(from, 64 * KIB).reader(PLENTY).read(offset, length)).rejects.toThrow(RangeError);
    expect(from.asked).toEqual([]);
  });
});

describe('a section', () => {
  it('reads inside its bounds only', async () => {
    const part = section(bytesReader(Uint8Array.from([0, 1, 2, 3, 4])), 1, 3);
    expect([...(await part.read(0, 3))]).toEqual([1, 2, 3]);
    await expect(part.read(0, 4)).rejects.toThrow(RangeError);
    await expect(part.read(-1, 1)).rejects.toThrow(RangeError);
  });
});

describe('inflate', () => {
  const plain = Uint8Array.from({ length: 65_536 }, (_, i) => (i * i) >> 7);

  it.each([
    ['raw', deflateRawSync(plain)],
    ['zlib', deflateSync(plain)],
  ] as const)('reads a %s stream and leaves what follows it', (frame, packed) => {
    const followed = Buffer.concat([packed, Buffer.alloc(1000, 0xa5)]);
    expect(inflate(followed, plain.length, frame)).toEqual({ bytes: plain, ended: true });
  });

  it('stops at the size asked for', () => {
    const bomb = deflateRawSync(new Uint8Array(50_000_000));
    const out = inflate(bomb, 4096, 'raw');
    expect(out?.bytes.length).toBe(4096);
    expect(out?.ended).toBe(false);
  });

  it('gives what a cut stream holds, and says that it did not end', () => {
    const packed = deflateRawSync(plain);
    const out = inflate(packed.subarray(0, packed.length - 20), plain.length, 'raw');
    expect(out?.ended).toBe(false);
    expect(out?.bytes).toEqual(plain.subarray(0, out?.bytes.length));
  });

  it.each([
    ['noise', Uint8Array.from({ length: 100 }, (_, i) => (i * 91 + 7) & 0xff), 'raw'],
    ['a bare stream where a frame is due', new Uint8Array(deflateRawSync(plain)), 'zlib'],
  ] as const)('refuses %s', (_what, input, frame) => {
    expect(inflate(input, 4096, frame)).toBeUndefined();
  });
});

describe('unzstd', () => {
  /** A frame of one raw block: magic, single segment with a size byte, header, data (RFC 8878, section 3.1). */
  const frame = (data: readonly number[]) => [
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0x20,
    data.length,
    ((data.length << 3) | 1) & 0xff,
    data.length >> 5,
    0,
    ...data,
  ];
  /** A frame whose window is 2^(10 + exponent) bytes. */
  const window = (exponent: number) => [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 0x09, 0, 0, 7];

  it('reads frames one behind the other and leaves what follows', () => {
    const input = Uint8Array.from([...frame([1, 2, 3]), ...frame([4, 5]), 0xa5, 0xa5, 0xa5, 0xa5]);
    expect([...(unzstd(input, 16)?.bytes ?? [])]).toEqual([1, 2, 3, 4, 5]);
    expect([...(unzstd(input, 3)?.bytes ?? [])]).toEqual([1, 2, 3]);
  });

  it('gives the whole blocks of a cut frame, and says that it did not end', () => {
    const first = Array.from({ length: 40 }, (_, i) => i);
    const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 41];
    const two = [...head, (40 << 3) & 0xff, 40 >> 5, 0, ...first, 0x09, 0, 0, 99];
    const whole = Uint8Array.from([...first, 99]);
    expect(unzstd(Uint8Array.from(two), 64)).toEqual({ bytes: whole, ended: true });
    for (const cut of [1, 2, 3, 4]) {
      const out = unzstd(Uint8Array.from(two.slice(0, -cut)), 64);
      expect(out).toEqual({ bytes: whole.subarray(0, 40), ended: false });
    }
  });

  it('takes a window up to 8 MiB', () => {
    expect([...(unzstd(Uint8Array.from(window(13)), 4)?.bytes ?? [])]).toEqual([7]);
    expect(unzstd(Uint8Array.from(window(14)), 4)).toBeUndefined();
    expect(unzstd(Uint8Array.from(window(21)), 4)).toBeUndefined();
  });

  it.each([
    ['more than was asked for', frame([1, 2, 3]), 2],
    ['a dictionary', [0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 0x09, 0, 0, 7], 3],
    ['a reserved block', [0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x0f, 0, 0, 7], 3],
    ['another magic', [0x28, 0xb5, 0x2f, 0xfe, 0x20, 1, 0x09, 0, 0, 7], 3],
    ['nothing', [], 3],
  ])('refuses %s', (_what, input, size) => {
    expect(unzstd(Uint8Array.from(input), size)).toBeUndefined();
  });
});
