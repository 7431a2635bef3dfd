/** How long a job waits before it is tried again. */

const FIRST_DELAY_SECONDS = 5;
/** Above this, waiting longer only makes the recovery later. */
export const MAX_RETRY_DELAY_SECONDS = 900;

/** Five seconds after the first failed attempt, twice as long after each further one, fifteen minutes at most. */
export function retryDelaySeconds(failedAttempts: number): number {
  const doublings = Math.max(0, failedAttempts - 1);
  return Math.min(FIRST_DELAY_SECONDS * 2 ** doublings, MAX_RETRY_DELAY_SECONDS);
}
