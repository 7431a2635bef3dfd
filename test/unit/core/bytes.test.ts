import { expect, it } from 'vitest';
import { joined } from '../../../core/bytes.ts';

it.each([
  [[], []],
  [[[]], []],
  [
    [[1, 2], [], [3]],
    [1, 2, 3],
  ],
  [
    [[255], [0, 7]],
    [255, 0, 7],
  ],
])('%j joined is %j', (chunks, bytes) => {
  expect(joined(chunks.map((chunk) => Uint8Array.from(chunk)))).toEqual(Uint8Array.from(bytes));
});
