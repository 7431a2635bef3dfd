/** The same thing asked for many times at once. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { objectKeys, quotaFaults } from './invariants.ts';
import { startBreakable } from './setup/behind-proxy.ts';
import { type Answer, accepted, disk, IMAGES, type Operation, smallDisk } from './setup/client.ts';

const registry = await startBreakable({
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_MAX_ACTIVE_OPERATIONS: '1000',
});
const { client, proxy, sql } = registry;

const statuses = (answers: readonly Answer<unknown>[]) => answers.map(({ status }) => status).toSorted();
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

async function setLimit(quotaId: string, limit: number): Promise<void> {
  await sql('UPDATE quotas SET "limit" = ? WHERE quota_id = ?', limit, quotaId);
}

async function deleteAll(): Promise<void> {
  const images = await sql<{ id: string }>('SELECT id FROM images');
  await Promise.all(images.map(async ({ id }) => accepted(await client.call('DELETE', `${IMAGES}/${id}`))));
}

describe('two that complete one upload at once', () => {
  test('twenty times: one object, one verdict, one operation for both', async () => {
    for (const _ of times(20, Number)) {
      const { id, metadata } = await client.upload(smallDisk);
      const answers = await Promise.all([
        client.complete(metadata.imageId),
        client.complete(metadata.imageId),
      ]);
      expect(answers.map(({ status, body }) => [status, body.id])).toEqual([
        [200, id],
        [200, id],
      ]);
      expect((await client.ended(id)).response?.status).toBe('READY');
    }
    expect(await registry.settledFaults()).toEqual([]);
    expect(await objectKeys(registry.behind.store, registry.behind.bucket)).toHaveLength(20);
    const verdicts = () =>
      registry.own.logLines.filter((line) =>
        /"event":"job".*"kind":"judge-upload".*"outcome":"done"/.test(line),
      );
    await eventually('the lines of twenty jobs', () => verdicts().length >= 20);
    expect(verdicts()).toHaveLength(20);
  });

  test.each(['one', 'two'] as const)('of which %s asks the store late', async (late) => {
    const operation = await client.upload(disk);
    const { imageId } = operation.metadata;
    const fault = proxy.inject('hold', { operations: ['ListParts'], times: late === 'one' ? 1 : 2 });
    const first = client.complete(imageId);
    await fault.reached(1);
    const second = client.complete(imageId);
    if (late === 'two') await fault.reached(2);
    else {
      accepted(await second);
      await client.ended(operation.id);
    }
    fault.lift();
    for (const answer of await Promise.all([first, second])) {
      expect([answer.status, answer.body.id]).toEqual([200, operation.id]);
    }
    expect((await client.ended(operation.id)).response?.status).toBe('READY');
    expect(await registry.settledFaults()).toEqual([]);
  });
});

describe('the last slot of a quota', () => {
  // The row of a quota is there once something counts for it.
  const ROW = 'INSERT OR IGNORE INTO quotas (cloud_id, quota_id, "limit", usage) VALUES (\'local\', ?, 0, 0)';
  const quotas = [
    { quotaId: 'compute.images.count', slots: 1, body: {} },
    { quotaId: 'compute.images.size', slots: smallDisk.length, body: {} },
    { quotaId: 'compute.diskPools.count', slots: 1, body: { pooled: true } },
  ];
  test.each(quotas)('of $quotaId goes to one of two, twenty times', async ({ quotaId, slots, body }) => {
    await deleteAll();
    await sql(ROW, quotaId);
    for (const round of times(20, Number)) {
      await setLimit(quotaId, slots * (round + 1));
      const answers = await Promise.all(times(2, () => client.create(smallDisk.length, body)));
      expect(statuses(answers)).toEqual([200, 429]);
      const refused = answers.find(({ status }) => status === 429);
      expect(JSON.stringify(refused?.body)).toContain(`"name":"${quotaId}","limit":"${slots * (round + 1)}"`);
      expect(await quotaFaults(await registry.database())).toEqual([]);
    }
    await setLimit(quotaId, 2 ** 40);
    await deleteAll();
    expect(await registry.settledFaults()).toEqual([]);
  });

  test.each(quotas)('of $quotaId and the nine before it: fifty at once make ten', async (one) => {
    const { quotaId, slots, body } = one;
    await deleteAll();
    await sql(ROW, quotaId);
    await setLimit(quotaId, slots * 10);
    const answers = await Promise.all(times(50, () => client.create(smallDisk.length, body)));
    expect(statuses(answers)).toEqual([...times(10, () => 200), ...times(40, () => 429)]);
    const refused = answers.filter(({ status }) => status === 429);
    for (const answer of refused) expect(JSON.stringify(answer.body)).toContain(`"name":"${quotaId}"`);
    expect(await sql('SELECT usage FROM quotas WHERE quota_id = ?', quotaId)).toEqual([
      { usage: slots * 10 },
    ]);
    expect(await quotaFaults(await registry.database())).toEqual([]);
    await setLimit(quotaId, 2 ** 40);
    await deleteAll();
    expect(await registry.settledFaults()).toEqual([]);
  });
});

test('one name that ten want at once goes to one of them', async () => {
  const answers = await Promise.all(times(10, () => client.create(smallDisk.length, { name: 'wanted' })));
  expect(statuses(answers)).toEqual([200, ...times(9, () => 409)]);
  await deleteAll();
});

describe('an Idempotency-Key', () => {
  const create = (key: string, body: Record<string, unknown> = {}) =>
    client.call<Operation>(
      'POST',
      IMAGES,
      { folderId: 'default', upload: { size: '1024' }, ...body },
      { 'Idempotency-Key': key },
    );

  test('that ten use at once makes one image and one operation', async () => {
    const key = randomUUID();
    const answers = await Promise.all(times(10, () => create(key)));
    const ids = new Set(answers.map((answer) => accepted(answer).id));
    expect(ids.size).toBe(1);
    expect(await sql('SELECT id FROM images')).toHaveLength(1);
    expect(await quotaFaults(await registry.database())).toEqual([]);
    await deleteAll();
  });

  test('with another body is refused, naming the first operation, also at once', async () => {
    const key = randomUUID();
    const first = accepted(await create(key));
    const again = await create(key, { name: 'another' });
    expect(again.status).toBe(409);
    expect(JSON.stringify(again.body)).toContain(first.id);

    const other = randomUUID();
    const answers = await Promise.all([create(other, { name: 'left' }), create(other, { name: 'right' })]);
    expect(statuses(answers)).toEqual([200, 409]);
    await deleteAll();
  });

  test('is remembered for a day, also when its image is gone, and then forgotten', async () => {
    const key = randomUUID();
    const first = accepted(await create(key));
    await deleteAll();
    await sql('UPDATE idempotency_keys SET created_at = created_at - ?', 86_400_000 - 60_000);
    await registry.runScheduled();
    expect(accepted(await create(key)).id).toBe(first.id);
    await sql('UPDATE idempotency_keys SET created_at = created_at - ?', 60_000);
    await registry.runScheduled();
    expect(accepted(await create(key)).id).not.toBe(first.id);
    await deleteAll();
    expect(await registry.settledFaults()).toEqual([]);
  });
});
