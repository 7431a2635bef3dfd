/** Times between milliseconds since 1970 and RFC 3339. */

/** Years that RFC 3339 can write. */
export const MIN_TIMESTAMP_MS = -62_135_596_800_000;
export const MAX_TIMESTAMP_MS = 253_402_300_799_999;

/**
 * A time in UTC, cut (not rounded) to whole seconds or to milliseconds.
 * in: milliseconds since 1970 within the years 1 to 9999. errors: RangeError outside them.
 */
export function formatTimestamp(epochMs: number, fractionDigits: 0 | 3 = 0): string {
  if (!(epochMs >= MIN_TIMESTAMP_MS && epochMs <= MAX_TIMESTAMP_MS)) {
    throw new RangeError(`${epochMs} ms is not a time between the years 1 and 9999`);
  }
  const text = new Date(Math.floor(epochMs)).toISOString();
  return fractionDigits === 3 ? text : text.replace(/\.\d{3}Z$/, 'Z');
}

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** out: milliseconds since 1970, finer digits cut off; undefined for what is no RFC 3339 time. */
export function parseTimestamp(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (year < 1 || hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) {
    return undefined;
  }
  const local = new Date(0);
  // Not Date.UTC, which reads the years 0 to 99 as 1900 to 1999.
  local.setUTCFullYear(year, month - 1, day);
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return undefined;
  local.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)));
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000 * (match[8] === '-' ? -1 : 1);
  const epochMs = local.getTime() - offsetMs;
  return epochMs >= MIN_TIMESTAMP_MS && epochMs <= MAX_TIMESTAMP_MS ? epochMs : undefined;
}
