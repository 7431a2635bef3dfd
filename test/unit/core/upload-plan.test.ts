import { describe, expect, it } from 'vitest';
import {
  describeParts,
  judgeParts,
  MAX_PARTS,
  MAX_UPLOAD_BYTES,
  MIN_PART_BYTES,
  partRange,
  planUpload,
  type StoredPart,
} from '../../../core/upload-plan.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

describe('planning', () => {
  it.each([
    [1, 8, 1],
    [8 * MIB, 8, 1],
    [8 * MIB + 1, 8, 2],
    [GIB, 8, 128],
    [1000 * 8 * MIB, 8, 1000],
    [1000 * 8 * MIB + 1, 16, 501],
    [20 * GIB, 32, 640],
    [1000 * 128 * MIB, 128, 1000],
    [1000 * 128 * MIB + 1, 128, 1001],
    [500 * GIB, 128, 4000],
    [TIB, 128, 8192],
    [10_000 * 128 * MIB, 128, 10_000],
    [10_000 * 128 * MIB + 1, 256, 5001],
    [5 * TIB, 1024, 5120],
  ])('%d bytes: parts of %d MiB, %d of them', (sizeBytes, partMib, partCount) => {
    expect(planUpload(sizeBytes)).toEqual({ sizeBytes, partSizeBytes: partMib * MIB, partCount });
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_UPLOAD_BYTES + 1])(
    '%d bytes are refused',
    (sizeBytes) => {
      expect(() => planUpload(sizeBytes)).toThrow('Upload.Size: must be 1 to 5497558138880 bytes');
    },
  );

  it('covers every byte once, in parts that S3 takes', () => {
    // Sizes around every threshold, so that each part size is met at both of its ends.
    for (let partSize = MIN_PART_BYTES; partSize <= 1024 * MIB; partSize *= 2) {
      for (const parts of [1, 999, 1000, 9_999, 10_000]) {
        for (const slack of [-1, 0, 1]) {
          const sizeBytes = Math.min(partSize * parts + slack, MAX_UPLOAD_BYTES);
          const plan = planUpload(sizeBytes);
          expect(plan.partCount).toBeLessThanOrEqual(MAX_PARTS);
          expect(Math.log2(plan.partSizeBytes / MIB) % 1).toBe(0);
          const last = partRange(plan, plan.partCount);
          expect(last.offset + last.sizeBytes).toBe(sizeBytes);
          expect(last.sizeBytes).toBeGreaterThan(0);
          expect(last.sizeBytes).toBeLessThanOrEqual(plan.partSizeBytes);
        }
      }
    }
  });
});

describe('the range of a part', () => {
  const plan = planUpload(20 * MIB);
  it.each([
    [1, 0, 8 * MIB],
    [2, 8 * MIB, 8 * MIB],
    [3, 16 * MIB, 4 * MIB],
  ])('%d', (partNumber, offset, sizeBytes) => {
    expect(partRange(plan, partNumber)).toEqual({ offset, sizeBytes });
  });

  it.each([0, 4, -1, 1.5, Number.NaN])('%d is none of it', (partNumber) => {
    expect(() => partRange(plan, partNumber)).toThrow('is not one of 1 to 3');
  });
});

describe('judging parts', () => {
  const plan = planUpload(20 * MIB);
  const part = (partNumber: number, sizeBytes = 8 * MIB): StoredPart => ({
    partNumber,
    sizeBytes,
    etag: `"e${partNumber}"`,
  });
  const all = [part(1), part(2), part(3, 4 * MIB)];
  const claims = (...numbers: number[]) =>
    numbers.map((partNumber) => ({ partNumber, etag: `e${partNumber}` }));
  const none = { missing: [], foreign: [], wrongLength: [], otherEtag: [] };

  it('finds nothing where nothing is wrong', () => {
    expect(judgeParts(plan, all)).toEqual(none);
    expect(judgeParts(plan, [...all].reverse(), claims(3, 1, 2))).toEqual(none);
    expect(describeParts(none)).toBeUndefined();
  });

  it.each([
    ['a part that is not stored', [part(1), part(3, 4 * MIB)], undefined, { missing: [2] }],
    ['nothing stored', [], undefined, { missing: [1, 2, 3] }],
    ['a part that is not claimed', all, claims(1, 3), { missing: [2] }],
    ['an empty claim', all, [], { missing: [1, 2, 3] }],
    ['a claim of what is not stored', [part(1), part(2)], claims(1, 2, 3), { missing: [3] }],
    ['a claim beyond the plan', all, claims(1, 2, 3, 4, 0), { foreign: [0, 4] }],
    ['a claim made twice', all, [...claims(1, 2, 3), ...claims(2)], { foreign: [2] }],
    ['a stored part beyond the plan', [...all, part(9)], undefined, { foreign: [9] }],
    ['a stored part beyond the plan that nobody claims', [...all, part(9)], claims(1, 2, 3), {}],
    ['a short part', [part(1, 8 * MIB - 1), part(2), part(3, 4 * MIB)], undefined, { wrongLength: [1] }],
    ['a last part that is too long', [part(1), part(2), part(3)], undefined, { wrongLength: [3] }],
    ['another ETag', all, [...claims(1, 2), { partNumber: 3, etag: '"x"' }], { otherEtag: [3] }],
    ['quotes on either side', all, [...claims(1, 2), { partNumber: 3, etag: '"e3"' }], {}],
  ])('%s', (_, stored, claimed, expected) => {
    expect(judgeParts(plan, stored, claimed)).toEqual({ ...none, ...expected });
  });

  it('names the numbers', () => {
    const judgement = { missing: [1, 2, 3, 7], foreign: [9], wrongLength: [4, 5], otherEtag: [] };
    expect(describeParts(judgement)).toBe(
      'missing: 1-3, 7; not part of this upload or named twice: 9; not as long as planned: 4-5',
    );
    const odd = Array.from({ length: 60 }, (_, index) => 2 * index + 1);
    expect(describeParts({ ...none, missing: odd })).toMatch(/^missing: 1, 3, .*, 99 and 10 more$/);
  });
});
