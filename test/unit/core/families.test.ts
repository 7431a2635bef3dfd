import { describe, expect, it } from 'vitest';
import {
  compareStanding,
  describePassedOver,
  type FamilyCandidate,
  latestOf,
  type PassedOver,
  passedOverFor,
  type Standing,
} from '../../../core/families.ts';

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

const NOW = 1_000;
const standing = (fields: Partial<Standing>): Standing => ({
  status: 'READY',
  candidate: false,
  deprecateAt: null,
  obsoleteAt: null,
  ...fields,
});

describe('an image is passed over', () => {
  it.each<[string, Partial<Standing>, number, PassedOver | undefined]>([
    ['never when it is READY', {}, NOW, undefined],
    ['while it is CREATING', { status: 'CREATING', candidate: true }, NOW, 'CREATING'],
    ['when it broke', { status: 'ERROR', deprecateAt: 0 }, NOW, 'ERROR'],
    ['while it is DELETING', { status: 'DELETING' }, NOW, 'DELETING'],
    ['as a candidate', { candidate: true, obsoleteAt: 0 }, NOW, 'CANDIDATE'],
    ['from its deprecation on', { deprecateAt: NOW }, NOW, 'DEPRECATED'],
    ['not before its deprecation', { deprecateAt: NOW }, NOW - 1, undefined],
    ['as obsolete', { deprecateAt: NOW - 2, obsoleteAt: NOW - 1 }, NOW, 'OBSOLETE'],
    [
      'no more when the clock has jumped back',
      { deprecateAt: NOW, obsoleteAt: NOW + 1 },
      NOW - 500,
      undefined,
    ],
  ])('%s', (_, fields, now, reason) => {
    expect(passedOverFor(standing(fields), now)).toBe(reason);
  });

  it('and all that are passed over are told by reason, with the ids of a few', () => {
    const groups = [
      { ...standing({ deprecateAt: 1 }), images: 2, ids: ['a', 'b'] },
      { ...standing({ candidate: true }), images: 5, ids: ['c', 'd', 'e'] },
      { ...standing({ candidate: true, deprecateAt: 1 }), images: 1, ids: ['f'] },
      { ...standing({ status: 'CREATING' }), images: 1, ids: ['g'] },
      { ...standing({}), images: 1, ids: ['h'] },
    ];
    expect(describePassedOver(groups, NOW)).toBe(
      '1 CREATING (g), 6 CANDIDATE (c, d, e, …), 2 DEPRECATED (a, b)',
    );
    expect(describePassedOver([], NOW)).toBe('');
  });
});
