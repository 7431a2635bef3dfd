import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../core/errors.ts';
import { inheritMinDiskSize, inheritProducts } from '../../../core/inheritance.ts';

const GIB = 2 ** 30;

/** The INVALID_ARGUMENT that a rule throws. */
function refusal(rule: () => unknown): RegistryError {
  try {
    rule();
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'INVALID_ARGUMENT') return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the licences', () => {
  it.each<[readonly string[] | null, readonly string[] | undefined, string[] | null]>([
    [null, undefined, null],
    [[], [], null],
    [['a', 'b'], undefined, ['a', 'b']],
    [null, ['b', 'a'], ['b', 'a']],
    [
      ['b', 'a'],
      ['c', 'a'],
      ['b', 'a', 'c'],
    ],
    [['a'], ['b', 'b'], ['a', 'b']],
  ])('of a source with %j and a request with %j are %j', (source, given, together) => {
    expect(inheritProducts(source, given)).toEqual(together);
  });

  it('are at most a hundred together', () => {
    const many = Array.from({ length: 100 }, (_, index) => `p${index}`);
    expect(inheritProducts(many, many)).toHaveLength(100);
    const error = refusal(() => inheritProducts(many, ['one-more']));
    expect(error.message).toBe(
      'Request validation error: ProductIds: together with the 100 of the source at most 100 are allowed, 101 were given',
    );
    expect(error.details).toMatchObject([{ kind: 'fields', violations: [{ field: 'product_ids' }] }]);
  });
});

describe('the minDiskSize', () => {
  it.each([
    ['none given', undefined, GIB + 1, GIB + 1],
    ['0 given', 0, GIB, GIB],
    ['the least', GIB + 1, GIB + 1, GIB + 1],
    ['more', 2 * GIB + 3, GIB, 2 * GIB + 3],
    ['of an empty source', undefined, 0, 0],
  ])('%s', (_, declared, needed, settled) => {
    expect(inheritMinDiskSize(needed, declared)).toBe(settled);
  });

  it('is never less than the source needs', () => {
    const error = refusal(() => inheritMinDiskSize(GIB, GIB - 1));
    expect(error.message).toBe(`Minimal disk size should be greater or equal than ${GIB}`);
    expect(error.details).toMatchObject([{ kind: 'fields', violations: [{ field: 'min_disk_size' }] }]);
  });
});
