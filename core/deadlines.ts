/** When an operation is ended that has not come to its end: nothing runs for ever. Epoch milliseconds. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What is left of an operation whose parts all answer comes well within this, however many wait. */
const SLACK_MS = DAY_MS;
/** Slower than any store works: bytes of a disk that are read for their digest, or copied, in a second. */
const SLOWEST_BYTES_PER_SECOND = 4 * 2 ** 20;

/** For bytes that have come: they are inspected, and read once when their digest was declared. */
export function judgingDeadline(now: number, sizeBytes: number): number {
  return now + SLACK_MS + movingMs(sizeBytes);
}

/** For bytes that the store copies. */
export function copyingDeadline(now: number, sizeBytes: number): number {
  return now + SLACK_MS + movingMs(sizeBytes);
}

/** For a folder that is being emptied, counted anew from each thing that goes. in: now, or the day of the deletion. */
export function emptyingDeadline(from: number): number {
  return from + 7 * DAY_MS;
}

/** For people who have to decide. */
export function answerDeadline(now: number): number {
  return now + 90 * DAY_MS;
}

function movingMs(sizeBytes: number): number {
  return Math.ceil((sizeBytes / SLOWEST_BYTES_PER_SECOND) * 1000);
}
