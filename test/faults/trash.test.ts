/** The trash while the registry is killed, and while several want the same image or the last of a quota. */
import { expect, test } from 'vitest';
import { type Breakable, startBreakable, startBreakableStore, startOn } from './setup/behind-proxy.ts';
import { type Answer, accepted, type Client, IMAGES, type Operation, smallDisk } from './setup/client.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';

const SETTINGS = {
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_TRASH_SECONDS: '3600',
  BULLION_MAX_ACTIVE_OPERATIONS: '1000',
};
const OK = 200;
const REFUSED = 400;
const GONE = 404;
const OVER_QUOTA = 429;

const remove = (client: Client, id: string, query = '') => client.call('DELETE', `${IMAGES}/${id}${query}`);
const undelete = (client: Client, id: string) => client.call('POST', `${IMAGES}/${id}:undelete`, {});
const copyOf = async (client: Client, imageId: string) =>
  accepted(await client.call('POST', IMAGES, { folderId: 'default', imageId })).metadata.imageId;
const statuses = (answers: readonly Answer<Operation>[]) => answers.map(({ status }) => status).sort();

async function ready(registry: Breakable): Promise<string> {
  const { id, metadata } = await registry.client.push(smallDisk);
  expect((await registry.ended(id)).response?.status).toBe('READY');
  return metadata.imageId;
}

const setLimit = ({ sql }: Breakable, quotaId: string, limit: number) =>
  sql(
    `INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES ('local', ?1, ?2, 0)
      ON CONFLICT DO UPDATE SET "limit" = ?2`,
    quotaId,
    limit,
  );
/** As if all that lies in the trash had lain there for its time. */
const makeDue = ({ sql }: Breakable) => sql('UPDATE deleted_images SET purge_at = 1 WHERE purged_at IS NULL');
const usage = async ({ sql }: Breakable, quotaId: string) =>
  (await sql<{ usage: number }>('SELECT usage FROM quotas WHERE quota_id = ?', quotaId))[0]?.usage ?? 0;

test('what is purged, brought back and purged by the clock at once is one or the other', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client } = registry;
  for (let round = 0; round < 12; round += 1) {
    const id = await ready(registry);
    accepted(await remove(client, id));
    const byClock = async () => {
      await makeDue(registry);
      await registry.runScheduled();
      return undefined;
    };
    // The order of these is of no consequence to the registry, so it is another one in each round.
    const acts: (() => Promise<Answer<Operation> | undefined>)[] = [
      () => remove(client, id, '?purge=true'),
      () => undelete(client, id),
      byClock,
      () => undelete(client, id),
      () => remove(client, id, '?purge=true'),
      byClock,
    ];
    const shift = round % acts.length;
    const answers = await Promise.all([...acts.slice(shift), ...acts.slice(0, shift)].map((act) => act()));
    for (const answer of answers) {
      if (answer !== undefined) expect([OK, REFUSED, GONE, 409]).toContain(answer.status);
    }
    expect(await registry.settledFaults()).toEqual([]);
    const standing = (await client.call('GET', `${IMAGES}/${id}`)).status === OK;
    if (standing) accepted(await remove(client, id, '?purge=true'));
    await makeDue(registry);
    await registry.tick();
    expect(await registry.settledFaults()).toEqual([]);
    expect(await usage(registry, 'compute.images.size')).toBe(0);
    await registry.runScheduled();
    expect(await registry.settledFaults()).toEqual([]);
    expect(await registry.sql('SELECT id FROM layers')).toEqual([]);
  }
});

test('two purges at once purge once', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client } = registry;
  const kept = await ready(registry);
  for (let round = 0; round < 6; round += 1) {
    const id = await copyOf(client, kept);
    accepted(await remove(client, id));
    const before = await usage(registry, 'compute.images.size');
    const answers = await Promise.all(Array.from({ length: 5 }, () => remove(client, id, '?purge=true')));
    expect(statuses(answers)).toEqual([OK, GONE, GONE, GONE, GONE]);
    expect(await usage(registry, 'compute.images.size')).toBe(before);
    expect(await registry.settledFaults()).toEqual([]);
  }
});

test('ticks at once purge each image once', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client } = registry;
  await setLimit(registry, 'compute.images.count', 1_000);
  const kept = await ready(registry);
  const ids = await Promise.all(Array.from({ length: 30 }, () => copyOf(client, kept)));
  for (const id of ids) accepted(await remove(client, id));
  await makeDue(registry);
  await Promise.all([registry.runScheduled(), registry.runScheduled(), registry.runScheduled()]);
  await registry.runScheduled();
  expect(await registry.settledFaults()).toEqual([]);
  const purged = await registry.sql('SELECT id FROM deleted_images WHERE purged_at IS NOT NULL');
  expect(purged).toHaveLength(ids.length);
  const events = await registry.sql("SELECT id FROM audit_events WHERE action = 'images.purge'");
  expect(events).toHaveLength(ids.length);
});

test('fifty that come back to the last places of a quota fill them exactly', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client } = registry;
  await setLimit(registry, 'compute.images.count', 1_000);
  const kept = await ready(registry);
  const ids = await Promise.all(Array.from({ length: 50 }, () => copyOf(client, kept)));
  for (const id of ids) accepted(await remove(client, id));
  const places = 7;
  await setLimit(registry, 'compute.images.count', 1 + places);
  for (let left = ids; left.length > ids.length - places; ) {
    const answers = await Promise.all(left.map((id) => undelete(client, id)));
    for (const { status } of answers) expect([OK, OVER_QUOTA, 409]).toContain(status);
    expect(await usage(registry, 'compute.images.count')).toBeLessThanOrEqual(1 + places);
    left = left.filter((_, index) => answers[index]!.status !== OK);
  }
  expect(await usage(registry, 'compute.images.count')).toBe(1 + places);
  expect(await registry.settledFaults()).toEqual([]);
});

test('a registry that is killed between deletions, returns and purges is whole at its next start', async () => {
  const store = await startBreakableStore();
  const state = newState();
  const first = await startOn(store, { state, env: SETTINGS });
  await setLimit(first, 'compute.images.count', 1_000);
  const kept = await ready(first);
  const ids = await Promise.all(Array.from({ length: 40 }, () => copyOf(first.client, kept)));
  for (const id of ids.slice(20)) accepted(await remove(first.client, id));
  await first.own.stop();

  const { started, client } = await startKillable({ ...store.env, ...SETTINGS }, state);
  const acts = ids.flatMap((id, index) => [
    index < 20 ? remove(client, id) : undelete(client, id),
    remove(client, id, '?purge=true'),
  ]);
  await Promise.race(acts);
  await killAll(started);
  await Promise.allSettled(acts);

  const registry = await startOn(store, { state, env: SETTINGS });
  expect(await registry.settledFaults()).toEqual([]);
  const rows = await registry.sql<{ id: string }>(
    'SELECT id FROM images UNION ALL SELECT id FROM deleted_images',
  );
  expect(rows.map(({ id }) => id).sort()).toEqual([kept, ...ids].sort());
  for (const { id } of await registry.sql<{ id: string }>('SELECT id FROM images')) {
    accepted(await remove(registry.client, id));
  }
  await makeDue(registry);
  await registry.tick();
  await registry.tick();
  expect(await registry.settledFaults()).toEqual([]);
  expect(await registry.sql('SELECT id FROM layers')).toEqual([]);
  expect(await registry.sql('SELECT usage FROM quotas WHERE usage <> 0')).toEqual([]);
});
