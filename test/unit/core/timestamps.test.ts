import { describe, expect, it } from 'vitest';
import {
  formatTimestamp,
  MAX_TIMESTAMP_MS,
  MIN_TIMESTAMP_MS,
  parseTimestamp,
} from '../../../core/timestamps.ts';

describe('writing times', () => {
  it.each([
    [0, '1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    [1_750_662_821_999, '2025-06-23T07:13:41Z', '2025-06-23T07:13:41.999Z'],
    [-1, '1969-12-31T23:59:59Z', '1969-12-31T23:59:59.999Z'],
    [0.9, '1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    [MIN_TIMESTAMP_MS, '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    [MAX_TIMESTAMP_MS, '9999-12-31T23:59:59Z', '9999-12-31T23:59:59.999Z'],
  ])('%d', (epochMs, seconds, millis) => {
    expect(formatTimestamp(epochMs)).toBe(seconds);
    expect(formatTimestamp(epochMs, 3)).toBe(millis);
  });

  it.each([MIN_TIMESTAMP_MS - 1, MAX_TIMESTAMP_MS + 1, Number.NaN])('%d is none', (epochMs) => {
    expect(() => formatTimestamp(epochMs)).toThrow(RangeError);
  });
});

describe('reading times', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2025-06-23T07:13:41Z', 1_750_662_821_000],
    ['2025-12-05T16:41:54.452564354Z', 1_764_952_914_452],
    ['2025-12-05T16:41:54.4Z', 1_764_952_914_400],
    ['2025-06-23T10:13:41+03:00', 1_750_662_821_000],
    ['2025-06-22T23:43:41.5-07:30', 1_750_662_821_500],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000],
    ['0001-01-01T00:00:00Z', MIN_TIMESTAMP_MS],
    ['9999-12-31T23:59:59.999Z', MAX_TIMESTAMP_MS],
  ])('%s', (text, epochMs) => {
    expect(parseTimestamp(text)).toBe(epochMs);
    expect(parseTimestamp(formatTimestamp(epochMs, 3))).toBe(epochMs);
  });

  it.each([
    '',
    'now',
    '2025-06-23',
    '2025-06-23T07:13:41',
    '2025-06-23 07:13:41Z',
    '2025-06-23T07:13Z',
    '2025-06-23T07:13:41.Z',
    '2025-06-23T07:13:41.1234567890Z',
    '2025-06-23T07:13:41+0300',
    '2025-06-23T07:13:41+24:00',
    '2025-06-23T07:13:41Z\n',
    '2025-02-29T00:00:00Z',
    '2025-00-10T00:00:00Z',
    '2025-13-10T00:00:00Z',
    '2025-04-31T00:00:00Z',
    '2025-01-00T00:00:00Z',
    '2025-01-01T24:00:00Z',
    '2025-01-01T00:60:00Z',
    '2025-01-01T00:00:60Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
  ])('%j is none', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
