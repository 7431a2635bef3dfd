/** Creations that name a layer, at the same time as everything that names it is deleted. */
import { expect, test } from 'vitest';
import { startBreakable } from './setup/behind-proxy.ts';
import { type Answer, accepted, IMAGES, type Operation, smallDisk } from './setup/client.ts';

const DISKS = '/compute/v1/disks';
const ROUNDS = 12;
const NOT_FOUND = 404;
const OK = 200;

const registry = await startBreakable({
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_MAX_ACTIVE_OPERATIONS: '1000',
});
const { client, sql } = registry;
for (const quotaId of ['compute.images.count', 'compute.diskPools.count', 'compute.disks.count']) {
  await sql(
    `INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES ('local', ?, 100000, 0)
      ON CONFLICT DO UPDATE SET "limit" = 100000`,
    quotaId,
  );
}

const imageOf = (imageId: string, more: object = {}) =>
  client.call('POST', IMAGES, { folderId: 'default', imageId, ...more });
const diskOf = (imageId: string) =>
  client.call('POST', DISKS, {
    folderId: 'default',
    zoneId: 'ru-central1-a',
    size: String(1024 ** 3),
    imageId,
  });
const remove = (path: string) => client.call('DELETE', path);
const ids = async (table: string) =>
  (await sql<{ id: string }>(`SELECT id FROM ${table}`)).map(({ id }) => id);

/** The bytes of an image, read to the end. */
async function lengthOf(imageId: string): Promise<number> {
  const path = `${IMAGES}/${imageId}:download`;
  const { url } = accepted(
    await client.call<{ url: string }>('GET', path, undefined, { Accept: 'application/json' }),
  );
  const answer = await fetch(url);
  expect(answer.status).toBe(OK);
  return (await answer.arrayBuffer()).byteLength;
}

/** Each was done, or came too late and was told that its source is gone. */
function expectDoneOrLate(answers: readonly Answer<Operation>[]): void {
  for (const { status, body } of answers) {
    expect([OK, NOT_FOUND], JSON.stringify(body)).toContain(status);
  }
}

test('an image that a disk is being copied from is kept until that is done', async () => {
  const { id, metadata } = await client.push(smallDisk);
  expect((await registry.ended(id)).response?.status).toBe('READY');
  const { imageId } = metadata;
  const fault = registry.proxy.inject('hold', { operations: ['CopyObject'] });
  const copying = accepted(await diskOf(imageId));
  const { diskId } = copying.metadata as unknown as { diskId: string };
  const early = await client.call<{ code: number; message: string }>('DELETE', `${IMAGES}/${imageId}`);
  expect(early.status).toBe(400);
  expect(early.body).toMatchObject({ code: 9, message: expect.stringContaining(`disk "${diskId}"`) });
  fault.lift();
  expect((await registry.ended(copying.id)).response?.status).toBe('READY');
  accepted(await remove(`${IMAGES}/${imageId}`));
  expect(await registry.settledFaults()).toEqual([]);
  accepted(await remove(`${DISKS}/${diskId}`));
  await registry.runScheduled();
  expect(await registry.settledFaults()).toEqual([]);
});

test('a layer that is named is never lost, and one that is not is', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { id, metadata } = await client.push(smallDisk, { pooled: true });
    expect((await registry.ended(id)).response?.status).toBe('READY');
    const { imageId } = metadata;
    const second = accepted(await imageOf(imageId, { pooled: true })).metadata.imageId;
    // The order of these is of no consequence to the registry, so it is another one in each round.
    const acts: (() => Promise<Answer<Operation> | undefined>)[] = [
      () => imageOf(imageId),
      () => imageOf(second),
      () => diskOf(imageId),
      () => imageOf(imageId, { pooled: true }),
      () => remove(`${IMAGES}/${imageId}`),
      () => remove(`${IMAGES}/${second}`),
      () => diskOf(second),
      () => registry.runScheduled().then(() => undefined),
      () => imageOf(second),
      () => registry.runScheduled().then(() => undefined),
    ];
    const shift = round % acts.length;
    const answers = await Promise.all([...acts.slice(shift), ...acts.slice(0, shift)].map((act) => act()));
    expectDoneOrLate(answers.filter((answer) => answer !== undefined));
    expect(await registry.settledFaults()).toEqual([]);
    for (const image of await ids('images')) expect(await lengthOf(image)).toBe(smallDisk.length);

    // What came through goes again, all at once, while somebody still wants images of it.
    const [images, disks] = [await ids('images'), await ids('disks')];
    const wanted = images.map((image) => imageOf(image));
    const gone = [
      ...images.map((image) => remove(`${IMAGES}/${image}`)),
      ...disks.map((disk) => remove(`${DISKS}/${disk}`)),
    ];
    expectDoneOrLate(await Promise.all([...wanted, ...gone]));
    expect(await registry.settledFaults()).toEqual([]);
    for (const image of await ids('images')) {
      expect(await lengthOf(image)).toBe(smallDisk.length);
      accepted(await remove(`${IMAGES}/${image}`));
    }
    await registry.runScheduled();
    expect(await registry.settledFaults()).toEqual([]);
    expect(await ids('layers')).toEqual([]);
  }
});
