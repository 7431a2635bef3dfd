import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Asks again until the answer is there. `probe` answers undefined (or false) while it is not; what it throws ends the
 * wait. in: `what` completes "did not come within …: …" when the time is over. out: the answer.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 15_000,
): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; await delay(POLL_MS)) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`did not come within ${timeoutMs / 1000} s: ${what}`);
  }
}
