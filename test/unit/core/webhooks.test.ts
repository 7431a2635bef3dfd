import { expect, test } from 'vitest';
import { MAX_ATTEMPTS, pauseAfter } from '../../../core/webhooks.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

test.each([
  [1, 5],
  [2, 5 * MINUTE],
  [3, 30 * MINUTE],
  [4, 2 * HOUR],
  [5, 5 * HOUR],
  [6, 10 * HOUR],
  [7, 14 * HOUR],
  [8, 20 * HOUR],
  [9, 24 * HOUR],
  [10, undefined],
  [11, undefined],
])('after %i attempts a delivery waits %s seconds', (attempts, seconds) => {
  expect(pauseAfter(attempts, 0)).toBe(seconds);
});

test('pauses are longer by up to a tenth', () => {
  expect([0, 0.5, 1].map((chance) => pauseAfter(2, chance))).toEqual([300, 315, 330]);
});

test('the attempts end with the last pause', () => {
  expect(pauseAfter(MAX_ATTEMPTS - 1, 0)).toBeDefined();
  expect(pauseAfter(MAX_ATTEMPTS, 0)).toBeUndefined();
});
