/** The whole registry killed: node, workerd, and in the last test the object store with them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { s3Client } from '../../storage/connection.ts';
import { eventually } from '../service/setup/eventually.ts';
import { startOwn } from '../service/setup/registry.ts';
import { faults } from './invariants.ts';
import { startBreakableStore, startOn } from './setup/behind-proxy.ts';
import { brokenDisk, disk, type Operation, openClient, smallDisk } from './setup/client.ts';
import type { FaultKind, S3Operation } from './setup/fault-proxy.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';

interface Moment {
  readonly kind: FaultKind;
  readonly operation: S3Operation;
  readonly bytes: Uint8Array;
  /** Of the error with which the creation ends. */
  readonly code?: number;
}

describe('a registry that is killed goes on at its next start, without being told to', () => {
  const kills: readonly { when: string; moments: readonly Moment[] }[] = [
    {
      when: 'while uploads are joined, before and after the store did it, and one is inspected',
      moments: [
        { kind: 'hold', operation: 'GetObject', bytes: disk },
        { kind: 'hold', operation: 'CompleteMultipartUpload', bytes: disk },
        { kind: 'hold-answer', operation: 'CompleteMultipartUpload', bytes: disk },
        { kind: 'hold', operation: 'HeadObject', bytes: disk },
      ],
    },
    {
      when: 'before a refused disk is deleted',
      moments: [{ kind: 'hold', operation: 'DeleteObject', bytes: brokenDisk, code: 3 }],
    },
    {
      when: 'when a refused disk is deleted and its rows are not',
      moments: [{ kind: 'hold-answer', operation: 'DeleteObject', bytes: brokenDisk, code: 3 }],
    },
  ];

  test.each(kills)('$when', async ({ moments }) => {
    const store = await startBreakableStore();
    const state = newState();
    const { started, client } = await startKillable(store.env, state);
    const ids: string[] = [];
    for (const { kind, operation, bytes } of moments) {
      const { id, metadata } = await client.upload(bytes);
      ids.push(id);
      const fault = store.proxy.inject(kind, { operations: [operation], times: 1 });
      client.complete(metadata.imageId).catch(() => 'killed');
      await fault.reached();
    }
    await killAll(started);
    store.proxy.lift();

    const registry = await startOn(store, { state });
    for (const [index, { code }] of moments.entries()) {
      const ended = await registry.client.ended(ids[index]!);
      expect(ended.error?.code).toBe(code);
      expect(ended.response?.status).toBe(code === undefined ? 'READY' : undefined);
    }
    expect(await registry.settledFaults()).toEqual([]);
    await registry.own.stop();
  });
});

test('a registry that is killed with its object store at any moment loses nothing', async () => {
  const state = newState();
  const operations: Operation[] = [];
  for (const afterMs of [10, 40, 120]) {
    const { started, client } = await startKillable({}, state);
    const round = await Promise.all([smallDisk, smallDisk, disk].map((bytes) => client.upload(bytes)));
    operations.push(...round);
    for (const { metadata } of round) client.complete(metadata.imageId).catch(() => 'killed');
    await delay(afterMs);
    await killAll(started);
  }
  const own = await startOwn({ state, sweepSeconds: 1 });
  const client = openClient(() => own.local.url, own.key);
  for (const { id, metadata } of operations) {
    // What was not accepted before the kill is asked for again, as a client does that got no answer.
    await client.complete(metadata.imageId);
    expect((await client.ended(id)).response?.status).toBe('READY');
  }
  expect(await settledFaults(state, own)).toEqual([]);
});

/** What is wrong with a registry on its own store once no job is left. */
async function settledFaults(state: string, own: Awaited<ReturnType<typeof startOwn>>): Promise<string[]> {
  const database = await own.local.database();
  await eventually('the end of every job', async () => {
    const jobs = await database.prepare('SELECT count(*) AS left FROM jobs').first<{ left: number }>();
    return jobs?.left === 0;
  });
  const credential = JSON.parse(readFileSync(join(state, 'object-store.json'), 'utf8'));
  const settings = { endpoint: own.local.s3Url, region: 'auto', bucket: 'bullion', ...credential };
  return await faults({ database, store: s3Client(settings), bucket: 'bullion' });
}
