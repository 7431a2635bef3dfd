/** Rows and store that no longer fit together: what reconciliation finds, mends, and leaves alone. */
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { objectKeys, quotaFaults } from './invariants.ts';
import {
  type BreakableRegistry,
  startBreakable,
  startBreakableStore,
  startOn,
} from './setup/behind-proxy.ts';
import { accepted, type Client, IMAGES, type Operation, smallDisk } from './setup/client.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';

interface Item {
  readonly finding?: string;
  readonly mended?: boolean;
  readonly [member: string]: unknown;
}
interface Run {
  readonly id: string;
  readonly duty: string;
  readonly dryRun: boolean;
  readonly startedBy?: string;
  readonly done: number;
  readonly more: boolean;
  readonly error?: string;
  readonly report?: readonly Item[];
}

const RUNS = '/maintenance/v1/runs';
const DISKS = '/compute/v1/disks';
const SETTINGS = { BULLION_RECONCILE_GRACE_SECONDS: '0' };

/** Runs the comparison to its end. out: its findings. */
async function reconcile(client: Client, apply: boolean): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (;;) {
    const path = apply ? `${RUNS}?apply=true` : RUNS;
    const { body } = await client.call<Run>('POST', path, { duty: 'reconcile' });
    expect([body.dryRun, body.error]).toEqual([!apply, undefined]);
    items.push(...(body.report ?? []));
    if (!body.more) return items.filter(({ finding }) => finding !== undefined);
  }
}

const kinds = (items: readonly Item[]) =>
  items.map(({ finding, mended }) => `${finding} ${mended ? 'mended' : 'left'}`).sort();

async function readyImages({ client, ended }: BreakableRegistry, count: number): Promise<string[]> {
  const operations: Operation[] = [];
  for (let index = 0; index < count; index += 1) operations.push(await client.push(smallDisk));
  for (const { id } of operations) expect((await ended(id)).response?.status).toBe('READY');
  return operations.map(({ metadata }) => metadata.imageId);
}

async function keyOf({ sql }: BreakableRegistry, imageId: string): Promise<string> {
  const [layer] = await sql<{ key: string }>(
    'SELECT object_key AS key FROM layers WHERE id = (SELECT layer_id FROM images WHERE id = ?)',
    imageId,
  );
  return layer!.key;
}

const statusOf = async (client: Client, imageId: string) =>
  accepted(await client.call<{ status: string }>('GET', `${IMAGES}/${imageId}`)).status;

/** Damage of every kind behind the back of a registry, and what of it was done. */
async function damage(registry: BreakableRegistry) {
  const { sql, behind } = registry;
  const { store, bucket } = behind;
  const images = await readyImages(registry, 6);
  const [missing, replaced] = [await keyOf(registry, images[0]!), await keyOf(registry, images[1]!)];
  await store.send(new DeleteObjectCommand({ Bucket: bucket, Key: missing }));
  await store.send(new PutObjectCommand({ Bucket: bucket, Key: replaced, Body: 'other bytes' }));
  const unknown = ['layers/fd800000000000000000', 'layers/zzz/not-of-here'];
  for (const Key of unknown) await store.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }));
  const elsewhere = 'elsewhere/not-the-registrys';
  await store.send(new PutObjectCommand({ Bucket: bucket, Key: elsewhere, Body: 'x' }));
  await store.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: unknown[0] }));
  await sql("UPDATE quotas SET usage = usage + 3 WHERE quota_id = 'compute.images.count'");
  await sql("UPDATE quotas SET usage = usage - 1 WHERE quota_id = 'compute.images.size'");
  await sql(`INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES ('local', 'compute.disks.count', 5, 2)
    ON CONFLICT DO UPDATE SET usage = 2`);
  await sql(`INSERT INTO layers (id, object_key, state, size_bytes, created_at)
    VALUES ('fd8forsaken', 'layers/fd8forsaken', 'PENDING', 1, 0)`);
  await sql(`INSERT INTO jobs (id, kind, subject_id, state, run_after, attempts, created_at, last_error)
    VALUES ('fd8dead', 'digest-layer', 'nothing', 'DEAD', 0, 9, 0, 'why')`);
  return { images, unknown, elsewhere, replaced };
}

const FOUND = [
  'DEAD_JOB left',
  'FORSAKEN_LAYER left',
  'LOST_OBJECT left',
  'LOST_OBJECT left',
  'UNKNOWN_OBJECT left',
  'UNKNOWN_OBJECT left',
  'UNKNOWN_UPLOAD left',
  'WRONG_QUOTA left',
  'WRONG_QUOTA left',
  'WRONG_QUOTA left',
];

describe('damage behind the back of the registry', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client, sql, behind } = registry;
  test('is none where there is none', async () => {
    await readyImages(registry, 1);
    expect(await reconcile(client, false)).toEqual([]);
    expect(await registry.settledFaults()).toEqual([]);
  });

  let done: ReturnType<typeof damage>;

  test('is told of, and nothing is changed', async () => {
    done = damage(registry);
    const { images, unknown } = await done;
    const rows = async () => ({
      layers: await sql('SELECT * FROM layers ORDER BY id'),
      images: await sql('SELECT * FROM images ORDER BY id'),
      quotas: await sql('SELECT * FROM quotas ORDER BY cloud_id, quota_id'),
      jobs: await sql("SELECT * FROM jobs WHERE state = 'DEAD'"),
    });
    await eventually('the digests', async () => {
      const [{ left } = { left: 1 }] = await sql<{ left: number }>(
        "SELECT count(*) AS left FROM jobs WHERE state <> 'DEAD'",
      );
      return left === 0;
    });
    const before = { rows: await rows(), keys: await objectKeys(behind.store, behind.bucket) };
    const items = await reconcile(client, false);
    expect(kinds(items)).toEqual(FOUND);
    expect({ rows: await rows(), keys: await objectKeys(behind.store, behind.bucket) }).toEqual(before);
    expect(before.keys).toEqual(expect.arrayContaining(unknown));
    expect(await statusOf(client, images[0]!)).toBe('READY');
    const quota = items.filter(({ finding }) => finding === 'WRONG_QUOTA');
    expect(quota.map(({ quotaId, usage, counted }) => [quotaId, Number(usage) - Number(counted)])).toEqual([
      ['compute.images.count', 3],
      ['compute.images.size', -1],
      ['compute.disks.count', 2],
    ]);
    expect(items.find(({ finding }) => finding === 'DEAD_JOB')).toMatchObject({ jobId: 'fd8dead' });
  });

  test('is told of by the clock once a day, and nothing is changed', async () => {
    const byClock = async () =>
      (
        await sql<{ dry_run: number; more: number; done: number }>(
          "SELECT dry_run, more, done FROM maintenance_runs WHERE duty = 'reconcile' AND started_by IS NULL",
        )
      ).map((run) => ({ ...run }));
    await registry.runScheduled();
    expect(await byClock()).toEqual([]);
    await sql("UPDATE duty_states SET updated_at = 0 WHERE duty = 'reconcile'");
    await registry.runScheduled();
    await registry.runScheduled();
    expect(await byClock()).toEqual([{ dry_run: 1, more: 0, done: FOUND.length }]);
    expect(kinds(await reconcile(client, false))).toEqual(FOUND);
  });

  test('is mended as far as that is safe', async () => {
    const { images, unknown, elsewhere, replaced } = await done;
    const safe = /^(LOST_OBJECT|UNKNOWN_OBJECT|UNKNOWN_UPLOAD|WRONG_QUOTA) left$/;
    const mended = FOUND.map((kind) => (safe.test(kind) ? kind.replace('left', 'mended') : kind));
    expect(kinds(await reconcile(client, true))).toEqual(mended);
    const keys = await objectKeys(behind.store, behind.bucket);
    for (const key of unknown) expect(keys).not.toContain(key);
    expect(keys).toContain(elsewhere);
    // What somebody put in the place of an object may be what is left of it.
    expect(keys).toContain(replaced);
    const statuses = await Promise.all(images.map((id) => statusOf(client, id)));
    expect(statuses).toEqual(['ERROR', 'ERROR', 'READY', 'READY', 'READY', 'READY']);
    expect(await quotaFaults(await registry.database())).toEqual([]);
    expect(kinds(await reconcile(client, true))).toEqual(['DEAD_JOB left', 'FORSAKEN_LAYER left']);
  });

  test('leaves a trace of what was mended', async () => {
    const { images } = await done;
    const events = await sql<{ actor: string; id: string; after: string }>(
      `SELECT actor_id AS actor, resource_id AS id, after FROM audit_events
        WHERE action = 'maintenance.reconcile' AND resource_kind = 'image' ORDER BY id`,
    );
    expect(events.map(({ actor, id }) => [actor, id]).sort()).toEqual(
      images
        .slice(0, 2)
        .map((id) => ['local-admin', id])
        .sort(),
    );
    expect(events.map(({ after }) => JSON.parse(after))).toEqual([{ status: 'ERROR' }, { status: 'ERROR' }]);
  });

  test('leaves an image that is lost to be deleted, and no source', async () => {
    const { images } = await done;
    const { status } = await client.call('POST', DISKS, {
      folderId: 'default',
      zoneId: 'ru-central1-a',
      size: String(2 ** 30),
      imageId: images[0],
    });
    expect(status).toBe(400);
    for (const id of images.slice(0, 2)) {
      accepted(await client.call('DELETE', `${IMAGES}/${id}?purge=true`));
    }
    expect(await quotaFaults(await registry.database())).toEqual([]);
  });
});

test('a use that is below what the rows come to is set past a limit that is lower still', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client, sql } = registry;
  await readyImages(registry, 2);
  await sql('UPDATE quotas SET usage = 0');
  await sql(`UPDATE quotas SET "limit" = 1 WHERE quota_id = 'compute.images.count'`);
  expect(kinds(await reconcile(client, true))).toEqual(['WRONG_QUOTA mended', 'WRONG_QUOTA mended']);
  expect(await sql(`SELECT "limit", usage FROM quotas WHERE quota_id = 'compute.images.count'`)).toEqual([
    { limit: 1, usage: 2 },
  ]);
  await sql(`DELETE FROM quotas WHERE quota_id = 'compute.images.count'`);
  expect(kinds(await reconcile(client, true))).toEqual(['WRONG_QUOTA mended']);
  expect(await quotaFaults(await registry.database())).toEqual([]);
});

test('what is young is left alone', async () => {
  const registry = await startBreakable();
  const { client, behind } = registry;
  await readyImages(registry, 1);
  const young = { Bucket: behind.bucket, Key: 'layers/fd800000000000000000' };
  await behind.store.send(new PutObjectCommand({ ...young, Body: 'x' }));
  await behind.store.send(new CreateMultipartUploadCommand(young));
  await client.create(smallDisk.length);
  expect(await reconcile(client, true)).toEqual([]);
  await behind.store.send(new HeadObjectCommand(young));
});

describe('a store and a database that do not belong together', () => {
  test('are not taken for a loss of everything', async () => {
    const registry = await startBreakable(SETTINGS);
    const { client, behind } = registry;
    const images = await readyImages(registry, 3);
    for (const Key of await objectKeys(behind.store, behind.bucket)) {
      await behind.store.send(new DeleteObjectCommand({ Bucket: behind.bucket, Key }));
    }
    expect(kinds(await reconcile(client, true))).toEqual(Array(3).fill('LOST_OBJECT left'));
    for (const id of images) expect(await statusOf(client, id)).toBe('READY');
  });

  test('do not have all objects deleted', async () => {
    const { client, behind } = await startBreakable(SETTINGS);
    const object = { Bucket: behind.bucket, Key: 'layers/fd8ofanotherregistry' };
    await behind.store.send(new PutObjectCommand({ ...object, Body: 'x' }));
    expect(kinds(await reconcile(client, true))).toEqual(['UNKNOWN_OBJECT left']);
    await behind.store.send(new HeadObjectCommand(object));
  });
});

test('a store that is out of reach is no loss', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client, proxy } = registry;
  const [image] = await readyImages(registry, 1);
  const outage = proxy.inject('deny');
  const { body } = await client.call<Run>('POST', `${RUNS}?apply=true`, { duty: 'reconcile' });
  expect([body.error, body.done, body.more]).toEqual([expect.stringMatching(/Object store/), 0, true]);
  outage.lift();
  expect(await reconcile(client, true)).toEqual([]);
  expect(await statusOf(client, image!)).toBe('READY');
});

test('two that mend at once do not do it twice', async () => {
  const registry = await startBreakable(SETTINGS);
  const { client, proxy } = registry;
  await damage(registry);
  const held = proxy.inject('hold', { operations: ['DeleteObject'], times: 1 });
  const first = client.call<Run>('POST', RUNS, { duty: 'reconcile', apply: true });
  await held.reached();
  const second = await client.call<Run>('POST', RUNS, { duty: 'reconcile', apply: true });
  expect(second.body).toMatchObject({ done: 0, error: expect.stringMatching(/at work/) });
  held.lift();
  expect((await first).body.done).toBe(FOUND.length);
  expect(kinds(await reconcile(client, true))).toEqual(['DEAD_JOB left', 'FORSAKEN_LAYER left']);
});

test('one that is killed half-way is gone on with', async () => {
  const store = await startBreakableStore();
  const state = newState();
  const made = await startOn(store, { state, env: SETTINGS });
  await damage(made);
  await made.own.stop();
  const { started, client } = await startKillable({ ...store.env, ...SETTINGS }, state);
  const held = store.proxy.inject('hold-answer', { operations: ['DeleteObject'], times: 1 });
  client.call('POST', `${RUNS}?apply=true`, { duty: 'reconcile' }).catch(() => 'killed');
  await held.reached();
  await killAll(started);
  store.proxy.lift();

  const registry = await startOn(store, { state, env: SETTINGS });
  // As if the two minutes were over for which the run that died has the duty.
  await registry.sql('UPDATE duty_states SET lease_until = 0 WHERE lease_until IS NOT NULL');
  await reconcile(registry.client, true);
  expect(kinds(await reconcile(registry.client, true))).toEqual(['DEAD_JOB left', 'FORSAKEN_LAYER left']);
  expect(await quotaFaults(await registry.database())).toEqual([]);
  await registry.own.stop();
});

test('the end of a copy that no job works for any more leaves nothing', async () => {
  const registry = await startBreakable({ BULLION_LAYER_GRACE_SECONDS: '0', BULLION_JOB_ATTEMPTS: '100' });
  const { client, sql, proxy } = registry;
  const [image] = await readyImages(registry, 1);
  const outage = proxy.inject('deny', { operations: ['CopyObject'] });
  const made = accepted(
    await client.call('POST', DISKS, {
      folderId: 'default',
      zoneId: 'ru-central1-a',
      size: String(2 ** 30),
      imageId: image,
    }),
  );
  await outage.reached();
  await eventually('the job to wait', async () => {
    const jobs = await sql<{ state: string }>("SELECT state FROM jobs WHERE kind = 'copy-layer'");
    return jobs[0]?.state === 'READY';
  });
  await sql("UPDATE jobs SET state = 'DEAD' WHERE kind = 'copy-layer'");
  await sql('UPDATE operations SET deadline_at = 1000 WHERE id = ?', made.id);
  outage.lift();
  const { body } = await client.call<Run>('POST', RUNS, { duty: 'end-overdue-operations' });
  expect(body).toMatchObject({ done: 1, more: false });
  expect((await client.operation(made.id)).error?.code).toBe(4);
  expect(await registry.settledFaults()).toEqual([]);
  expect(await sql("SELECT id FROM jobs WHERE kind = 'copy-layer'")).toEqual([]);
});
