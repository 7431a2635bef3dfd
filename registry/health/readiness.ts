import { probe } from '../../db/health.ts';
import type { Context } from '../context.ts';

/** A part without which the registry cannot work, and whether it answers. */
export interface PartReadiness {
  readonly part: 'database' | 'bucket' | 'queue' | 'inspection';
  readonly ready: boolean;
}

/**
 * Asks every part for a sign of life. The queue gets a message that names no job, which its consumer drops; the
 * inspection gets a file without bytes.
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
    // Of a file without bytes nothing is read.
    inspection: () => context.inspect({ size: 0, read: nothing }, {}),
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

async function nothing(): Promise<Uint8Array> {
  return new Uint8Array(0);
}
