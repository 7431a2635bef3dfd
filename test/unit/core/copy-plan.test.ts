import { describe, expect, it } from 'vitest';
import { bytesOfParts, copyPlan, PARTS_PER_RUN, partsToCopy, planCopy } from '../../../core/copy-plan.ts';
import { MAX_PARTS, partRange } from '../../../core/upload-plan.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

describe('planning a copy', () => {
  it.each([
    [1, 5 * GIB],
    [5 * GIB, 5 * GIB],
    [5 * MIB, 5 * MIB],
  ])('%d bytes are copied whole where the store copies %d', (sizeBytes, wholeBytes) => {
    expect(planCopy(sizeBytes, wholeBytes)).toBeUndefined();
  });

  it.each([
    [5 * GIB + 1, 5 * GIB, GIB, 6],
    [6 * GIB, 5 * GIB, GIB, 6],
    [3 * GIB, 2 * GIB, GIB, 3],
    [3 * GIB, 512 * MIB, 512 * MIB, 6],
    [5 * MIB + 1, 5 * MIB, 5 * MIB, 2],
    [MAX_PARTS * 5 * MIB, 5 * MIB, 5 * MIB, MAX_PARTS],
    [MAX_PARTS * 5 * MIB + 1, 5 * MIB, 10 * MIB, 5_001],
    [5 * TIB, 5 * GIB, GIB, 5_120],
    [5 * TIB, 5 * MIB, 640 * MIB, 8_192],
  ])('%d bytes where the store copies %d: parts of %d, %d of them', (sizeBytes, wholeBytes, part, count) => {
    const plan = planCopy(sizeBytes, wholeBytes);
    expect(plan).toEqual({ sizeBytes, partSizeBytes: part, partCount: count });
    expect(copyPlan(sizeBytes, part)).toEqual(plan);
    const last = partRange(plan!, count);
    expect(last.offset + last.sizeBytes).toBe(sizeBytes);
    expect(last.sizeBytes).toBeLessThanOrEqual(part);
  });
});

describe('the parts of the next run', () => {
  const plan = copyPlan(8 * 10 + 3, 10);
  const stored = (...numbers: readonly number[]) =>
    numbers.map((partNumber) => ({
      partNumber,
      etag: 'e',
      sizeBytes: partRange(plan, partNumber).sizeBytes,
    }));

  it.each([
    ['from the first', 0, [1, 2, 3]],
    ['after those that are copied', 3, [4, 5, 6]],
    ['up to the last', 7, [8, 9]],
    ['none', 9, []],
  ])('%s', (_, copied, numbers) => {
    expect(partsToCopy(plan, copied)).toEqual(numbers);
  });

  it.each([
    ['nothing is stored', [], [1, 2, 3]],
    ['some are missing', stored(1, 3, 6), [2, 4, 5]],
    ['all are stored', stored(1, 2, 3, 4, 5, 6, 7, 8, 9), []],
    [
      'one was cut short',
      [...stored(1, 2, 3, 4, 5, 6, 7, 8), { partNumber: 9, etag: 'e', sizeBytes: 2 }],
      [9],
    ],
  ])('when %s', (_, listed, numbers) => {
    expect(partsToCopy(plan, listed)).toEqual(numbers);
  });

  it('come to an end, each once, whatever the number of parts', () => {
    for (let partCount = 1; partCount <= 10; partCount += 1) {
      const some = copyPlan(partCount * 10 - 1, 10);
      const seen: number[] = [];
      for (let next = partsToCopy(some, 0); next.length > 0; next = partsToCopy(some, seen.length)) {
        expect(next.length).toBeLessThanOrEqual(PARTS_PER_RUN);
        seen.push(...next);
      }
      expect(seen).toEqual(Array.from({ length: partCount }, (_, index) => index + 1));
    }
  });

  it.each([
    [0, 0],
    [1, 10],
    [8, 80],
    [9, 83],
  ])('after %d parts %d bytes are copied', (count, bytes) => {
    expect(bytesOfParts(plan, count)).toBe(bytes);
  });
});
