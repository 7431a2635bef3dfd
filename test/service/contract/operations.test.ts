/** Operations: reading, listing and cancelling them, and how many may run. */
import { describe, expect, test } from 'vitest';
import { type Fields, IMAGES, imageIdOf, type Operation, type OperationList } from '../client.ts';
import { emptyDisk, sample } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from '../tenant.ts';

const { local } = await startOwn();
const { api, folderId, accountId } = await newTenant(local, { limits: AMPLE });
const bytes = await emptyDisk();
const create = (fields: Fields = {}) => api.create({ folderId, upload: { size: bytes.length }, ...fields });
const read = (id: string) => api.get<Operation>(`/operations/${id}`);

describe('an operation', () => {
  test('A115 reads as it was answered, with its caller and its times', async () => {
    const operation = await create();
    const found = await read(operation.id);
    expect(found).toEqual(operation);
    expect(found.createdBy).toBe(accountId);
    expect(Date.parse(found.modifiedAt)).toBeGreaterThanOrEqual(Date.parse(found.createdAt));
  });

  test('A116 is not found when it is unknown', async () => {
    expect(await api.refused('GET', '/operations/unknown')).toMatchObject({ status: 404, code: 5 });
  });

  test.each(['GET', 'POST'])('A118 is cancelled by %s and rolled back', async (method) => {
    const tenant = await newTenant(local);
    const operation = await tenant.api.create({
      folderId: tenant.folderId,
      name: 'c',
      upload: { size: 2 ** 30 },
    });
    const imageId = imageIdOf(operation);
    await tenant.api.sign(imageId, [1]);
    const answer = await tenant.api.call<Operation>(method, `/operations/${operation.id}:cancel`);
    expect(answer.id).toBe(operation.id);
    expect(await tenant.api.finished(operation)).toMatchObject({ done: true, error: { code: 1 } });
    expect(await tenant.api.refused('GET', `${IMAGES}/${imageId}`)).toMatchObject({ status: 404 });
    const use = await quotaUse(local, tenant.cloudId);
    expect([use['compute.images.count'], use['compute.images.size']]).toEqual([0, 0]);
    await tenant.api.create({ folderId: tenant.folderId, name: 'c', upload: { size: 1 } });
  });

  test('A119 that is done comes back unchanged when it is cancelled', async () => {
    const accepted = await api.finished(await api.push(bytes, { folderId }));
    const refused = await api.finished(await api.push(await sample('zeros.img'), { folderId }));
    for (const operation of [accepted, refused]) {
      for (const method of ['GET', 'POST']) {
        expect(await api.call(method, `/operations/${operation.id}:cancel`)).toEqual(operation);
        expect(await read(operation.id)).toEqual(operation);
      }
    }
  });

  test('A121 has an error or a response at its end, never both', async () => {
    const operations = await Promise.all([
      api.finished(await api.push(bytes, { folderId })),
      api.finished(await api.push(await sample('zeros.img'), { folderId })),
    ]);
    const ends = operations.map((operation) => ['error' in operation, 'response' in operation]);
    expect(ends).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  test('is waited for on request, until it is done or the time is over', async () => {
    const waiting = await create();
    expect(await read(`${waiting.id}?wait=0.05s`)).toEqual(waiting);
    const pushed = await api.push(bytes, { folderId });
    expect((await read(`${pushed.id}?wait=30s`)).done).toBe(true);
    for (const wait of ['30', 'long', '61s', '-1s', '']) {
      const refused = await api.refused('GET', `/operations/${waiting.id}?wait=${wait}`);
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['wait'] });
    }
  });

  test('says what it waits for', async () => {
    const operation = await create();
    expect(operation.metadata).toMatchObject({ stage: 'AWAITING_UPLOAD' });
    await api.call('POST', `${IMAGES}/${imageIdOf(operation)}:abortUpload`);
    expect((await read(operation.id)).metadata).not.toHaveProperty('stage');
  });
});

describe('a list of operations', () => {
  test('A120 of an image has the newest first, in pages', async () => {
    const created = await api.finished(await api.push(bytes, { folderId }));
    const id = imageIdOf(created);
    const path = `${IMAGES}/${id}/operations`;
    const update = await api.call<Operation>('PATCH', `${IMAGES}/${id}`, {
      updateMask: 'name',
      name: 'a120',
    });
    const bound = await api.call<Operation>('POST', `${IMAGES}/${id}:setAccessBindings`, {});
    const expected = [bound, update, created];
    expect((await api.get<OperationList>(path)).operations).toEqual(expected);
    const paged: Operation[] = [];
    for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
      const page: OperationList = await api.get(`${path}?pageSize=1&pageToken=${pageToken}`);
      expect(page.operations).toHaveLength(1);
      paged.push(...page.operations!);
      pageToken = page.nextPageToken;
    }
    expect(paged).toEqual(expected);
    for (const query of ['pageSize=1001', 'pageToken=garbage', `pageToken=${'t'.repeat(101)}`, 'filter=x']) {
      expect(await api.refused('GET', `${path}?${query}`)).toMatchObject({ status: 400, code: 3 });
    }
  });

  test('of an image that is gone is not found, but the folder still lists them', async () => {
    const tenant = await newTenant(local);
    const created = await tenant.api.finished(await tenant.api.push(bytes, { folderId: tenant.folderId }));
    const id = imageIdOf(created);
    const removed = await tenant.api.call<Operation>('DELETE', `${IMAGES}/${id}`);
    expect(await tenant.api.refused('GET', `${IMAGES}/${id}/operations`)).toMatchObject({ status: 404 });
    const list = await tenant.api.get<OperationList>(`/compute/v1/operations?folderId=${tenant.folderId}`);
    expect(list.operations).toEqual([removed, created]);
  });
});

describe('running operations', () => {
  const TOO_MANY = 'The limit on maximum number of active operations has exceeded';
  /** Makes running operations look as they do while their disks are judged. */
  const judging = async (operations: readonly Operation[]) => {
    const database = await local.database();
    await database
      .prepare(
        "UPDATE operations SET stage = 'INSPECTING' WHERE id IN (SELECT value FROM json_each(?)) AND done = 0",
      )
      .bind(JSON.stringify(operations.map(({ id }) => id)))
      .run();
  };

  test('A122 are up to 15 in a folder; those that wait for their bytes do not count', async () => {
    const tenant = await newTenant(local, { limits: AMPLE });
    const begin = () => tenant.api.create({ folderId: tenant.folderId, upload: { size: 1 } });
    const running: Operation[] = [];
    for (let count = 0; count < 16; count += 1) running.push(await begin());
    await judging(running.slice(0, 14));
    running.push(await begin());
    await judging(running.slice(14, 15));
    const body = { folderId: tenant.folderId, upload: { size: 1 } };
    const refused = await tenant.api.refused('POST', IMAGES, body);
    expect(refused).toMatchObject({ status: 429, code: 8, message: TOO_MANY });
    // Another folder of the same cloud has its own fifteen.
    await tenant.api.create({ ...body, folderId: tenant.otherFolderId });
    await tenant.api.call('POST', `/operations/${running[0]!.id}:cancel`);
    await begin();
  });
});
