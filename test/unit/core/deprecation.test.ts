import { describe, expect, it } from 'vitest';
import {
  type DeprecationRequest,
  deprecationNotice,
  deprecationState,
  MAX_AHEAD_MS,
  NO_DEPRECATION,
  planDeprecation,
} from '../../../core/deprecation.ts';
import { RegistryError } from '../../../core/errors.ts';

const NOW = Date.UTC(2026, 3, 1);

describe('the state at a time', () => {
  it.each<[string, number | null, number | null, number, string]>([
    ['without dates', null, null, NOW, 'ACTIVE'],
    ['before the first', NOW + 1, NOW + 2, NOW, 'ACTIVE'],
    ['on the date', NOW, null, NOW, 'DEPRECATED'],
    ['between both', NOW - 1, NOW + 1, NOW, 'DEPRECATED'],
    ['after both', NOW - 2, NOW - 1, NOW, 'OBSOLETE'],
    ['on the second', NOW - 1, NOW, NOW, 'OBSOLETE'],
    ['obsolete without having been deprecated', null, NOW, NOW, 'OBSOLETE'],
    ['when a clock has jumped back before the date', NOW, null, NOW - 3_600_000, 'ACTIVE'],
    ['when a clock has jumped past both', NOW, NOW + 1, NOW + MAX_AHEAD_MS, 'OBSOLETE'],
    ['at the beginning of time', NOW, NOW, 0, 'ACTIVE'],
  ])('%s', (_, deprecateAt, obsoleteAt, now, state) => {
    expect(deprecationState({ deprecateAt, obsoleteAt }, now)).toBe(state);
  });
});

type Before = Parameters<typeof planDeprecation>[1];

describe('what a request comes to', () => {
  it.each<[string, DeprecationRequest, Before, object]>([
    ['deprecated from now on', { state: 'DEPRECATED' }, NO_DEPRECATION, { deprecateAt: NOW }],
    [
      'deprecated since it was',
      { state: 'DEPRECATED', message: 'again' },
      { deprecateAt: NOW - 5, obsoleteAt: null },
      { deprecateAt: NOW - 5, deprecationMessage: 'again' },
    ],
    [
      'deprecated since a given day',
      { state: 'DEPRECATED', deprecateAt: NOW - 9, obsoleteAt: NOW + 1, deleteAt: NOW + 1 },
      { deprecateAt: NOW - 5, obsoleteAt: null },
      { deprecateAt: NOW - 9, obsoleteAt: NOW + 1, deleteAt: NOW + 1 },
    ],
    [
      'deprecated, which was only ahead',
      { state: 'DEPRECATED' },
      { deprecateAt: NOW + 5, obsoleteAt: null },
      { deprecateAt: NOW },
    ],
    ['obsolete from now on', { state: 'OBSOLETE' }, NO_DEPRECATION, { obsoleteAt: NOW }],
    [
      'obsolete after it was deprecated',
      { state: 'OBSOLETE', replacementImageId: 'b' },
      { deprecateAt: NOW - 5, obsoleteAt: NOW + 5 },
      { deprecateAt: NOW - 5, obsoleteAt: NOW, replacementImageId: 'b' },
    ],
    [
      'obsolete since before it was deprecated',
      { state: 'OBSOLETE', obsoleteAt: NOW - 10 },
      { deprecateAt: NOW - 5, obsoleteAt: null },
      { obsoleteAt: NOW - 10 },
    ],
    [
      'deprecated again after obsolete',
      { state: 'DEPRECATED' },
      { deprecateAt: null, obsoleteAt: NOW - 5 },
      { deprecateAt: NOW },
    ],
    [
      'active with dates ahead',
      { state: 'ACTIVE', deprecateAt: NOW + 1, obsoleteAt: NOW + 1, deleteAt: NOW + 2, message: 'soon' },
      NO_DEPRECATION,
      { deprecateAt: NOW + 1, obsoleteAt: NOW + 1, deleteAt: NOW + 2, deprecationMessage: 'soon' },
    ],
    [
      'active until it is deleted',
      { state: 'ACTIVE', deleteAt: NOW + MAX_AHEAD_MS },
      NO_DEPRECATION,
      { deleteAt: NOW + MAX_AHEAD_MS },
    ],
    ['active takes all away', { state: 'ACTIVE' }, { deprecateAt: NOW - 5, obsoleteAt: NOW + 5 }, {}],
    ['an empty message is none', { state: 'DEPRECATED', message: '' }, NO_DEPRECATION, { deprecateAt: NOW }],
  ])('%s', (_, request, before, expected) => {
    expect(planDeprecation(request, before, NOW)).toEqual({ ...NO_DEPRECATION, ...expected });
  });

  it.each<[string, DeprecationRequest, string[]]>([
    [
      'obsolete before deprecated',
      { state: 'ACTIVE', deprecateAt: NOW + 2, obsoleteAt: NOW + 1 },
      ['obsolete_at'],
    ],
    ['deleted before obsolete', { state: 'ACTIVE', obsoleteAt: NOW + 2, deleteAt: NOW + 1 }, ['delete_at']],
    [
      'deleted before deprecated',
      { state: 'ACTIVE', deprecateAt: NOW + 2, deleteAt: NOW + 1 },
      ['delete_at'],
    ],
    ['obsolete before the deprecation of now', { state: 'DEPRECATED', obsoleteAt: NOW - 1 }, ['obsolete_at']],
    ['too far ahead', { state: 'ACTIVE', deprecateAt: NOW + MAX_AHEAD_MS + 1 }, ['deprecate_at']],
    [
      'all too far ahead',
      { state: 'ACTIVE', obsoleteAt: NOW + MAX_AHEAD_MS + 1, deleteAt: NOW + MAX_AHEAD_MS + 1 },
      ['obsolete_at', 'delete_at'],
    ],
    ['deleted in the past', { state: 'ACTIVE', deleteAt: NOW }, ['delete_at']],
    ['active and deprecated', { state: 'ACTIVE', deprecateAt: NOW }, ['deprecate_at']],
    ['active and obsolete', { state: 'ACTIVE', obsoleteAt: NOW - 1 }, ['obsolete_at']],
    ['deprecated, but only later', { state: 'DEPRECATED', deprecateAt: NOW + 1 }, ['deprecate_at']],
    [
      'deprecated and obsolete',
      { state: 'DEPRECATED', deprecateAt: NOW - 2, obsoleteAt: NOW - 1 },
      ['obsolete_at'],
    ],
    ['obsolete, but only later', { state: 'OBSOLETE', obsoleteAt: NOW + 1 }, ['obsolete_at']],
    ['a replacement for nothing', { state: 'ACTIVE', replacementImageId: 'b' }, ['replacement_image_id']],
    ['a message for nothing', { state: 'ACTIVE', message: 'm' }, ['message']],
  ])('%s is refused', (_, request, fields) => {
    const refused = (() => {
      try {
        return planDeprecation(request, NO_DEPRECATION, NOW);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(RegistryError);
    const { code, details } = refused as RegistryError;
    expect(code).toBe('INVALID_ARGUMENT');
    expect(
      details.flatMap((one) => (one.kind === 'fields' ? one.violations : [])).map(({ field }) => field),
    ).toEqual(fields);
  });
});

describe('what is said to who uses an image', () => {
  const base = { ...NO_DEPRECATION, deprecateAt: NOW };
  it.each<[string, Parameters<typeof deprecationNotice>[1], number, string | undefined]>([
    ['active', NO_DEPRECATION, NOW, undefined],
    ['not yet', base, NOW - 1, undefined],
    ['deprecated', base, NOW + 1, 'Image "a" is DEPRECATED since 2026-04-01T00:00:00.000Z'],
    [
      'with all that is known',
      { ...base, replacementImageId: 'b', deprecationMessage: 'old kernel' },
      NOW,
      'Image "a" is DEPRECATED since 2026-04-01T00:00:00.000Z (old kernel); use image "b" instead',
    ],
    [
      'obsolete',
      { ...base, obsoleteAt: NOW + 1000, replacementImageId: 'b' },
      NOW + 1000,
      'Image "a" is OBSOLETE since 2026-04-01T00:00:01.000Z; use image "b" instead',
    ],
  ])('%s', (_, deprecation, now, text) => {
    expect(deprecationNotice('a', deprecation, now)).toBe(text);
  });
});
