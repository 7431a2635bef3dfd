import { describe, expect, it } from 'vitest';
import { endsOfTable, stretchOf } from '../../../inspect/containers/stretch.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('the stretch of a table around an entry', () => {
  it.each<[string, number, number, number, { offset: number; length: number }]>([
    ['begins and ends on 64 KiB of the table', 200 * KIB, 70 * KIB, 8, { offset: 66_048, length: 64 * KIB }],
    ['spans two where the entries do', 200 * KIB, 64 * KIB - 8, 16, { offset: 512, length: 128 * KIB }],
    ['ends with the table', 100 * KIB, 70 * KIB, 8, { offset: 66_048, length: 36 * KIB }],
    ['is a short table whole', 16, 8, 8, { offset: 512, length: 16 }],
  ])('%s', (_, length, from, bytes, expected) => {
    expect(stretchOf({ offset: 512, length }, from, bytes)).toEqual(expected);
  });
});

describe('what is fetched of a first table at once', () => {
  const offset = 64 * KIB;
  it.each<[string, number, number, number, { offset: number; length: number }[]]>([
    [
      'a short table and what follows its cluster',
      16,
      64 * KIB,
      MIB,
      [
        { offset, length: 16 },
        { offset: 128 * KIB, length: 128 * KIB },
      ],
    ],
    [
      'a table of 256 KiB whole',
      256 * KIB,
      512,
      MIB,
      [
        { offset, length: 256 * KIB },
        { offset: 320 * KIB, length: 128 * KIB },
      ],
    ],
    [
      'of a longer one its two ends',
      4 * MIB + 512,
      512,
      16 * MIB,
      [
        { offset, length: 64 * KIB },
        { offset: offset + 4 * MIB, length: 512 },
        { offset: offset + 4 * MIB + 512, length: 128 * KIB },
      ],
    ],
    ['nothing behind the end of the file', 16, 64 * KIB, 128 * KIB, [{ offset, length: 16 }]],
    [
      'as much as the file still has',
      16,
      64 * KIB,
      128 * KIB + 5,
      [
        { offset, length: 16 },
        { offset: 128 * KIB, length: 5 },
      ],
    ],
  ])('is %s', (_, length, unit, fileSize, expected) => {
    expect(endsOfTable({ offset, length }, unit, fileSize)).toEqual(expected);
  });
});
