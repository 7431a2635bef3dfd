import { parseTimestamp } from '../../core/timestamps.ts';
import * as z from '../zod.ts';

/** A time in a request, given in RFC 3339; out come epoch milliseconds, within `earliest`..`latest`. */
export function timeBetween(earliest: string, latest: string) {
  return z
    .string({ error: 'expected a string' })
    .transform((text, context) => {
      const time = parseTimestamp(text);
      if (time !== undefined && time >= Date.parse(earliest) && time <= Date.parse(latest)) return time;
      context.addIssue({ code: 'custom', message: `must be an RFC 3339 time from ${earliest} to ${latest}` });
      return z.NEVER;
    })
    .openapi({ type: 'string', format: 'date-time' });
}
