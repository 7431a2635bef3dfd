/** What webhooks tell, and when a delivery that failed is tried again. */

/** The events of a folder that a webhook can be told of. */
export const EVENT_TYPES = [
  'image.ready',
  'image.refused',
  'image.promoted',
  'image.deprecated',
  'image.deleted',
  'family.latest-changed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The event that only who asks for it gets. */
export const TEST_EVENT = 'webhook.test';

export const MAX_WEBHOOKS_PER_FOLDER = 10;

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** The pauses after failed attempts, in seconds, as the Standard Webhooks specification suggests: three days in all. */
const PAUSES_SECONDS = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

/** How often a delivery is tried before it has failed. */
export const MAX_ATTEMPTS = PAUSES_SECONDS.length + 1;

/** Pauses are made longer by up to this share, so that what failed together does not come together again. */
const SPREAD = 0.1;

/**
 * How long to wait after a failed attempt; undefined after the last one.
 * in: `attempts` made so far, and `chance` from 0 to 1. out: seconds.
 */
export function pauseAfter(attempts: number, chance: number): number | undefined {
  const pause = PAUSES_SECONDS[attempts - 1];
  return pause === undefined ? undefined : Math.round(pause * (1 + SPREAD * chance));
}
