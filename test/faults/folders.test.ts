/** A folder that is emptied while the registry is killed, and by several runs at once. */
import { expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { type Breakable, startBreakable, startBreakableStore, startOn } from './setup/behind-proxy.ts';
import { accepted, type Client, IMAGES, type Operation, smallDisk } from './setup/client.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';

const FOLDERS = '/resource-manager/v1/folders';
const DISKS = '/compute/v1/disks';
const SNAPSHOTS = '/compute/v1/snapshots';
const ACCOUNTS = '/iam/v1/serviceAccounts';
const LONG_AGO = '2020-01-01T00:00:00Z';
const SETTINGS = { BULLION_LAYER_GRACE_SECONDS: '0', BULLION_MAX_ACTIVE_OPERATIONS: '1000' };
/** More than a run takes away, so that one is always between two runs. */
const COPIES = 40;
const UPLOADS = 10;

let count = 0;

/** Raises the limits of the one cloud, which are too low for dozens. */
async function raiseLimits({ sql }: Pick<Breakable, 'sql'>): Promise<void> {
  for (const noun of ['images', 'disks', 'snapshots']) {
    await sql(
      `INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES ('local', ?, 1000, 0)
        ON CONFLICT DO UPDATE SET "limit" = 1000`,
      `compute.${noun}.count`,
    );
  }
}

const posting = (client: Client) => async (path: string, body: object) =>
  accepted(await client.call('POST', path, body));

async function newFolder(client: Client): Promise<string> {
  count += 1;
  const { metadata } = await posting(client)(FOLDERS, { cloudId: 'local', name: `full-${count}` });
  return (metadata as unknown as { folderId: string }).folderId;
}

/** A folder with dozens of images on one layer, open uploads, disks, a snapshot and a service account. */
async function fullFolder(client: Client): Promise<string> {
  const post = posting(client);
  const folderId = await newFolder(client);
  const pushed = await client.push(smallDisk, { folderId });
  expect((await client.ended(pushed.id)).response?.status).toBe('READY');
  const { imageId } = pushed.metadata;
  await Promise.all([
    ...Array.from({ length: COPIES }, () => post(IMAGES, { folderId, imageId })),
    ...Array.from({ length: UPLOADS }, () => client.create(1024, { folderId })),
  ]);
  const place = { folderId, zoneId: 'ru-central1-a', size: String(64 * 2 ** 20) };
  const empty = await post(DISKS, place);
  await post(DISKS, { ...place, imageId });
  await post(SNAPSHOTS, { folderId, diskId: (empty.metadata as unknown as { diskId: string }).diskId });
  await post(ACCOUNTS, { folderId, name: `account-${count}` });
  return folderId;
}

const remove = async (client: Client, folderId: string) =>
  accepted(await client.call('DELETE', `${FOLDERS}/${folderId}?deleteAfter=${LONG_AGO}`));

async function imagesLeft(client: Client, folderId: string): Promise<number> {
  const answer = await client.call<{ images?: unknown[] }>('GET', `${IMAGES}?folderId=${folderId}`);
  return answer.status === 200 ? (answer.body.images?.length ?? 0) : 0;
}

/** Nothing stands in the folder, nothing is counted for it, and nothing is left of it in the store. */
async function expectGone(registry: Breakable, folderId: string, { id }: Operation): Promise<void> {
  const { error } = await registry.ended(id);
  expect(error).toBeUndefined();
  expect((await registry.client.call('GET', `${FOLDERS}/${folderId}`)).status).toBe(403);
  expect(await registry.settledFaults()).toEqual([]);
  const used = await registry.sql('SELECT quota_id, usage FROM quotas WHERE usage <> 0');
  expect(used).toEqual([]);
  // The last ones may have lost their names behind the tick that looks for such.
  await eventually('the end of every layer', async () => {
    await registry.tick();
    return (await registry.sql('SELECT id FROM layers')).length === 0;
  });
}

test('a registry that is killed while it empties a folder goes on at its next start', async () => {
  const store = await startBreakableStore();
  const state = newState();
  const first = await startOn(store, { state, env: SETTINGS });
  await raiseLimits(first);
  const folderId = await fullFolder(first.client);
  await first.own.stop();

  const { started, client } = await startKillable({ ...store.env, ...SETTINGS }, state);
  const all = await imagesLeft(client, folderId);
  expect(all).toBeGreaterThan(COPIES);
  const operation = await remove(client, folderId);
  await eventually('the first images that go', async () => (await imagesLeft(client, folderId)) < all);
  expect((await client.operation(operation.id)).done).toBe(false);
  await killAll(started);

  const registry = await startOn(store, { state, env: SETTINGS });
  await expectGone(registry, folderId, operation);
  await registry.own.stop();
});

test('several runs that empty one folder at once do what one does', async () => {
  const registry = await startBreakable(SETTINGS);
  await raiseLimits(registry);
  const folderId = await fullFolder(registry.client);
  const operation = await remove(registry.client, folderId);
  // As if every lease lapsed at once: each tick sends the job to another worker.
  for (let tick = 0; tick < 10; tick += 1) {
    await registry.sql("UPDATE jobs SET lease_until = 0, state = 'READY' WHERE kind = 'empty-folder'");
    await registry.tick();
  }
  await expectGone(registry, folderId, operation);
});

test('a deletion that is called off while its day comes keeps the folder whole or not at all', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client } = registry;
  for (let round = 0; round < 4; round += 1) {
    const folderId = await newFolder(client);
    for (let upload = 0; upload < 3; upload += 1) accepted(await client.create(1024, { folderId }));
    const operation = accepted(await client.call('DELETE', `${FOLDERS}/${folderId}`));
    await registry.sql('UPDATE folders SET delete_at = 1 WHERE id = ?', folderId);
    await Promise.all([registry.runScheduled(), client.call('POST', `/operations/${operation.id}:cancel`)]);
    const { error } = await registry.ended(operation.id);
    if (error === undefined) expect(await imagesLeft(client, folderId)).toBe(0);
    else expect([error.code, await imagesLeft(client, folderId)]).toEqual([1, 3]);
    if (error !== undefined) await registry.ended((await remove(client, folderId)).id);
  }
  expect(await registry.settledFaults()).toEqual([]);
});
