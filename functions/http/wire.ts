import { formatTimestamp } from '../../core/timestamps.ts';

/** The prefix of every `@type`. */
export const TYPE = 'type.googleapis.com/';

/** Times are shown to the millisecond. */
export function time(epochMs: number): string {
  return formatTimestamp(epochMs, 3);
}

/** 64-bit integers are texts; nothing and 0 are left out. */
export function int64Text(value: number | null): string | undefined {
  return value === null || value === 0 ? undefined : String(value);
}

/** Members that are absent, null, empty or false are not shown (proto3 JSON). */
export function compact<T extends object>(members: T): Compact<T> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => {
      if (value === undefined || value === null || value === '' || value === false) return false;
      return !(Array.isArray(value) && value.length === 0);
    }),
  ) as Compact<T>;
}

type Compact<T> = { [K in keyof T]: Exclude<T[K], null> };

/** A map without entries is not shown either. */
export function nonEmpty<T extends object>(map: T | null): T | undefined {
  return map !== null && Object.keys(map).length > 0 ? map : undefined;
}
