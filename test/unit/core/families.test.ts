import { describe, expect, it } from 'vitest';
import { compareStanding, type FamilyCandidate, latestOf } from '../../../core/families.ts';

const image = (id: string, createdAt: number, promotedAt = createdAt): FamilyCandidate => ({
  id,
  createdAt,
  promotedAt,
});

describe('the latest of a family', () => {
  it.each<[string, FamilyCandidate[], string | undefined]>([
    ['none', [], undefined],
    ['the only one', [image('a', 1)], 'a'],
    ['the newest', [image('a', 1), image('b', 3), image('c', 2)], 'b'],
    ['an older one that was promoted', [image('a', 1, 10), image('b', 3), image('c', 5)], 'a'],
    ['the one promoted last', [image('a', 1, 10), image('b', 2, 11)], 'b'],
    ['newer than a promotion', [image('a', 1, 10), image('b', 20)], 'b'],
    ['promoted at once: the one created later', [image('a', 2, 10), image('b', 1, 10)], 'a'],
    ['created at once: the larger id', [image('fd8a', 1), image('fd8b', 1), image('fd80', 1)], 'fd8b'],
  ])('%s', (_, candidates, id) => {
    expect(latestOf(candidates)?.id).toBe(id);
    expect(latestOf([...candidates].reverse())?.id).toBe(id);
  });

  it('compares the same both ways round', () => {
    const a = image('a', 1, 2);
    for (const b of [image('b', 1, 2), image('a', 2, 2), image('a', 1, 3)]) {
      expect(Math.sign(compareStanding(a, b))).toBe(-1);
      expect(Math.sign(compareStanding(b, a))).toBe(1);
    }
    expect(compareStanding(a, { ...a })).toBe(0);
  });
});
