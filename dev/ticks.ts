import { setTimeout as delay } from 'node:timers/promises';

/** A clock that runs one thing at a time. */
export interface Ticks {
  /** Waits for a run that is under way, then runs once more and answers when that is done. */
  runNow(): Promise<void>;
  /** No run begins after this; one that is under way is not waited for. */
  stop(): void;
}

/**
 * Runs at once, so that what a killed process left is picked up, and then whenever the time of day is a multiple
 * of the period. A tick that comes while a run is under way is left out. `failed` gets what a run threw.
 */
export function startTicks(
  run: () => Promise<void>,
  periodSeconds: number,
  failed: (error: unknown) => void,
): Ticks {
  const stopped = new AbortController();
  let current: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    const running = run().finally(() => {
      if (current === running) current = undefined;
    });
    current = running;
    return running;
  };
  const tick = async () => {
    if (current === undefined) await begin();
  };
  const report = (error: unknown) => {
    if (!stopped.signal.aborted) failed(error);
  };
  const loop = async () => {
    const periodMs = periodSeconds * 1_000;
    while (!stopped.signal.aborted) {
      tick().catch(report);
      // Timers may fire a millisecond early, which would be a second tick for the same time.
      await delay(periodMs - (Date.now() % periodMs) + 2, undefined, { signal: stopped.signal, ref: false });
    }
  };
  loop().catch((error) => {
    if (error?.name !== 'AbortError') throw error;
  });
  return {
    async runNow() {
      while (current !== undefined) await current.catch(() => undefined);
      await begin();
    },
    stop: () => stopped.abort(),
  };
}
