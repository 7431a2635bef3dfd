/** The digest of a layer for which nobody declared one, with the store or the registry failing on the way. */
import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { Sha256 } from '../../core/sha256.ts';
import { eventually } from '../service/setup/eventually.ts';
import { objectKeys } from './invariants.ts';
import { type Breakable, startBreakable, startBreakableStore, startOn } from './setup/behind-proxy.ts';
import { accepted, disk, IMAGES, smallDisk } from './setup/client.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';

/** A call to the store is tried three times before the registry gives up on it. */
const WHOLE_CALL = 3;
const ATTEMPTS = 2;

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const registry = await startBreakable({
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_JOB_ATTEMPTS: String(ATTEMPTS),
});
const { client, proxy, sql } = registry;

interface Undigested {
  readonly imageId: string;
  readonly layerId: string;
  readonly key: string;
}

/** A READY image on a layer whose digest is not known, as those of older versions are; no job reads it. */
async function undigested({ client, sql, settledFaults }: Breakable, bytes: Uint8Array): Promise<Undigested> {
  const { id, metadata } = await client.push(bytes);
  expect((await client.ended(id)).response?.status).toBe('READY');
  expect(await settledFaults()).toEqual([]);
  const [layer] = await sql<{ id: string; key: string }>(
    `UPDATE layers SET digest = NULL WHERE id = (SELECT layer_id FROM images WHERE id = ?)
      RETURNING id, object_key AS key`,
    metadata.imageId,
  );
  return { imageId: metadata.imageId, layerId: layer!.id, key: layer!.key };
}

/** Makes an image of another one, which has its layer read. */
async function nameAgain({ client }: Pick<Breakable, 'client'>, { imageId }: Undigested): Promise<string> {
  const made = accepted(await client.call('POST', IMAGES, { folderId: 'default', imageId }));
  expect(made.done).toBe(true);
  return made.metadata.imageId;
}

const shown = async (of: Pick<Breakable, 'client'>, imageId: string) =>
  accepted(await of.client.call<{ digest?: string }>('GET', `${IMAGES}/${imageId}`)).digest;
const deleted = async (imageId: string) => accepted(await client.call('DELETE', `${IMAGES}/${imageId}`));
const jobs = (layerId: string) =>
  sql<{ state: string; cursor: string | null }>(
    'SELECT state, cursor FROM jobs WHERE subject_id = ?',
    layerId,
  );

/** Nothing is left of a layer, and nothing looks for it. */
async function expectGone({ layerId, key }: Undigested): Promise<void> {
  expect(await registry.settledFaults()).toEqual([]);
  expect(await sql('SELECT id FROM layers WHERE id = ?', layerId)).toEqual([]);
  expect(await jobs(layerId)).toEqual([]);
  expect(await objectKeys(registry.behind.store, registry.behind.bucket)).not.toContain(key);
}

describe('a layer without a digest', () => {
  test.each(['refuse', 'deny', 'lose-answer', 'cut-answer'] as const)(
    'gets it when the store comes back (%s), after more attempts than others have',
    async (kind) => {
      const layer = await undigested(registry, smallDisk);
      const times = WHOLE_CALL * (ATTEMPTS + 1);
      const fault = proxy.inject(kind, { operations: ['GetObject'], key: layer.layerId, times });
      const imageId = await nameAgain(registry, layer);
      expect(await registry.settledFaults()).toEqual([]);
      expect(fault.hits).toBe(times);
      expect(await shown(registry, imageId)).toBe(digestOf(smallDisk));
      expect(await shown(registry, layer.imageId)).toBe(digestOf(smallDisk));
    },
  );

  test('is read by one job, however many come to name it', async () => {
    const layer = await undigested(registry, smallDisk);
    const fault = proxy.inject('hold', { operations: ['GetObject'], key: layer.layerId });
    await nameAgain(registry, layer);
    await fault.reached();
    await nameAgain(registry, layer);
    expect(await jobs(layer.layerId)).toHaveLength(1);
    fault.lift();
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('is read on from where an earlier run came', async () => {
    const layer = await undigested(registry, disk);
    const offset = 5 * 2 ** 20;
    const read = new Sha256();
    read.update(disk.subarray(0, offset));
    const fault = proxy.inject('deny', { operations: ['GetObject'], key: layer.layerId });
    const imageId = await nameAgain(registry, layer);
    await fault.reached(WHOLE_CALL);
    await eventually('the end of that run', async () =>
      (await jobs(layer.layerId)).some(({ state }) => state === 'READY'),
    );
    const cursor = JSON.stringify({ offset, sha256: read.save() });
    await sql('UPDATE jobs SET cursor = ? WHERE subject_id = ?', cursor, layer.layerId);
    fault.lift();
    const before = proxy.passed('GetObject');
    expect(await registry.settledFaults()).toEqual([]);
    expect(await shown(registry, imageId)).toBe(digestOf(disk));
    expect(proxy.passed('GetObject') - before).toBe(Math.ceil((disk.length - offset) / (4 * 2 ** 20)));
  });

  test('may be deleted while it is read', async () => {
    const layer = await undigested(registry, smallDisk);
    const fault = proxy.inject('hold', { operations: ['GetObject'], key: layer.layerId });
    const imageId = await nameAgain(registry, layer);
    await fault.reached();
    await Promise.all([deleted(imageId), deleted(layer.imageId)]);
    await registry.runScheduled();
    fault.lift();
    await expectGone(layer);
  });

  test('may be deleted between two attempts to read it', async () => {
    const layer = await undigested(registry, smallDisk);
    const fault = proxy.inject('deny', { operations: ['GetObject'], key: layer.layerId, times: WHOLE_CALL });
    const imageId = await nameAgain(registry, layer);
    await fault.reached(WHOLE_CALL);
    await Promise.all([deleted(imageId), deleted(layer.imageId)]);
    await registry.runScheduled();
    await expectGone(layer);
  });

  test('of an object that was replaced gets none, and nothing goes on reading it', async () => {
    const layer = await undigested(registry, smallDisk);
    const { store, bucket } = registry.behind;
    await store.send(new PutObjectCommand({ Bucket: bucket, Key: layer.key, Body: disk }));
    const imageId = await nameAgain(registry, layer);
    expect(await registry.settledFaults()).toEqual([
      `layer ${layer.layerId} has no digest and nothing will read it`,
    ]);
    expect(await shown(registry, imageId)).toBeUndefined();
    await Promise.all([deleted(imageId), deleted(layer.imageId)]);
    await registry.runScheduled();
    await expectGone(layer);
  });
});

test('a digest that is being worked out when the registry is killed appears after its next start', async () => {
  const store = await startBreakableStore();
  const state = newState();
  const before = await startOn(store, { state });
  const layer = await undigested(before, disk);
  await before.own.stop();

  const { started, client: killable } = await startKillable(store.env, state);
  const fault = store.proxy.inject('hold', { operations: ['GetObject'], after: 1 });
  const imageId = await nameAgain({ client: killable }, layer);
  await fault.reached();
  await killAll(started);
  fault.lift();

  const again = await startOn(store, { state });
  expect(await eventually('the digest', () => shown(again, imageId))).toBe(digestOf(disk));
  expect(await again.settledFaults()).toEqual([]);
  await again.own.stop();
});
