/** Clouds, folders, service accounts, keys and roles: made, read, changed and deleted by their own API. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  ACCOUNTS,
  type ApiKey,
  bindingsOf,
  CLOUDS,
  type Cloud,
  done,
  FOLDERS,
  type Folder,
  grant,
  KEYS,
  newAccount,
  newCloud,
  newFolder,
  newKey,
  newName,
  newPerson,
  nobody,
  ORGANIZATION,
  operator,
  revoke,
  type ServiceAccount,
  toAccount,
} from './api-tenant.ts';
import { Client, IMAGES, imageIdOf, type Operation, type OperationList, TYPE } from './client.ts';
import { eventually } from './setup/eventually.ts';
import { registry } from './setup/registry.ts';

const cloud = await newCloud();
const folder = await newFolder(cloud.id);
/** Of another cloud, with no right in this one. */
const stranger = await newPerson((await newFolder((await newCloud()).id)).id);

/** How a kind of resource that holds others is made and read. */
const kinds = [
  {
    kind: 'Cloud',
    path: CLOUDS,
    list: 'clouds',
    parent: { organizationId: ORGANIZATION },
    query: `organizationId=${ORGANIZATION}`,
    id: 'cloudId',
    types: 'yandex.cloud.resourcemanager.v1',
    hidden: { status: 404, code: 5, message: (id: string) => `Cloud "${id}" not found` },
    emptyName: true,
  },
  {
    kind: 'Folder',
    path: FOLDERS,
    list: 'folders',
    parent: { cloudId: cloud.id },
    query: `cloudId=${cloud.id}`,
    id: 'folderId',
    types: 'yandex.cloud.resourcemanager.v1',
    hidden: { status: 403, code: 7, message: (id: string) => `Permission denied to folder ${id}` },
    emptyName: true,
  },
  {
    kind: 'ServiceAccount',
    path: ACCOUNTS,
    list: 'serviceAccounts',
    parent: { folderId: folder.id },
    query: `folderId=${folder.id}`,
    id: 'serviceAccountId',
    types: 'yandex.cloud.iam.v1',
    hidden: { status: 404, code: 5, message: (id: string) => `Service account "${id}" not found` },
    emptyName: false,
  },
] as const;

type Container = Cloud & Folder & ServiceAccount;

test('a tenant is made entirely through the API', async () => {
  const owned = await newCloud({ description: 'a tenant' });
  expect(await bindingsOf(`${CLOUDS}/${owned.id}`)).toEqual([
    { roleId: 'resource-manager.clouds.owner', subject: toAccount('local-admin') },
  ]);
  const home = await newFolder(owned.id);
  const pusher = await newPerson(home.id);
  await pusher.api.refused('POST', IMAGES, { folderId: home.id, upload: { size: 1 } });
  await grant(`${FOLDERS}/${home.id}`, 'compute.editor', toAccount(pusher.id));
  const created = await pusher.api.create({ folderId: home.id, upload: { size: 1 } });
  expect(created.createdBy).toBe(pusher.id);
  expect((await pusher.api.images(home.id)).map(({ id }) => id)).toEqual([imageIdOf(created)]);
});

describe.each(kinds)('$kind', ({ kind, path, list, parent, query, id, types, hidden, emptyName }) => {
  const create = (fields: object, headers = {}) =>
    operator.call<Operation>('POST', path, { ...parent, name: newName(), ...fields }, { headers });
  const make = (fields: object = {}) => done<Container>(create(fields));
  const change = (of: string, body: object) => done<Container>(operator.call('PATCH', `${path}/${of}`, body));

  test('is created, read and deleted, each under its own types', async () => {
    const name = newName();
    const created = await create({ name, description: 'd', labels: { a: 'b' } });
    const made = created.response as unknown as Container;
    expect(created).toMatchObject({
      done: true,
      createdBy: 'local-admin',
      metadata: { '@type': `${TYPE}${types}.Create${kind}Metadata`, [id]: made.id },
      response: { '@type': `${TYPE}${types}.${kind}`, ...parent, name, description: 'd', labels: { a: 'b' } },
    });
    const { '@type': _, ...shape } = created.response!;
    expect(await operator.get(`${path}/${made.id}`)).toEqual(shape);
    const deleted = await operator.call<Operation>('DELETE', `${path}/${made.id}`);
    expect(deleted).toMatchObject({
      metadata: { '@type': `${TYPE}${types}.Delete${kind}Metadata`, [id]: made.id },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    expect(await operator.refused('GET', `${path}/${made.id}`)).toMatchObject({
      status: hidden.status,
      message: hidden.message(made.id),
    });
    expect(await operator.get<Operation>(`/operations/${created.id}`)).toEqual(created);
  });

  test('is hidden from strangers with the words for what does not exist', async () => {
    const { id: existing } = await make();
    for (const of of [existing, 'b1g00000000000000000']) {
      for (const [method, suffix, body] of [
        ['GET', '', undefined],
        ['PATCH', '', { description: 'x' }],
        ['DELETE', '', undefined],
        ['GET', '/operations', undefined],
        ['GET', ':listAccessBindings', undefined],
        ['POST', ':setAccessBindings', {}],
      ] as const) {
        const refusal = await stranger.api.refused(method, `${path}/${of}${suffix}`, body);
        expect(refusal, `${method} ${suffix}`).toMatchObject({
          status: hidden.status,
          code: hidden.code,
          message: hidden.message(of),
        });
      }
    }
    expect(await nobody.refused('GET', `${path}/${existing}`)).toMatchObject({ status: 401, code: 16 });
  });

  test('is updated by the fields of the mask, or all without one', async () => {
    const { id: of, name } = await make({ description: 'd', labels: { a: 'b' } });
    expect(await change(of, { updateMask: 'labels', labels: { c: 'd' } })).toMatchObject({
      name,
      description: 'd',
      labels: { c: 'd' },
    });
    const renamed = newName();
    const cleared = await change(of, { name: renamed });
    expect([cleared.name, cleared.description, cleared.labels]).toEqual([renamed, undefined, undefined]);
    expect((await change(of, { updateMask: 'name,description', description: 'e' })).name).toBe(renamed);
    const unknown = await operator.refused('PATCH', `${path}/${of}`, { updateMask: 'name,createdAt' });
    expect([unknown.status, unknown.fields]).toEqual([400, ['update_mask']]);
    if (emptyName) expect((await change(of, { name: '' })).name).toBe(renamed);
    else {
      expect(await operator.refused('PATCH', `${path}/${of}`, { name: '' })).toMatchObject({
        status: 400,
        message: 'Request validation error: Name: invalid resource name',
      });
    }
    const updates = await operator.get<OperationList>(`${path}/${of}/operations?pageSize=1`);
    expect(updates.operations).toMatchObject([
      { metadata: { '@type': `${TYPE}${types}.Update${kind}Metadata`, [id]: of } },
    ]);
    const rest = await operator.get<OperationList>(
      `${path}/${of}/operations?pageToken=${updates.nextPageToken}`,
    );
    expect(rest.operations?.at(-1)?.metadata['@type']).toBe(`${TYPE}${types}.Create${kind}Metadata`);
  });

  test('has an entity tag of its content, which guards update and delete', async () => {
    const { id: of } = await make({ description: 'first' });
    const tagOf = async () => (await operator.send('GET', `${path}/${of}`)).headers.get('ETag')!;
    const first = await tagOf();
    const known = await operator.send('GET', `${path}/${of}`, undefined, {
      headers: { 'If-None-Match': first },
    });
    expect(known.status).toBe(304);
    await change(of, { updateMask: 'description', description: 'second' });
    expect(await tagOf()).not.toBe(first);
    const headers = { 'If-Match': first };
    for (const [method, body] of [
      ['PATCH', { description: 'x' }],
      ['DELETE', undefined],
    ] as const) {
      expect((await operator.refused(method, `${path}/${of}`, body, { headers })).status).toBe(412);
    }
    await operator.call('DELETE', `${path}/${of}`, undefined, { headers: { 'If-Match': await tagOf() } });
  });

  test('is listed page by page and by name', async () => {
    const made = [await make(), await make(), await make()];
    const page = (more: string) =>
      operator.get<Record<string, Container[]> & { nextPageToken?: string }>(`${path}?${query}&${more}`);
    const named = await page(`filter=${encodeURIComponent(`name="${made[1]!.name}"`)}`);
    expect(named[list]).toEqual([made[1]]);
    const ids: string[] = [];
    let token = '';
    do {
      const { [list]: rows = [], nextPageToken } = await page(`pageSize=2&pageToken=${token}`);
      expect(rows.length).toBeLessThanOrEqual(2);
      ids.push(...rows.map((row) => row.id));
      token = nextPageToken ?? '';
    } while (token !== '');
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids).toEqual(expect.arrayContaining(made.map((row) => row.id)));
    const other = await operator.refused('GET', `${path}?${query}&filter=labels.a="b"`);
    expect(other.fields).toEqual(['filter']);
  });

  test('may be asked for twice under one Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const name = newName();
    const first = await create({ name }, headers);
    expect(await create({ name }, headers)).toEqual(first);
    const other = await operator.refused('POST', path, { ...parent, name: newName() }, { headers });
    expect(other).toMatchObject({ status: 409, code: 6, message: expect.stringContaining(first.id) });
    const of = (first.response as unknown as Container).id;
    const deletion = { headers: { 'Idempotency-Key': randomUUID() } };
    const deleted = await operator.call('DELETE', `${path}/${of}`, undefined, deletion);
    expect(await operator.call('DELETE', `${path}/${of}`, undefined, deletion)).toEqual(deleted);
  });

  const wrong: [string, object, string[]][] = [
    ['no name', { name: undefined }, ['name']],
    ['an empty name', { name: '' }, ['name']],
    ['a name with capitals', { name: 'Images' }, ['name']],
    ['a name with _', { name: 'a_b' }, ['name']],
    ['a name of 64', { name: 'a'.repeat(64) }, ['name']],
    ['a description of 257', { description: 'x'.repeat(257) }, ['description']],
    ['a label key of computing', { labels: { 'a.b': 'c' } }, ['labels[a.b]']],
    ['a label value with a slash', { labels: { a: 'b/c' } }, ['labels[a]']],
    [
      '65 labels',
      { labels: Object.fromEntries([...Array(65).keys()].map((n) => [`k${n}`, ''])) },
      ['labels'],
    ],
  ];
  test.each(wrong)('is refused with %s', async (_, fields, named) => {
    const refusal = await operator.refused('POST', path, { ...parent, name: newName(), ...fields });
    expect([refusal.status, refusal.code, refusal.fields]).toEqual([400, 3, named]);
  });

  test('is refused without its parent', async () => {
    const { status, fields } = await operator.refused('POST', path, { name: newName() });
    expect([status, fields]).toEqual([400, Object.keys(parent).map((name) => name.replace('Id', '_id'))]);
  });
});

describe('names', () => {
  test('of folders are unique in their cloud', async () => {
    const { name } = await newFolder(cloud.id);
    const other = await newFolder(cloud.id);
    const taken = { status: 409, code: 6, message: `Folder with name "${name}" already exists` };
    expect(await operator.refused('POST', FOLDERS, { cloudId: cloud.id, name })).toMatchObject(taken);
    expect(await operator.refused('PATCH', `${FOLDERS}/${other.id}`, { name })).toMatchObject(taken);
    expect((await newFolder((await newCloud()).id, { name })).name).toBe(name);
  });

  test('of service accounts are unique in their cloud, whatever the folder', async () => {
    const { name } = await newAccount(folder.id);
    const elsewhere = await newFolder(cloud.id);
    const other = await newAccount(elsewhere.id);
    const taken = { status: 409, code: 6, message: `Service account with name "${name}" already exists` };
    expect(await operator.refused('POST', ACCOUNTS, { folderId: elsewhere.id, name })).toMatchObject(taken);
    expect(await operator.refused('PATCH', `${ACCOUNTS}/${other.id}`, { name })).toMatchObject(taken);
  });

  test('asked for at the same time are given once', async () => {
    const name = newName();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => operator.send('POST', FOLDERS, { cloudId: cloud.id, name })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
  });
});

describe('clouds and folders', () => {
  test('are made only by who may, with the same words for what is not there', async () => {
    const name = newName();
    for (const organizationId of [ORGANIZATION, 'bpf00000000000000000']) {
      expect(await stranger.api.refused('POST', CLOUDS, { organizationId, name })).toMatchObject({
        status: 403,
        code: 7,
        message: `Permission denied to organization ${organizationId}: resource-manager.clouds.create is needed`,
      });
    }
    for (const cloudId of [cloud.id, 'b1g00000000000000000']) {
      expect(await stranger.api.refused('POST', FOLDERS, { cloudId, name })).toMatchObject({
        status: 404,
        message: `Cloud "${cloudId}" not found`,
      });
    }
    const viewer = await newPerson(folder.id);
    await grant(`${CLOUDS}/${cloud.id}`, 'viewer', toAccount(viewer.id));
    expect((await viewer.api.refused('POST', FOLDERS, { cloudId: cloud.id, name })).status).toBe(403);
    expect((await viewer.api.refused('POST', ACCOUNTS, { folderId: folder.id, name })).status).toBe(403);
  });

  test('are listed only as far as the caller may see them', async () => {
    const home = await newCloud();
    const [seen, unseen] = [await newFolder(home.id), await newFolder(home.id)];
    const guest = await newPerson(seen.id);
    const folders = async () =>
      (await guest.api.get<{ folders?: Folder[] }>(`${FOLDERS}?cloudId=${home.id}`)).folders?.map(
        ({ id }) => id,
      );
    const clouds = async () =>
      ((await guest.api.get<{ clouds?: Cloud[] }>(CLOUDS)).clouds ?? []).map(({ id }) => id);
    expect(await guest.api.refused('GET', `${FOLDERS}?cloudId=${home.id}`)).toMatchObject({
      status: 404,
      message: `Cloud "${home.id}" not found`,
    });
    await grant(`${FOLDERS}/${seen.id}`, 'viewer', toAccount(guest.id));
    expect(await folders()).toEqual([seen.id]);
    expect(await clouds()).toEqual([]);
    await grant(`${CLOUDS}/${home.id}`, 'resource-manager.viewer', toAccount(guest.id));
    expect((await folders())?.sort()).toEqual([seen.id, unseen.id].sort());
    expect(await clouds()).toEqual([home.id]);
  });

  test('a cloud is deleted at once or not at all, and not while it holds a folder', async () => {
    const home = await newCloud();
    const inner = await newFolder(home.id);
    const path = `${CLOUDS}/${home.id}`;
    expect(await operator.refused('DELETE', path)).toMatchObject({
      status: 400,
      code: 9,
      message: `Cloud "${home.id}" holds 1 folder; delete them first`,
    });
    await operator.call('DELETE', `${FOLDERS}/${inner.id}`);
    const at = (ms: number) => `${path}?deleteAfter=${new Date(Date.now() + ms).toISOString()}`;
    const later = await operator.refused('DELETE', at(86_400_000));
    expect([later.status, later.fields]).toEqual([400, ['delete_after']]);
    await operator.call('DELETE', at(1_000));
  });
});

describe('a service account', () => {
  test('takes its keys and its bindings with it', async () => {
    const leaver = await newPerson(folder.id);
    await grant(`${FOLDERS}/${folder.id}`, 'viewer', toAccount(leaver.id));
    await leaver.api.get(`${FOLDERS}/${folder.id}`);
    await operator.call('DELETE', `${ACCOUNTS}/${leaver.id}`);
    expect((await leaver.api.refused('GET', `${FOLDERS}/${folder.id}`)).status).toBe(401);
    expect((await operator.refused('GET', `${KEYS}/${leaver.keyId}`)).status).toBe(404);
    const holders = (await bindingsOf(`${FOLDERS}/${folder.id}`)).map(({ subject }) => subject.id);
    expect(holders).not.toContain(leaver.id);
  });

  test('stays while it is the last owner of a cloud', async () => {
    const home = await newCloud();
    const heir = await newAccount(folder.id);
    const owner = 'resource-manager.clouds.owner';
    await grant(`${CLOUDS}/${home.id}`, owner, toAccount(heir.id));
    await revoke(`${CLOUDS}/${home.id}`, owner, toAccount('local-admin'));
    expect(await operator.refused('DELETE', `${ACCOUNTS}/${heir.id}`)).toMatchObject({
      status: 400,
      code: 9,
      message: `Service account "${heir.id}" is the last ${owner} of cloud ${home.id}; name another one first`,
    });
  });

  test('is nobody while it is suspended', async () => {
    const suspect = await newPerson(folder.id);
    await suspect.api.get(KEYS);
    const change = (verb: string) => operator.call<Operation>('POST', `${ACCOUNTS}/${suspect.id}:${verb}`);
    const suspended = await change('suspend');
    expect(suspended).toMatchObject({
      done: true,
      description: 'Suspend service account',
      metadata: {
        '@type': `${TYPE}yandex.cloud.iam.v1.SuspendServiceAccountMetadata`,
        serviceAccountId: suspect.id,
      },
      response: { '@type': `${TYPE}yandex.cloud.iam.v1.ServiceAccount`, id: suspect.id, status: 'SUSPENDED' },
    });
    expect((await suspect.api.refused('GET', KEYS)).status).toBe(401);
    expect((await suspect.api.refused('GET', CLOUDS)).status).toBe(401);
    expect((await change('suspend')).response).toMatchObject({ status: 'SUSPENDED' });
    expect(await operator.get(`${ACCOUNTS}/${suspect.id}`)).toMatchObject({ status: 'SUSPENDED' });
    expect(await change('reactivate')).toMatchObject({
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.ReactivateServiceAccountMetadata` },
      response: { status: 'ACTIVE' },
    });
    await suspect.api.get(KEYS);
  });

  test('is not suspended by itself, by who may not, or as the last owner', async () => {
    const home = await newCloud();
    const heir = await newPerson(folder.id);
    const path = `${ACCOUNTS}/${heir.id}`;
    expect((await heir.api.refused('POST', `${path}:suspend`)).status).toBe(403);
    expect((await stranger.api.refused('POST', `${path}:suspend`)).status).toBe(404);
    const owner = 'resource-manager.clouds.owner';
    await grant(`${CLOUDS}/${home.id}`, owner, toAccount(heir.id));
    await grant(path, 'admin', toAccount(heir.id));
    expect(await heir.api.refused('POST', `${path}:suspend`)).toMatchObject({
      code: 9,
      message: `Service account "${heir.id}" cannot suspend itself; call with the credential of another one`,
    });
    await revoke(`${CLOUDS}/${home.id}`, owner, toAccount('local-admin'));
    expect(await operator.refused('POST', `${path}:suspend`)).toMatchObject({
      code: 9,
      message: expect.stringContaining(`is the last ${owner} of cloud ${home.id}`),
    });
  });

  test('may look at itself and its keys without any role', async () => {
    const { api, id, keyId } = await newPerson(folder.id);
    const self = () => api.get<ServiceAccount>(`${ACCOUNTS}/${id}`);
    expect(await self()).toMatchObject({ id, folderId: folder.id, status: 'ACTIVE' });
    // Noted after the answer that was the first use.
    await eventually('the time of the last use', async () => (await self()).lastAuthenticatedAt);
    const { apiKeys } = await api.get<{ apiKeys: ApiKey[] }>(KEYS);
    expect(apiKeys.map((one) => one.id)).toEqual([keyId]);
    expect((await api.get<ApiKey>(`${KEYS}/${keyId}`)).serviceAccountId).toBe(id);
    for (const [method, path] of [
      ['DELETE', `${ACCOUNTS}/${id}`],
      ['DELETE', `${KEYS}/${keyId}`],
      ['POST', KEYS],
    ] as const) {
      expect((await api.refused(method, path, method === 'POST' ? {} : undefined)).status).toBe(403);
    }
  });
});

describe('an API key', () => {
  test('shows its secret once', async () => {
    const { id } = await newAccount(folder.id);
    const expiresAt = '2099-01-01T00:00:00.000Z';
    const made = await newKey(id, { description: 'ci', scopes: ['write'], expiresAt });
    expect(made.secret).toMatch(/^bln_[0-9a-v]{12}_[\w-]{43}$/);
    expect(made.apiKey).toEqual({
      id: expect.stringMatching(/^aje/),
      serviceAccountId: id,
      createdAt: expect.stringMatching(/Z$/),
      description: 'ci',
      scopes: ['write'],
      expiresAt,
      maskedSecret: `****${made.secret.slice(-6)}`,
    });
    expect(await operator.get(`${KEYS}/${made.apiKey.id}`)).toEqual(made.apiKey);
    const { apiKeys } = await operator.get<{ apiKeys: ApiKey[] }>(`${KEYS}?serviceAccountId=${id}`);
    expect(apiKeys).toEqual([made.apiKey]);
    const operations = await operator.send('GET', `${KEYS}/${made.apiKey.id}/operations`);
    expect(operations.status).toBe(200);
    expect(operations.text).toContain(made.apiKey.maskedSecret);
    const [, publicPrefix, secret] = /^bln_(.{12})_(.*)$/.exec(made.secret)!;
    for (const part of [publicPrefix!, secret!]) expect(operations.text).not.toContain(part);
  });

  test('is not made twice under one Idempotency-Key, because its secret cannot be shown twice', async () => {
    const { id } = await newAccount(folder.id);
    const headers = { 'Idempotency-Key': randomUUID() };
    const body = { serviceAccountId: id };
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        operator.send<{ apiKey?: ApiKey; message?: string }>('POST', KEYS, body, { headers }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const keyId = answers.find(({ status }) => status === 200)!.body.apiKey!.id;
    for (const { status, body: refusal } of answers) {
      if (status === 409) expect(refusal.message).toContain(keyId);
    }
    const { apiKeys } = await operator.get<{ apiKeys: ApiKey[] }>(`${KEYS}?serviceAccountId=${id}`);
    expect(apiKeys.map((one) => one.id)).toEqual([keyId]);
  });

  test('changes its description only, and opens nothing once it is deleted', async () => {
    const { api, id, keyId } = await newPerson(folder.id);
    await api.get(`${ACCOUNTS}/${id}`);
    const updated = await operator.call<Operation>('PATCH', `${KEYS}/${keyId}`, { description: 'second' });
    expect(updated).toMatchObject({
      done: true,
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.UpdateApiKeyMetadata`, apiKeyId: keyId },
      response: { '@type': `${TYPE}yandex.cloud.iam.v1.ApiKey`, id: keyId, description: 'second' },
    });
    const scopes = await operator.refused('PATCH', `${KEYS}/${keyId}`, { updateMask: 'scopes' });
    expect(scopes.fields).toEqual(['update_mask']);
    const deleted = await operator.call<Operation>('DELETE', `${KEYS}/${keyId}`);
    expect(deleted).toMatchObject({
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.DeleteApiKeyMetadata`, apiKeyId: keyId },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    expect((await api.refused('GET', `${ACCOUNTS}/${id}`)).status).toBe(401);
    expect(await operator.refused('GET', `${KEYS}/${keyId}`)).toMatchObject({
      status: 404,
      message: `API key "${keyId}" not found`,
    });
  });

  test('is hidden from strangers', async () => {
    const { id, keyId } = await newPerson(folder.id);
    for (const [method, path, body] of [
      ['GET', `${KEYS}/${keyId}`, undefined],
      ['PATCH', `${KEYS}/${keyId}`, {}],
      ['DELETE', `${KEYS}/${keyId}`, undefined],
      ['GET', `${KEYS}?serviceAccountId=${id}`, undefined],
      ['POST', KEYS, { serviceAccountId: id }],
    ] as const) {
      expect((await stranger.api.refused(method, path, body)).status, method).toBe(404);
    }
  });

  test('opens until it expires', async () => {
    const past = await newPerson(folder.id, { expiresAt: '2020-01-01T00:00:00Z' });
    expect((await past.api.refused('GET', KEYS)).status).toBe(401);
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const soon = await newPerson(folder.id, { expiresAt });
    expect((await soon.api.send('GET', KEYS)).status).toBe(200);
    await eventually(
      'the expiry of the key',
      async () => (await soon.api.send('GET', KEYS)).status === 401,
      5_000,
    );
  });

  test('with one character changed opens nothing', async () => {
    const { key } = await newPerson(folder.id);
    const changed = `${key.slice(0, -2)}${key.at(-2) === 'A' ? 'B' : 'A'}${key.at(-1)}`;
    expect((await new Client(registry.url, changed).refused('GET', KEYS)).status).toBe(401);
    expect((await new Client(registry.url, key, 'Bearer').send('GET', KEYS)).status).toBe(200);
  });

  const scopes: [string[], number, number, number][] = [
    [['read'], 200, 403, 403],
    [['write'], 200, 200, 403],
    [['admin'], 200, 200, 200],
    [['read', 'write'], 200, 200, 403],
    [[], 200, 200, 200],
  ];
  test.each(scopes)('with the scopes %j reads, writes, administers: %i, %i, %i', async (...row) => {
    const [granted, reading, writing, administering] = row;
    const { api, id } = await newPerson(folder.id, { scopes: granted });
    const path = `${FOLDERS}/${folder.id}`;
    await grant(path, 'admin', toAccount(id));
    const status = async (method: string, at: string, body?: object) =>
      (await api.send(method, at, body)).status;
    expect([
      await status('GET', path),
      await status('POST', IMAGES, { folderId: folder.id, upload: { size: 1 } }),
      await status('POST', ACCOUNTS, { folderId: folder.id, name: newName() }),
    ]).toEqual([reading, writing, administering]);
    await revoke(path, 'admin', toAccount(id));
  });

  const wrong: [string, object, string[]][] = [
    ['a scope that is not one', { scopes: ['everything'] }, ['scopes[0]']],
    ['a scope twice', { scopes: ['read', 'read'] }, ['scopes[1]']],
    ['scopes that are no list', { scopes: 'read' }, ['scopes']],
    ['no time', { expiresAt: 'tomorrow' }, ['expires_at']],
    ['a time before 1970', { expiresAt: '1969-12-31T23:59:59Z' }, ['expires_at']],
    ['a time after 2105', { expiresAt: '2106-01-01T00:00:00Z' }, ['expires_at']],
    ['a description of 257', { description: 'x'.repeat(257) }, ['description']],
  ];
  test.each(wrong)('is refused with %s', async (_, fields, named) => {
    const refusal = await operator.refused('POST', KEYS, { serviceAccountId: 'local-admin', ...fields });
    expect([refusal.status, refusal.code, refusal.fields]).toEqual([400, 3, named]);
  });
});

describe('roles', () => {
  test('are told to everyone with a credential', async () => {
    const role = { id: 'compute.images.user', description: 'Sees images and uses them as a source.' };
    expect(await stranger.api.get('/iam/v1/roles/compute.images.user')).toEqual(role);
    const { roles } = await stranger.api.get<{ roles: { id: string }[] }>('/iam/v1/roles');
    expect(roles).toContainEqual(role);
    const first = await stranger.api.get<{ roles: { id: string }[]; nextPageToken: string }>(
      '/iam/v1/roles?pageSize=3',
    );
    const rest = await stranger.api.get<{ roles: { id: string }[] }>(
      `/iam/v1/roles?pageToken=${first.nextPageToken}`,
    );
    expect([...first.roles, ...rest.roles]).toEqual(roles);
    expect(await stranger.api.refused('GET', '/iam/v1/roles/owner')).toMatchObject({
      status: 404,
      message: 'Role "owner" not found',
    });
    expect((await nobody.refused('GET', '/iam/v1/roles')).status).toBe(401);
    expect(await stranger.api.get('/iam/v1/apiKeyScopes')).toEqual({ scopes: ['read', 'write', 'admin'] });
  });
});
