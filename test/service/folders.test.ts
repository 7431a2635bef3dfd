/** Folders that are deleted with all that they hold: when, what is in the way, and how to call it off. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { folder } from '../../schema/wire/resource-manager/folder.ts';
import { Client, type Fields, IMAGES, imageIdOf, type Operation, TYPE } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from './tenant.ts';

type Folder = z.infer<typeof folder>;

const CLOUDS = '/resource-manager/v1/clouds';
const FOLDERS = '/resource-manager/v1/folders';
const ACCOUNTS = '/iam/v1/serviceAccounts';
const KEYS = '/iam/v1/apiKeys';
const DISKS = '/compute/v1/disks';
const SNAPSHOTS = '/compute/v1/snapshots';
const FEDERATIONS = '/iam/v1/workload/oidc/federations';
const DAY_MS = 86_400_000;
const EMPTY_DISK = { zoneId: 'ru-central1-a', size: String(64 * 2 ** 20) };
const FEDERATION = {
  audiences: ['bullion'],
  issuer: 'https://issuer.example.com',
  jwksUrl: 'https://issuer.example.com/keys',
};

const own = await startOwn({ env: { BULLION_LAYER_GRACE_SECONDS: '0' }, sweepSeconds: 3_600 });
const { local } = own;
const tenant = await newTenant(local, { role: 'resource-manager.clouds.owner', limits: AMPLE });
const { api, cloudId } = tenant;
const bytes = await emptyDisk();

let count = 0;
const newName = () => `folder-${++count}`;
const made = async <T>(path: string, fields: Fields): Promise<T> =>
  (await api.call<Operation>('POST', path, { name: newName(), ...fields })).response as T;
const newFolder = () => made<Folder>(FOLDERS, { cloudId });
const newAccount = (folderId: string) => made<{ id: string }>(ACCOUNTS, { folderId });
const folderOf = (id: string) => api.get<Folder>(`${FOLDERS}/${id}`);
const statusOf = async (id: string) => (await folderOf(id)).status;
const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();

const remove = (id: string, deleteAfter?: string) =>
  api.call<Operation>(
    'DELETE',
    `${FOLDERS}/${id}${deleteAfter === undefined ? '' : `?deleteAfter=${deleteAfter}`}`,
  );

/** The operation at its end, with the scheduled functions running meanwhile. */
const ended = ({ id }: Operation) =>
  eventually(`the end of operation ${id}`, async () => {
    await local.runScheduled();
    const operation = await api.get<Operation>(`/operations/${id}`);
    return operation.done && operation;
  });

/** That nothing is left of a folder: for the tenant it is as if it had never been. */
async function expectGone(id: string): Promise<void> {
  expect(await api.refused('GET', `${FOLDERS}/${id}`)).toMatchObject({ status: 403 });
  const database = await local.database();
  const tables = ['images', 'disks', 'snapshots', 'federations', 'service_accounts'];
  for (const table of tables) {
    const rows = await database.prepare(`SELECT id FROM ${table} WHERE folder_id = ?`).bind(id).all();
    expect(rows.results, table).toEqual([]);
  }
  const bindings = await database
    .prepare('SELECT role_id FROM access_bindings WHERE resource_id = ?')
    .bind(id)
    .all();
  expect(bindings.results).toEqual([]);
}

describe('a folder that holds nothing', () => {
  test.each([
    ['without a time', undefined],
    ['with one that has passed', '2020-01-01T00:00:00Z'],
  ])('goes at once %s', async (_, deleteAfter) => {
    const { id, status } = await newFolder();
    expect(status).toBe('ACTIVE');
    expect(await remove(id, deleteAfter)).toMatchObject({
      done: true,
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    await expectGone(id);
  });

  test('waits for a time ahead', async () => {
    const { id } = await newFolder();
    const deleteAfter = fromNow(DAY_MS);
    expect(await remove(id, deleteAfter)).toMatchObject({
      done: false,
      metadata: {
        '@type': `${TYPE}yandex.cloud.resourcemanager.v1.DeleteFolderMetadata`,
        folderId: id,
        deleteAfter,
      },
    });
    await local.runScheduled();
    expect(await statusOf(id)).toBe('PENDING_DELETION');
  });
});

describe('a folder that holds something', () => {
  test('waits for a day, and says so in lists and by its entity tag', async () => {
    const { id, name } = await newFolder();
    await newAccount(id);
    const tag = (await api.send('GET', `${FOLDERS}/${id}`)).headers.get('ETag')!;
    const { metadata } = await remove(id);
    const waitMs = Date.parse(metadata.deleteAfter as string) - Date.now();
    expect(Math.abs(waitMs - DAY_MS)).toBeLessThan(60_000);
    const { folders } = await api.get<{ folders: Folder[] }>(
      `${FOLDERS}?cloudId=${cloudId}&filter=${encodeURIComponent(`name="${name}"`)}`,
    );
    expect(folders).toMatchObject([{ id, status: 'PENDING_DELETION' }]);
    const headers = { 'If-None-Match': tag };
    expect((await api.send('GET', `${FOLDERS}/${id}`, undefined, { headers })).status).toBe(200);
  });

  test('goes with all that is in it, in every state, when its time has come', async () => {
    const elsewhere = await newFolder();
    const before = await quotaUse(local, cloudId);
    const { id } = await newFolder();
    const image = await api.ready(bytes, { folderId: id });
    const uploading = await api.create({ folderId: id, upload: { size: bytes.length } });
    await api.sign(imageIdOf(uploading), [1]);
    const judged = await api.push(bytes, { folderId: id });
    const disks: Operation[] = [];
    for (const fields of [{}, { imageId: image.id }, { imageId: image.id }]) {
      disks.push(await api.call('POST', DISKS, { ...EMPTY_DISK, folderId: id, ...fields }));
    }
    const [diskId] = disks.map(({ metadata }) => metadata.diskId);
    await api.call('POST', SNAPSHOTS, { folderId: id, diskId });
    const outside = await api.call<Operation>('POST', DISKS, {
      ...EMPTY_DISK,
      folderId: elsewhere.id,
      imageId: image.id,
    });
    const account = await newAccount(id);
    const key = await api.call<{ secret: string }>('POST', KEYS, { serviceAccountId: account.id });
    await api.call('POST', '/iam/v1/keys', { serviceAccountId: account.id });
    const federation = await made<{ id: string }>(FEDERATIONS, { ...FEDERATION, folderId: id });
    const other = await newAccount(elsewhere.id);
    await api.call('POST', '/iam/v1/workload/federatedCredentials', {
      serviceAccountId: other.id,
      federationId: federation.id,
      externalSubjectId: 'repo:acme',
    });
    const binding = { roleId: 'viewer', subject: { id: account.id, type: 'serviceAccount' } };
    await api.call('POST', `${FOLDERS}/${id}:setAccessBindings`, { accessBindings: [binding] });

    const operation = await remove(id, fromNow(500));
    expect(operation.done).toBe(false);
    expect(await statusOf(id)).toBe('PENDING_DELETION');
    expect((await api.image(image.id)).status).toBe('READY');
    expect(await ended(operation)).toMatchObject({
      id: operation.id,
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    await expectGone(id);
    expect((await api.refused('GET', `${IMAGES}/${image.id}`)).status).toBe(404);
    expect(await api.get(`/operations/${uploading.id}`)).toMatchObject({ done: true, error: { code: 1 } });
    for (const { id: operationId } of [judged, ...disks]) {
      expect((await api.get<Operation>(`/operations/${operationId}`)).done).toBe(true);
    }
    // What was copied from it to somewhere else is whole, and goes by itself.
    expect((await ended(outside)).error).toBeUndefined();
    await api.call('DELETE', `${DISKS}/${outside.metadata.diskId}`);
    expect(await quotaUse(local, cloudId)).toEqual(before);
    await new Client(local.url, key.secret)
      .refused('GET', KEYS)
      .then(({ status }) => expect(status).toBe(401));
  });

  test('goes at once with a time that has passed', async () => {
    const { id } = await newFolder();
    await newAccount(id);
    const operation = await remove(id, '2020-01-01T00:00:00Z');
    expect(operation.done).toBe(false);
    expect((await ended(operation)).error).toBeUndefined();
    await expectGone(id);
  });

  test('is deleted by one operation, whatever is asked for twice', async () => {
    const { id } = await newFolder();
    await newAccount(id);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => api.send<Operation>('DELETE', `${FOLDERS}/${id}`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
    const operation = answers.find(({ status }) => status === 200)!.body;
    const again = await api.refused('DELETE', `${FOLDERS}/${id}`);
    expect(again).toMatchObject({
      code: 9,
      message: `Folder "${id}" is being deleted; cancel the operation ${operation.id} to keep it`,
    });
  });

  test('takes nothing new while it waits', async () => {
    const { id } = await newFolder();
    await newAccount(id);
    const image = await api.ready(bytes, { folderId: tenant.folderId });
    const disk = await api.call<Operation>('POST', DISKS, { ...EMPTY_DISK, folderId: tenant.folderId });
    const diskId = disk.metadata.diskId as string;
    await remove(id);
    const creations: [string, Fields][] = [
      [IMAGES, { upload: { size: 1 } }],
      [IMAGES, { imageId: image.id }],
      [DISKS, EMPTY_DISK],
      [DISKS, { ...EMPTY_DISK, imageId: image.id }],
      [SNAPSHOTS, { diskId }],
      [FEDERATIONS, FEDERATION],
      [ACCOUNTS, {}],
    ];
    for (const [path, fields] of creations) {
      const refused = await api.refused('POST', path, { folderId: id, name: newName(), ...fields });
      expect([refused.status, refused.code, refused.message], path).toEqual([
        400,
        9,
        expect.stringContaining(`Folder "${id}" is being deleted`),
      ]);
    }
    const moved = await api.refused('POST', `${DISKS}/${diskId}:move`, { destinationFolderId: id });
    expect([moved.code, moved.message]).toEqual([9, expect.stringContaining('is being deleted')]);
    await api.call('DELETE', `${DISKS}/${diskId}`);
  });
});

describe('a deletion that waits', () => {
  test.each(['GET', 'POST'])('is called off by %s, and the folder is as it was', async (method) => {
    const { id } = await newFolder();
    await newAccount(id);
    const operation = await remove(id);
    const cancelled = await api.call<Operation>(method, `/operations/${operation.id}:cancel`);
    expect(cancelled).toMatchObject({
      done: true,
      error: { code: 1, message: `The deletion of folder "${id}" was cancelled` },
      metadata: {
        folderId: id,
        deleteAfter: operation.metadata.deleteAfter,
        cancelledBy: tenant.accountId,
        cancelledAt: expect.stringMatching(/Z$/),
      },
    });
    expect(await statusOf(id)).toBe('ACTIVE');
    await newAccount(id);
    expect(await api.call(method, `/operations/${operation.id}:cancel`)).toEqual(cancelled);
    await local.runScheduled();
    expect(await statusOf(id)).toBe('ACTIVE');
  });

  test('is called off only by who could have begun it', async () => {
    const { id } = await newFolder();
    const account = await newAccount(id);
    const { secret } = await api.call<{ secret: string }>('POST', KEYS, { serviceAccountId: account.id });
    const guest = new Client(local.url, secret);
    const operation = await remove(id);
    expect((await guest.refused('POST', `/operations/${operation.id}:cancel`)).status).toBe(404);
    const binding = { roleId: 'viewer', subject: { id: account.id, type: 'serviceAccount' } };
    await api.call('POST', `${FOLDERS}/${id}:setAccessBindings`, { accessBindings: [binding] });
    expect((await guest.refused('POST', `/operations/${operation.id}:cancel`)).status).toBe(403);
    expect(await statusOf(id)).toBe('PENDING_DELETION');
  });

  test('is called off whole or not at all when its time has just come', async () => {
    const { id } = await newFolder();
    await newAccount(id);
    const operation = await remove(id, fromNow(300));
    const ending = ended(operation);
    await Promise.all([ending, api.call('POST', `/operations/${operation.id}:cancel`)]);
    const { error } = await ending;
    if (error === undefined) await expectGone(id);
    else expect([error.code, await statusOf(id)]).toEqual([1, 'ACTIVE']);
  });
});

describe('a time for the deletion', () => {
  test.each([
    ['more than a year ahead', fromNow(367 * DAY_MS)],
    ['that is none', 'tomorrow'],
  ])('%s is refused', async (_, deleteAfter) => {
    const { id } = await newFolder();
    const refused = await api.refused('DELETE', `${FOLDERS}/${id}?deleteAfter=${deleteAfter}`);
    expect([refused.status, refused.fields]).toEqual([400, ['delete_after']]);
    expect(await statusOf(id)).toBe('ACTIVE');
  });
});

describe('the owners of a cloud', () => {
  const OWNER = 'resource-manager.clouds.owner';
  const path = `${CLOUDS}/${cloudId}:updateAccessBindings`;
  const change = (action: 'ADD' | 'REMOVE', id: string) =>
    api.call('POST', path, {
      accessBindingDeltas: [
        { action, accessBinding: { roleId: OWNER, subject: { id, type: 'serviceAccount' } } },
      ],
    });

  test('do not go with a folder that holds them all', async () => {
    const refused = await api.refused('DELETE', `${FOLDERS}/${tenant.folderId}`);
    expect(refused).toMatchObject({
      status: 400,
      code: 9,
      message: `Service account "${tenant.accountId}" is the last ${OWNER} of cloud ${cloudId}; name another one first`,
    });
    const heir = await newAccount(tenant.folderId);
    await change('ADD', heir.id);
    expect((await api.refused('DELETE', `${FOLDERS}/${tenant.folderId}`)).code).toBe(9);
    await change('REMOVE', heir.id);
  });

  test('stop a deletion that waited until they were the last', async () => {
    const heirs = await newFolder();
    const heir = await newAccount(heirs.id);
    const { secret } = await api.call<{ secret: string }>('POST', KEYS, { serviceAccountId: heir.id });
    await change('ADD', heir.id);
    const operation = await remove(heirs.id, fromNow(300));
    await change('REMOVE', tenant.accountId);
    const owner = new Client(local.url, secret);
    const stopped = await eventually('the end of the deletion', async () => {
      await local.runScheduled();
      const found = await owner.get<Operation>(`/operations/${operation.id}`);
      return found.done && found;
    });
    expect(stopped.error).toMatchObject({
      code: 9,
      message: expect.stringContaining('name another one first'),
    });
    expect((await owner.get<Folder>(`${FOLDERS}/${heirs.id}`)).status).toBe('ACTIVE');
  });
});
