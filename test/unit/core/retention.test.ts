import { describe, expect, it } from 'vitest';
import { compareStanding, type FamilyCandidate, latestOf, passedOverFor } from '../../../core/families.ts';
import {
  demandSameTime,
  type FamilyFrame,
  frameOf,
  planRetention,
  type RetainedImage,
  type RetentionDecision,
  type RetentionPolicy,
  type RetentionRule,
} from '../../../core/retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;

const policy = (fields: Partial<RetentionPolicy> = {}): RetentionPolicy => ({
  action: 'DELETE',
  keepLast: 2,
  keepWithinMs: null,
  minAgeMs: DAY,
  includePublic: false,
  ...fields,
});

type Fields = Partial<RetainedImage> & { readonly age?: number };

/** in: `age` in days. */
const image = (id: string, { age = 100, ...fields }: Fields = {}): RetainedImage => ({
  id,
  createdAt: NOW - age * DAY,
  promotedAt: NOW - age * DAY,
  status: 'READY',
  candidate: false,
  deprecateAt: null,
  obsoleteAt: null,
  deleteProtection: false,
  lease: null,
  isReplacement: false,
  isCopied: false,
  isPublic: false,
  ownBytes: 7,
  ...fields,
});

const summary = (plan: readonly RetentionDecision<RetainedImage>[]) =>
  plan.map(({ image, action, rule }) => `${image.id} ${action} ${rule}`);

/** Two that stand before the image in question, which is old. */
const two = [image('a', { age: 90 }), image('b', { age: 91 })];

describe('an image past keepLast', () => {
  it.each<[string, Fields, Partial<RetentionPolicy>, RetentionRule]>([
    ['goes', {}, {}, 'BEYOND_LAST'],
    ['goes by age alone', {}, { keepLast: null, keepWithinMs: 9 * DAY }, 'BEYOND_WITHIN'],
    ['goes when age does not keep it either', {}, { keepWithinMs: 9 * DAY }, 'BEYOND_BOTH'],
    ['stays when age keeps it', {}, { keepWithinMs: 101 * DAY }, 'KEEP_WITHIN'],
    ['stays at the very age', {}, { keepWithinMs: 100 * DAY }, 'KEEP_WITHIN'],
    ['stays while it is being created', { status: 'CREATING' }, {}, 'NOT_READY'],
    ['stays when it is broken', { status: 'ERROR' }, {}, 'NOT_READY'],
    ['stays without a time of creation', { createdAt: null }, {}, 'AGE_UNKNOWN'],
    ['stays with a creation that is no number', { createdAt: Number.NaN }, {}, 'AGE_UNKNOWN'],
    ['stays when it was made at no time', { createdAt: 0 }, {}, 'AGE_UNKNOWN'],
    ['stays without a promotion', { promotedAt: null }, {}, 'AGE_UNKNOWN'],
    ['stays while it is leased', { lease: { expiresAt: NOW + 1 } }, {}, 'LEASED'],
    ['goes when its lease has expired', { lease: { expiresAt: NOW } }, {}, 'BEYOND_LAST'],
    ['stays with a lease without an end', { lease: { expiresAt: null } }, {}, 'LEASED'],
    ['stays with a lease whose end is no number', { lease: { expiresAt: Number.NaN } }, {}, 'LEASED'],
    ['stays when it is protected', { deleteProtection: true }, {}, 'PROTECTED'],
    ['stays as a replacement', { isReplacement: true }, {}, 'REPLACEMENT'],
    ['stays while it is copied from', { isCopied: true }, {}, 'IN_USE'],
    ['stays when it is public', { isPublic: true }, {}, 'PUBLIC'],
    ['goes when public ones are included', { isPublic: true }, { includePublic: true }, 'BEYOND_LAST'],
    ['stays below minAge', {}, { minAgeMs: 100 * DAY + 1 }, 'TOO_YOUNG'],
    ['goes from minAge on', {}, { minAgeMs: 100 * DAY }, 'BEYOND_LAST'],
    ['stays when minAge is no number', {}, { minAgeMs: Number.NaN }, 'TOO_YOUNG'],
    ['stays when keepWithin is no number', {}, { keepWithinMs: Number.NaN }, 'KEEP_WITHIN'],
    ['stays when keepLast is no number', {}, { keepLast: Number.NaN }, 'KEEP_LAST'],
    ['stays without any bound', {}, { keepLast: null }, 'NO_BOUND'],
    ['goes as a candidate', { candidate: true }, {}, 'BEYOND_LAST'],
    ['goes when it is deprecated', { deprecateAt: NOW }, {}, 'BEYOND_LAST'],
    ['is deprecated', {}, { action: 'DEPRECATE' }, 'BEYOND_LAST'],
    ['is not deprecated twice', { deprecateAt: NOW }, { action: 'DEPRECATE' }, 'ALREADY_DEPRECATED'],
    ['is deprecated before its date', { deprecateAt: NOW + 1 }, { action: 'DEPRECATE' }, 'BEYOND_LAST'],
    ['is not deprecated when obsolete', { obsoleteAt: NOW }, { action: 'DEPRECATE' }, 'ALREADY_DEPRECATED'],
    ['is not deprecated as a candidate', { candidate: true }, { action: 'DEPRECATE' }, 'CANDIDATE'],
  ])('%s', (_, fields, change, rule) => {
    const plan = planRetention(policy(change), [...two, image('c', fields)], NOW);
    const { action, bytesFreed, ...told } = plan.find((one) => one.image.id === 'c')!;
    expect(told).toMatchObject({ rule });
    const taken = rule.startsWith('BEYOND');
    expect(action).toBe(taken ? (change.action ?? 'DELETE') : 'KEEP');
    expect(bytesFreed).toBe(action === 'DELETE' ? 7 : 0);
  });
});

describe('a family', () => {
  it.each<[string, RetainedImage[], Partial<RetentionPolicy>, string[]]>([
    ['of none', [], {}, []],
    ['of one', [image('a')], { keepLast: null, keepWithinMs: 1 }, ['a KEEP LATEST']],
    [
      'is told in the order of standing',
      [image('b', { age: 3 }), image('c', { age: 4 }), image('a', { age: 2 })],
      {},
      ['a KEEP LATEST', 'b KEEP KEEP_LAST', 'c DELETE BEYOND_LAST'],
    ],
    [
      'keeps by promotion, not by creation',
      [image('a', { age: 2 }), image('b', { age: 3 }), image('c', { age: 90, promotedAt: NOW - DAY })],
      {},
      ['c KEEP LATEST', 'a KEEP KEEP_LAST', 'b DELETE BEYOND_LAST'],
    ],
    [
      'tells times apart by the larger id',
      [image('a', { age: 2 }), image('b', { age: 2 }), image('c', { age: 2 })],
      {},
      ['c KEEP LATEST', 'b KEEP KEEP_LAST', 'a DELETE BEYOND_LAST'],
    ],
    [
      'gives no place to candidates and deprecated images, and keeps those among its places',
      [
        image('a', { age: 2, candidate: true }),
        image('b', { age: 3 }),
        image('c', { age: 4, deprecateAt: NOW - 1 }),
        image('d', { age: 5 }),
        image('e', { age: 6, candidate: true }),
        image('f', { age: 7, deprecateAt: NOW - 1 }),
      ],
      {},
      [
        'a KEEP KEEP_LAST',
        'b KEEP LATEST',
        'c KEEP KEEP_LAST',
        'd KEEP KEEP_LAST',
        'e DELETE BEYOND_LAST',
        'f DELETE BEYOND_LAST',
      ],
    ],
    [
      'keeps its first one when all are deprecated',
      [image('a', { age: 2, obsoleteAt: NOW }), image('b', { age: 3, deprecateAt: NOW })],
      { keepLast: null, keepWithinMs: 1 },
      ['a KEEP FIRST_IN_FAMILY', 'b DELETE BEYOND_WITHIN'],
    ],
    [
      'keeps the one that would be the latest if no date had come',
      [image('a', { age: 2, deprecateAt: NOW }), image('b', { age: 3 }), image('c', { age: 4 })],
      { keepLast: 1 },
      ['a KEEP FIRST_IN_FAMILY', 'b KEEP LATEST', 'c DELETE BEYOND_LAST'],
    ],
    [
      'of candidates keeps the first',
      [image('a', { age: 2, candidate: true }), image('b', { age: 3, candidate: true })],
      { keepLast: null, keepWithinMs: 1 },
      ['a KEEP FIRST_IN_FAMILY', 'b DELETE BEYOND_WITHIN'],
    ],
    [
      'keeps its only READY image',
      [image('a', { age: 2, status: 'ERROR' }), image('b', { age: 3, obsoleteAt: NOW })],
      { keepLast: null, keepWithinMs: 1 },
      ['a KEEP NOT_READY', 'b KEEP ONLY_READY'],
    ],
    [
      'puts those without a time at the end',
      [image('b', { createdAt: null }), image('a', { promotedAt: Number.NaN }), image('c')],
      { keepLast: 1 },
      ['c KEEP LATEST', 'a KEEP AGE_UNKNOWN', 'b KEEP AGE_UNKNOWN'],
    ],
    [
      'counts age from the last promotion',
      [image('a', { age: 2 }), image('b', { age: 90, promotedAt: NOW - 3 * DAY })],
      { keepLast: null, keepWithinMs: 30 * DAY },
      ['a KEEP LATEST', 'b KEEP KEEP_WITHIN'],
    ],
  ])('%s', (_, images, change, expected) => {
    expect(summary(planRetention(policy(change), images, NOW))).toEqual(expected);
    expect(summary(planRetention(policy(change), [...images].reverse(), NOW))).toEqual(expected);
  });
});

it.each<[string, number, boolean]>([
  ['the same time', 0, true],
  ['five minutes', 300_000, true],
  ['more than five minutes', 300_001, false],
  ['what no clock says', Number.NaN, false],
])('applies policies under clocks that differ by %s: %d ms, %s', (_, difference, allowed) => {
  for (const [one, other] of [
    [NOW, NOW + difference],
    [NOW + difference, NOW],
  ] as const) {
    const demand = () => demandSameTime(one, other);
    if (allowed) demand();
    else expect(demand).toThrow('no policy is applied until they agree');
  }
});

/** A generator of 32 bits (mulberry32): the same catalogues on every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomFamily(random: () => number) {
  const among = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const often = (part: number) => random() < part;
  const images = Array.from({ length: Math.floor(random() * 25) }, (_, index): RetainedImage => {
    // Few different times, so that many are equal.
    const createdAt = often(0.03)
      ? among(null, Number.NaN, 0, Number.POSITIVE_INFINITY)
      : NOW - among(0, 1, 2, 5, 30, 400) * DAY - among(0, 1) * HOUR;
    const date = () => (often(0.2) ? NOW + among(-40, -1, 0, 1, 40) * DAY : null);
    return image(`i${index}`, {
      createdAt,
      promotedAt: often(0.2) ? NOW - among(0, 1, 3) * DAY : createdAt,
      status: often(0.1) ? among('CREATING', 'ERROR') : 'READY',
      candidate: often(0.15),
      deprecateAt: date(),
      obsoleteAt: date(),
      deleteProtection: often(0.05),
      lease: often(0.15)
        ? { expiresAt: among(null, Number.NaN, NOW - HOUR, NOW + HOUR, NOW + 400 * DAY) }
        : null,
      isReplacement: often(0.05),
      isCopied: often(0.05),
      isPublic: often(0.05),
    });
  });
  const keepLast = among(null, 1, 2, 5, 1000);
  return {
    images,
    policy: policy({
      action: among('DELETE', 'DEPRECATE'),
      keepLast,
      keepWithinMs: keepLast === null || often(0.4) ? among(HOUR, 2 * DAY, 100 * DAY) : null,
      minAgeMs: among(0, DAY, 10 * DAY),
      includePublic: often(0.3),
    }),
  };
}

const CLOCKS = [
  NOW,
  NOW - DAY,
  NOW + DAY,
  0,
  -NOW,
  NOW * 100,
  Number.MAX_SAFE_INTEGER,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

describe.each([1, 2, 3])('random families of seed %i', (seed) => {
  const random = generator(seed);
  const families = Array.from({ length: 120 }, () => randomFamily(random));

  it('lose nothing that a policy never takes, whatever the clock says', () => {
    let taken = 0;
    for (const { images, policy } of families) {
      for (const now of CLOCKS) {
        const plan = planRetention(policy, images, now);
        expect(plan.map(({ image }) => image.id).sort()).toEqual(images.map(({ id }) => id).sort());
        const ready = images.filter(({ status }) => status === 'READY');
        const ranked = ready.filter(
          (one): one is RetainedImage & FamilyCandidate =>
            Number.isFinite(one.createdAt) && Number.isFinite(one.promotedAt),
        );
        const latest = latestOf(ranked.filter((one) => passedOverFor(one, now) === undefined));
        const undated = latestOf(ranked.filter(({ candidate }) => !candidate));
        const gone = plan.filter(({ action }) => action !== 'KEEP').map(({ image }) => image);
        taken += gone.length;
        if (ready.length > 0) expect(gone.length).toBeLessThan(ready.length);
        for (const one of gone) {
          expect(one.status).toBe('READY');
          expect([latest?.id, undated?.id]).not.toContain(one.id);
          expect(Number.isFinite(now) && now - one.createdAt! >= policy.minAgeMs).toBe(true);
          expect(one.lease === null || one.lease.expiresAt! <= now).toBe(true);
          expect(one.deleteProtection || one.isReplacement || one.isCopied).toBe(false);
          expect(one.isPublic && !policy.includePublic).toBe(false);
          expect(one.createdAt).toBeGreaterThan(0);
          if (policy.keepWithinMs !== null) expect(now - one.createdAt!).toBeGreaterThan(policy.keepWithinMs);
          const before = ranked.filter(
            (other) =>
              passedOverFor(other, now) === undefined &&
              compareStanding(other, one as RetainedImage & FamilyCandidate) > 0,
          );
          if (policy.keepLast !== null) expect(before.length).toBeGreaterThanOrEqual(policy.keepLast);
        }
      }
    }
    expect(taken).toBeGreaterThan(200);
  });

  it('are planned slice by slice as in one go', () => {
    for (const { images, policy } of families) {
      const whole = planRetention(policy, images, NOW);
      const frame: FamilyFrame = frameOf(policy, images, NOW);
      const slices: RetentionDecision<RetainedImage>[] = [];
      for (let at = 0; at < whole.length; at += 4) {
        const slice = whole.slice(at, at + 4).map(({ image }) => image);
        slices.push(...planRetention(policy, slice.reverse(), NOW, frame));
      }
      expect(slices).toEqual(whole);
    }
  });

  it('have nothing left to do once a plan was carried out', () => {
    for (const { images, policy } of families) {
      const done = planRetention(policy, images, NOW).flatMap(({ image, action }) => {
        if (action === 'DELETE') return [];
        return [action === 'KEEP' ? image : { ...image, deprecateAt: NOW }];
      });
      expect(summary(planRetention(policy, done, NOW)).filter((line) => !line.includes(' KEEP '))).toEqual(
        [],
      );
    }
  });
});
