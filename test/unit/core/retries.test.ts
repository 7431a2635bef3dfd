import { describe, expect, it } from 'vitest';
import { retryDelaySeconds } from '../../../core/retries.ts';

describe('the wait after failed attempts', () => {
  it.each([
    [0, 5],
    [1, 5],
    [2, 10],
    [3, 20],
    [8, 640],
    [9, 900],
    [10, 900],
    [10_000, 900],
  ])('%d: %d s', (failedAttempts, seconds) => {
    expect(retryDelaySeconds(failedAttempts)).toBe(seconds);
  });
});
