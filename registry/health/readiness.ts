import { probe } from '../../db/health.ts';
import type { Context } from '../context.ts';

/** A part without which the registry cannot work, and whether it answers. */
export interface PartReadiness {
  readonly part: 'database' | 'bucket' | 'queue';
  readonly ready: boolean;
}

/**
 * Asks every part for a sign of life. The queue gets a message that names no job, which its consumer drops.
 * out: one entry a part; the causes of failures go to `note`, not to the caller.
 */
export async function readiness(
  context: Context,
  sendProbe: () => Promise<unknown>,
  note: (part: string, error: unknown) => void,
): Promise<PartReadiness[]> {
  const checks = {
    database: () => context.db.read([probe(context.db.orm)]),
    bucket: () => context.store.checkBucket(),
    queue: sendProbe,
  };
  return await Promise.all(
    (Object.keys(checks) as (keyof typeof checks)[]).map(async (part) => {
      try {
        await checks[part]();
        return { part, ready: true };
      } catch (error) {
        note(part, error);
        return { part, ready: false };
      }
    }),
  );
}
