/**
 * Random operations, failures, restarts and kills on one registry. `npm run soak` runs a long one; SOAK_SEED and
 * SOAK_STEPS say which.
 */

import { expect, test } from 'vitest';
import { startBreakable } from '../setup/behind-proxy.ts';
import { runSoak } from './run.ts';
import { MOST_IMAGES } from './steps.ts';

const seed = Number(process.env.SOAK_SEED ?? 1);
const steps = Number(process.env.SOAK_STEPS ?? 60);
const MINUTE_MS = 60_000;
const longestMs = Number(process.env.SOAK_MINUTES ?? 1) * MINUTE_MS;
/** Besides the steps: starting, and settling at the end. */
const ALLOWANCE_MS = 2 * MINUTE_MS;

test(
  `${steps} random operations from seed ${seed} leave the registry whole after each`,
  async () => {
    const registry = await startBreakable({
      BULLION_LAYER_GRACE_SECONDS: '0',
      BULLION_TRASH_SECONDS: '604800',
      BULLION_RECONCILE_GRACE_SECONDS: '0',
      BULLION_JOB_ATTEMPTS: '100',
      BULLION_MAX_ACTIVE_OPERATIONS: '1000',
    });
    for (const quota of ['compute.images.count', 'compute.disks.count', 'compute.snapshots.count']) {
      const limit = quota === 'compute.images.count' ? MOST_IMAGES : 1_000;
      await registry.sql(
        'INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES (\'local\', ?, ?, 0)',
        quota,
        limit,
      );
    }
    const isLong = process.env.SOAK_STEPS !== undefined;
    const { steps: done, counts } = await runSoak(registry, {
      seed,
      steps,
      timeoutMs: longestMs,
      progress: (line) => isLong && console.log(line),
    });
    if (isLong) console.log(`${done} steps: ${JSON.stringify(counts)}`);
    expect(done).toBe(steps);
  },
  longestMs + ALLOWANCE_MS,
);
