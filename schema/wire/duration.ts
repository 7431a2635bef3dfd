import * as z from '../zod.ts';

const SECONDS = /^\d{1,12}(?:\.\d{1,9})?s$/;

/** A time span in a request, in seconds with the suffix `s`; out come milliseconds, within `min`..`max` seconds. */
export function durationBetween(minSeconds: number, maxSeconds: number) {
  return z
    .string({
      error: (issue) => (issue.input === undefined ? 'is required' : 'expected a string'),
    })
    .transform((text, context) => {
      const seconds = SECONDS.test(text) ? Number.parseFloat(text) : Number.NaN;
      if (seconds >= minSeconds && seconds <= maxSeconds) return Math.round(seconds * 1000);
      const message = `must be ${minSeconds}s to ${maxSeconds}s, in seconds with the suffix s`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .openapi({ type: 'string', example: '86400s' });
}
