import { describe, expect, it } from 'vitest';
import {
  answerDeadline,
  copyingDeadline,
  emptyingDeadline,
  judgingDeadline,
} from '../../../core/deadlines.ts';

const DAY_MS = 86_400_000;
const MIB = 2 ** 20;
const NOW = 1_780_000_000_000;

describe.each([
  ['judging', judgingDeadline],
  ['copying', copyingDeadline],
])('the deadline for %s', (_, deadline) => {
  it.each([
    [0, 0],
    [1, 1],
    [4 * MIB, 1_000],
    [6 * MIB, 1_500],
    // 5 TiB, the most that is stored: two weeks.
    [5 * MIB * MIB, 1_310_720_000],
  ])('of %s bytes is a day and %s ms', (sizeBytes, ms) => {
    expect(deadline(NOW, sizeBytes) - NOW).toBe(DAY_MS + ms);
  });
});

describe('the deadline for emptying', () => {
  it('is a week from what went last', () => {
    expect(emptyingDeadline(NOW)).toBe(NOW + 7 * DAY_MS);
  });
});

describe('the deadline for an answer of people', () => {
  it('is ninety days', () => {
    expect(answerDeadline(NOW)).toBe(NOW + 90 * DAY_MS);
  });
});
