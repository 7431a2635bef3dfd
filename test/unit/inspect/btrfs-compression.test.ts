import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompressExtent } from '../../../inspect/filesystems/btrfs-compression.ts';
import { unlzo } from '../../../inspect/readers/lzo.ts';
import { little } from './disk-image.ts';

/** A match of the farthest kind at distance 16384, which ends a stream. */
const END = [0x11, 0, 0];
const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();
const ascii = (value: string) => [...Buffer.from(value)];

describe('an LZO stream', () => {
  it.each<[string, number[], string]>([
    ['literals only', [17 + 5, ...ascii('hello'), ...END], 'hello'],
    [
      'a match of 2 bytes, near, after one to three literals',
      [17 + 2, ...ascii('ab'), 0x04, 0, ...END],
      'abab',
    ],
    ['a match of 3 and 4 bytes, near', [17 + 4, ...ascii('abcd'), 0x4c, 0, ...END], 'abcdabc'],
    ['a match that overlaps itself', [17 + 1, ...ascii('x'), 0x80 | 0x60, 0, ...END], 'xxxxxxxxx'],
    ['a match of 7 bytes in 16 KiB', [17 + 4, ...ascii('abcd'), 0x20 | 5, 3 << 2, 0, ...END], 'abcdabcdabc'],
    ['a match with a long length', [17 + 1, ...ascii('x'), 0x20, 9, 0, 0, ...END], `x${'x'.repeat(42)}`],
    ['literals behind a match', [17 + 4, ...ascii('abcd'), 0x4c | 2, 0, ...ascii('!?'), ...END], 'abcdabc!?'],
    [
      'a run of literals behind a match',
      [17 + 4, ...ascii('abcd'), 0x4c, 0, 0x02, ...ascii('12345'), ...END],
      'abcdabc12345',
    ],
    ['a run at the beginning', [0x03, ...ascii('123456'), ...END], '123456'],
    ['a long run', [0x00, 2, ...ascii('x'.repeat(20)), ...END], 'x'.repeat(20)],
  ])('is read: %s', (_name, stream, expected) => {
    expect(text(unlzo(Uint8Array.from(stream), 4096))).toBe(expected);
  });

  it.each<[string, number[]]>([
    ['nothing', []],
    ['no end', [17 + 5, ...ascii('hello')]],
    ['literals that are cut', [17 + 5, ...ascii('hel')]],
    ['a match before the beginning', [17 + 2, ...ascii('ab'), 0x0c, 9, ...END]],
    ['more than the room', [17 + 1, ...ascii('x'), 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, ...END]],
  ])('is refused: %s', (_name, stream) => {
    expect(unlzo(Uint8Array.from(stream), 1024)).toBeUndefined();
  });
});

describe('an LZO extent of btrfs', () => {
  const segment = (content: string) => {
    const stream = [17 + content.length, ...ascii(content), ...END];
    return [...little(stream.length, 4), ...stream];
  };

  it('is read segment by segment', () => {
    const segments = [...segment('first '), ...segment('second')];
    const stored = Uint8Array.from([...little(segments.length + 4, 4), ...segments]);
    expect(text(decompressExtent(2, stored, 12, 4096))).toBe('first second');
  });

  it('skips the end of a sector that is too short for a length', () => {
    const first = segment('a'.repeat(200));
    const sector = 4 + first.length + 2;
    const stored = Uint8Array.from([...little(4096, 4), ...first, 0, 0, ...segment('b')]);
    expect(text(decompressExtent(2, stored, 201, sector))).toBe(`${'a'.repeat(200)}b`);
  });

  it('is refused when a segment is cut', () => {
    expect(decompressExtent(2, Uint8Array.from([20, 0, 0, 0, 16, 0, 0, 0, 20]), 100, 4096)).toBeUndefined();
  });
});

describe('another extent of btrfs', () => {
  it('is inflated, whatever follows the stream', () => {
    const stored = Buffer.concat([deflateSync('content of a file'), Buffer.alloc(100)]);
    expect(text(decompressExtent(1, stored, 17, 4096))).toBe('content of a file');
  });

  it.each([1, 3, 4])('is refused when it is none of kind %d', (kind) => {
    expect(decompressExtent(kind, Buffer.from('neither one nor the other'), 100, 4096)).toBeUndefined();
  });
});
