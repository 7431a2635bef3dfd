/** OIDC federations and federated credentials as resources: made, read, changed and deleted by their own API. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { federatedCredential } from '../../schema/wire/iam/federated-credential.ts';
import type { federation } from '../../schema/wire/iam/federation.ts';
import { Client, type Fields, type Operation, type OperationList, TYPE } from './client.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { newTenant } from './tenant.ts';

type Federation = z.infer<typeof federation>;
type Credential = z.infer<typeof federatedCredential>;

const ACCOUNTS = '/iam/v1/serviceAccounts';
const FOLDERS = '/resource-manager/v1/folders';
const KEYS = '/iam/v1/apiKeys';
const FEDERATIONS = '/iam/v1/workload/oidc/federations';
const CREDENTIALS = '/iam/v1/workload/federatedCredentials';
const TRUSTED = 'http://127.0.0.1:9';
const SUBJECT = 'repo:acme/images:ref:refs/heads/main';

const { local } = await startOwn({ env: { BULLION_TRUSTED_ORIGINS: TRUSTED }, sweepSeconds: 3_600 });
const tenant = await newTenant(local);
const stranger = await newTenant(local);
const { api, folderId, accountId } = tenant;

let count = 0;
const newName = () => `one-${++count}`;
const done = async <T>(operation: Operation | Promise<Operation>): Promise<T> => {
  const { '@type': _, ...result } = (await operation).response!;
  return result as T;
};
const ISSUER = 'https://token.actions.githubusercontent.com';
const good = {
  folderId,
  audiences: ['bullion-of-acme'],
  issuer: ISSUER,
  jwksUrl: `${ISSUER}/.well-known/jwks`,
};
const create = (fields: Fields = {}, headers = {}) =>
  api.call<Operation>('POST', FEDERATIONS, { ...good, name: newName(), ...fields }, { headers });
const make = (fields: Fields = {}) => done<Federation>(create(fields));
const change = (id: string, fields: Fields, headers = {}) =>
  done<Federation>(api.call('PATCH', `${FEDERATIONS}/${id}`, fields, { headers }));
const tagOf = async (path: string) => (await api.send('GET', path)).headers.get('ETag')!;
const newAccount = () => done<{ id: string }>(api.call('POST', ACCOUNTS, { folderId, name: newName() }));

/** A caller of the tenant's cloud with these roles, each on a resource given by its path. */
async function person(...roles: readonly (readonly [path: string, roleId: string])[]): Promise<Client> {
  const { id } = await newAccount();
  for (const [path, roleId] of roles) {
    const accessBinding = { roleId, subject: { type: 'serviceAccount', id } };
    await api.call('POST', `${path}:updateAccessBindings`, {
      accessBindingDeltas: [{ action: 'ADD', accessBinding }],
    });
  }
  const { secret } = await api.call<{ secret: string }>('POST', KEYS, { serviceAccountId: id });
  return new Client(local.url, secret);
}

describe('a federation', () => {
  test('is created, read and deleted, each under its own types', async () => {
    const name = newName();
    const created = await create({ name, description: 'd', labels: { a: 'b' } });
    const { '@type': type, ...shape } = created.response!;
    const { id } = shape as { id: string };
    expect([type, shape]).toEqual([
      `${TYPE}yandex.cloud.iam.v1.workload.oidc.Federation`,
      {
        ...good,
        id,
        name,
        enabled: true,
        description: 'd',
        labels: { a: 'b' },
        createdAt: expect.any(String),
      },
    ]);
    expect(created).toMatchObject({
      done: true,
      createdBy: accountId,
      metadata: {
        '@type': `${TYPE}yandex.cloud.iam.v1.workload.oidc.CreateFederationMetadata`,
        federationId: id,
      },
    });
    expect(await api.get(`${FEDERATIONS}/${id}`)).toEqual(shape);
    const deleted = await api.call<Operation>('DELETE', `${FEDERATIONS}/${id}`);
    expect(deleted).toMatchObject({
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.workload.oidc.DeleteFederationMetadata` },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    const gone = await api.refused('GET', `${FEDERATIONS}/${id}`);
    expect([gone.status, gone.message]).toEqual([404, `Federation "${id}" not found`]);
  });

  test.each<[string, Fields, boolean]>([
    ['by itself', {}, true],
    ['enabled', { enabled: true }, true],
    ['not enabled', { enabled: false }, false],
    ['disabled', { disabled: true }, false],
    ['not disabled', { disabled: 'false' }, true],
  ])('%s is made so, and changed so', async (_, fields, enabled) => {
    const shown = enabled ? true : undefined;
    expect((await make(fields)).enabled).toBe(shown);
    const { id } = await make({ enabled: !enabled });
    expect((await change(id, fields)).enabled).toBe(shown);
  });

  test.each<[string, Fields, string[]]>([
    ['no name', { name: undefined }, ['name']],
    ['a name in capitals', { name: 'A' }, ['name']],
    ['a long description', { description: 'x'.repeat(257) }, ['description']],
    ['no audience', { audiences: undefined }, ['audiences']],
    ['an empty list of audiences', { audiences: [] }, ['audiences']],
    ['an empty audience', { audiences: [''] }, ['audiences[0]']],
    ['101 audiences', { audiences: Array(101).fill('a') }, ['audiences']],
    ['a long audience', { audiences: ['a', 'x'.repeat(256)] }, ['audiences[1]']],
    ['an audience that is no list', { audiences: 'a' }, ['audiences']],
    ['no issuer', { issuer: undefined }, ['issuer']],
    ['a long issuer', { issuer: `https://a.example/${'x'.repeat(8_000)}` }, ['issuer']],
    ['an issuer that is no URL', { issuer: 'github' }, ['issuer']],
    ['an issuer by http', { issuer: 'http://issuer.example' }, ['issuer']],
    ['no keys', { jwksUrl: undefined }, ['jwks_url']],
    ['keys by http', { jwksUrl: 'http://issuer.example/keys' }, ['jwks_url']],
    ['keys on another port of a trusted host', { jwksUrl: 'http://127.0.0.1:90/keys' }, ['jwks_url']],
    ['keys behind a password', { jwksUrl: 'https://a:b@issuer.example/keys' }, ['jwks_url']],
    ['keys in a file', { jwksUrl: 'file:///etc/passwd' }, ['jwks_url']],
    ['both and neither', { enabled: true, disabled: true }, ['disabled']],
    ['a label in capitals', { labels: { A: 'b' } }, ['labels[A]']],
  ])('with %s is refused by its field, and changes nothing', async (_, fields, violated) => {
    const before = await api.get<{ federations: Federation[] }>(
      `${FEDERATIONS}?folderId=${folderId}&pageSize=1000`,
    );
    const refused = await api.refused('POST', FEDERATIONS, { ...good, name: newName(), ...fields });
    expect([refused.status, refused.code, refused.fields]).toEqual([400, 3, violated]);
    expect(await api.get(`${FEDERATIONS}?folderId=${folderId}&pageSize=1000`)).toEqual(before);
  });

  test('by http is refused with the way out, which an operator can take', async () => {
    const refused = await api.refused('POST', FEDERATIONS, {
      ...good,
      name: newName(),
      jwksUrl: 'http://issuer.example/keys',
    });
    expect(refused.message).toBe(
      'Request validation error: JwksUrl: must begin with https://; http is for the origins that an operator names in BULLION_TRUSTED_ORIGINS',
    );
    const local = { issuer: TRUSTED, jwksUrl: `${TRUSTED}/keys` };
    expect(await make(local)).toMatchObject(local);
  });

  test('is updated by the fields of the mask, or all without one', async () => {
    const { id, name } = await make({ description: 'd', labels: { a: 'b' }, enabled: false });
    const keys = { audiences: ['x', 'y'], jwksUrl: 'https://issuer.example/keys' };
    expect(await change(id, { updateMask: 'audiences,jwks_url', ...keys, description: 'e' })).toMatchObject({
      ...{ name, description: 'd', labels: { a: 'b' } },
      ...keys,
    });
    const cleared = await change(id, {});
    expect(cleared).toEqual({ ...good, ...keys, id, name, enabled: true, createdAt: cleared.createdAt });
    expect((await change(id, { updateMask: 'disabled', disabled: true })).enabled).toBe(undefined);
    for (const [fields, violated] of [
      [{ updateMask: 'issuer', issuer: 'https://issuer.example' }, 'update_mask'],
      [{ updateMask: 'jwks' }, 'update_mask'],
      [{ audiences: [] }, 'audiences'],
      [{ jwksUrl: 'http://issuer.example' }, 'jwks_url'],
      [{ name: '' }, 'name'],
    ] as const) {
      const refused = await api.refused('PATCH', `${FEDERATIONS}/${id}`, fields);
      expect([refused.status, refused.fields]).toEqual([400, [violated]]);
    }
    const { operations } = await api.get<OperationList>(`${FEDERATIONS}/${id}/operations`);
    expect(operations!.map(({ metadata }) => metadata['@type'])).toEqual([
      ...Array(3).fill(`${TYPE}yandex.cloud.iam.v1.workload.oidc.UpdateFederationMetadata`),
      `${TYPE}yandex.cloud.iam.v1.workload.oidc.CreateFederationMetadata`,
    ]);
  });

  test('has a name of its own in its folder', async () => {
    const { name } = await make();
    const { id } = await make();
    for (const [method, path] of [
      ['POST', FEDERATIONS],
      ['PATCH', `${FEDERATIONS}/${id}`],
    ] as const) {
      const refused = await api.refused(method, path, { ...good, name });
      expect([refused.status, refused.code, refused.message]).toEqual([
        409,
        6,
        `Federation with name "${name}" already exists`,
      ]);
    }
    expect((await make({ name, folderId: tenant.otherFolderId })).name).toBe(name);
  });

  test('has an entity tag of all that can be changed, which guards update and delete', async () => {
    const { id } = await make();
    const path = `${FEDERATIONS}/${id}`;
    const tags = [await tagOf(path)];
    for (const [field, value] of Object.entries({
      name: newName(),
      description: 'd',
      labels: { a: 'b' },
      enabled: false,
      audiences: ['b'],
      jwksUrl: 'https://issuer.example/b',
    })) {
      await change(id, { updateMask: field, [field]: value }, { 'If-Match': tags.at(-1)! });
      tags.push(await tagOf(path));
    }
    expect(new Set(tags).size).toBe(7);
    const headers = { 'If-Match': tags[0]! };
    expect((await api.refused('PATCH', path, { description: 'e' }, { headers })).status).toBe(412);
    expect((await api.refused('DELETE', path, undefined, { headers })).status).toBe(412);
    const known = await api.send('GET', path, undefined, { headers: { 'If-None-Match': tags.at(-1)! } });
    expect(known.status).toBe(304);
    await api.call('DELETE', path, undefined, { headers: { 'If-Match': tags.at(-1)! } });
  });

  test('may be asked for twice under one Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const name = newName();
    const first = await create({ name }, headers);
    expect(await create({ name }, headers)).toEqual(first);
    const path = `${FEDERATIONS}/${(first.response as unknown as Federation).id}`;
    const again = { headers: { 'Idempotency-Key': randomUUID() } };
    const deleted = await api.call('DELETE', path, undefined, again);
    expect(await api.call('DELETE', path, undefined, again)).toEqual(deleted);
  });

  test('is listed page by page with those of its folder', async () => {
    const { otherFolderId } = tenant;
    const made = [];
    for (let index = 0; index < 3; index += 1) made.push(await make({ folderId: otherFolderId }));
    const shown: Federation[] = [];
    for (let pageToken = ''; shown.length < 20; ) {
      const query = new URLSearchParams({ folderId: otherFolderId, pageSize: '2', pageToken });
      const page = await api.get<{ federations?: Federation[]; nextPageToken?: string }>(
        `${FEDERATIONS}?${query}`,
      );
      shown.push(...(page.federations ?? []));
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') break;
    }
    expect(shown).toEqual(expect.arrayContaining(made));
    expect(shown.map(({ id }) => id)).toEqual(shown.map(({ id }) => id).sort());
    expect(shown.every((one) => one.folderId === otherFolderId)).toBe(true);
    expect((await api.refused('GET', FEDERATIONS)).fields).toEqual(['folder_id']);
  });

  test.each([
    ['iam.serviceAccounts.admin', 404],
    ['editor', 403],
    ['viewer', 403],
    ['admin', 200],
  ] as const)('is what %s on the folder may change: %i', async (roleId, status) => {
    const caller = await person([`${FOLDERS}/${folderId}`, roleId]);
    const { id } = await make();
    const answers = [
      await caller.send('PATCH', `${FEDERATIONS}/${id}`, { updateMask: 'description', description: 'd' }),
      await caller.send('DELETE', `${FEDERATIONS}/${id}`),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    const made = await caller.send('POST', FEDERATIONS, { ...good, name: newName() });
    expect(made.status).toBe(status === 200 ? 200 : 403);
  });

  test('goes with its folder, and its credentials with it', async () => {
    const { id: goingId } = await done<{ id: string }>(
      api.call('POST', FOLDERS, { cloudId: tenant.cloudId, name: newName() }),
    );
    const { id: federationId } = await make({ folderId: goingId });
    const { id } = await tie(federationId);
    const now = encodeURIComponent(new Date().toISOString());
    const deletion = await api.call<Operation>('DELETE', `${FOLDERS}/${goingId}?deleteAfter=${now}`);
    const ended = await eventually('the end of the folder', async () => {
      await local.runScheduled();
      const operation = await api.get<Operation>(`/operations/${deletion.id}`);
      return operation.done && operation;
    });
    expect(ended).not.toHaveProperty('error');
    expect((await api.refused('GET', `${FEDERATIONS}/${federationId}`)).status).toBe(404);
    expect((await api.refused('GET', `${CREDENTIALS}/${id}`)).status).toBe(404);
  });
});

const tieing = (federationId: string, fields: Fields = {}, headers = {}, caller = api) =>
  caller.call<Operation>(
    'POST',
    CREDENTIALS,
    { serviceAccountId: accountId, federationId, externalSubjectId: SUBJECT, ...fields },
    { headers },
  );
const tie = (federationId: string, fields: Fields = {}) => done<Credential>(tieing(federationId, fields));

describe('a federated credential', () => {
  test('is created, read and deleted, each under its own types', async () => {
    const { id: federationId } = await make();
    const created = await tieing(federationId);
    const { '@type': type, ...shape } = created.response!;
    const { id } = shape as { id: string };
    expect([type, shape]).toEqual([
      `${TYPE}yandex.cloud.iam.v1.workload.FederatedCredential`,
      {
        id,
        serviceAccountId: accountId,
        federationId,
        externalSubjectId: SUBJECT,
        createdAt: expect.any(String),
      },
    ]);
    expect(created).toMatchObject({
      done: true,
      metadata: {
        '@type': `${TYPE}yandex.cloud.iam.v1.workload.CreateFederatedCredentialMetadata`,
        federatedCredentialId: id,
      },
    });
    const path = `${CREDENTIALS}/${id}`;
    expect(await api.get(path)).toEqual(shape);
    expect((await api.refused('DELETE', path, undefined, { headers: { 'If-Match': 'x' } })).status).toBe(412);
    const headers = { 'If-Match': await tagOf(path) };
    expect(await api.call('DELETE', path, undefined, { headers })).toMatchObject({
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.workload.DeleteFederatedCredentialMetadata` },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    const gone = await api.refused('GET', path);
    expect([gone.status, gone.message]).toEqual([404, `Federated credential "${id}" not found`]);
  });

  test.each<[string, unknown, number]>([
    ['none', undefined, 400],
    ['an empty one', '', 400],
    ['a star alone', '*', 400],
    ['a star in the middle', 'repo:*/images', 400],
    ['two stars', 'repo:acme/**', 400],
    ['a line break', 'repo:acme\n', 400],
    ['half a character', 'repo:\ud800', 400],
    ['1001 characters', 'x'.repeat(1_001), 400],
    ['1000 characters', 'x'.repeat(1_000), 200],
    ['a star at the end', 'repo:acme/*', 200],
    ['any characters', 'проект 😀 %_\'"[]', 200],
  ])('for %s as its subject: %i', async (_, externalSubjectId, status) => {
    const { id: federationId } = await make();
    const body = { serviceAccountId: accountId, federationId, externalSubjectId };
    const answer = await api.send<Credential>('POST', CREDENTIALS, body);
    expect(answer.status).toBe(status);
    const list = await api.get<{ federatedCredentials?: Credential[] }>(
      `${CREDENTIALS}?federationId=${federationId}`,
    );
    const subjects = (list.federatedCredentials ?? []).map((one) => one.externalSubjectId);
    expect(subjects).toEqual(status === 200 ? [externalSubjectId] : []);
  });

  test('is the only one of its subject in its federation', async () => {
    const { id: federationId } = await make();
    const { id } = await tie(federationId);
    const { id: other } = await newAccount();
    const body = { serviceAccountId: other, federationId, externalSubjectId: SUBJECT };
    expect(await api.refused('POST', CREDENTIALS, body)).toMatchObject({
      status: 409,
      code: 6,
      message: `Subject "${SUBJECT}" acts by federated credential ${id} already; delete that one first`,
    });
    await tie((await make()).id);
  });

  test('stands in the way of the deletion of its federation, not of its service account', async () => {
    const { id: federationId } = await make();
    const { id: serviceAccountId } = await newAccount();
    await tie(federationId, { serviceAccountId });
    expect(await api.refused('DELETE', `${FEDERATIONS}/${federationId}`)).toMatchObject({
      status: 400,
      code: 9,
      message: `Federation "${federationId}" holds 1 federated credential; delete them first`,
    });
    await api.call('DELETE', `${ACCOUNTS}/${serviceAccountId}`);
    await api.call('DELETE', `${FEDERATIONS}/${federationId}`);
  });

  test('may be asked for twice under one Idempotency-Key', async () => {
    const { id: federationId } = await make();
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await tieing(federationId, {}, headers);
    expect(await tieing(federationId, {}, headers)).toEqual(first);
  });

  test('is listed with those of its service account or of its federation', async () => {
    const { id: federationId } = await make();
    const { id: serviceAccountId } = await newAccount();
    const subjects = ['a', 'b', 'c'];
    for (const externalSubjectId of subjects)
      await tie(federationId, { serviceAccountId, externalSubjectId });
    await tie(federationId, { externalSubjectId: 'd' });
    const listed = async (query: Record<string, string>) => {
      const shown: Credential[] = [];
      for (let pageToken = ''; shown.length < 10; ) {
        const page = await api.get<{ federatedCredentials?: Credential[]; nextPageToken?: string }>(
          `${CREDENTIALS}?${new URLSearchParams({ ...query, pageSize: '2', pageToken })}`,
        );
        shown.push(...(page.federatedCredentials ?? []));
        pageToken = page.nextPageToken ?? '';
        if (pageToken === '') break;
      }
      return shown.map((one) => one.externalSubjectId).sort();
    };
    expect(await listed({ serviceAccountId })).toEqual(subjects);
    expect(await listed({ federationId })).toEqual([...subjects, 'd']);
    for (const query of ['', `?serviceAccountId=${serviceAccountId}&federationId=${federationId}`]) {
      const refused = await api.refused('GET', CREDENTIALS + query);
      expect([refused.status, refused.fields]).toEqual([400, ['service_account_id']]);
    }
  });

  test('ties only what the caller may tie, within one cloud', async () => {
    const { id: federationId } = await make();
    const { id: foreign } = await done<Federation>(
      stranger.api.call('POST', FEDERATIONS, { ...good, folderId: stranger.folderId, name: newName() }),
    );
    const account = `${ACCOUNTS}/${accountId}`;
    const folder = `${FOLDERS}/${folderId}`;
    const cases: [string, Client, string, number][] = [
      ['a stranger', stranger.api, federationId, 404],
      ['one who may see neither', await person(), federationId, 404],
      ['one who may only see', await person([folder, 'viewer']), federationId, 403],
      [
        'one who may not see the federation',
        await person([account, 'iam.serviceAccounts.admin']),
        federationId,
        404,
      ],
      ['the federation of another cloud', api, foreign, 404],
      ['no federation', api, 'aje00000000000000000', 404],
      [
        'one who may do both',
        await person([account, 'iam.serviceAccounts.admin'], [folder, 'viewer']),
        federationId,
        200,
      ],
    ];
    for (const [who, caller, id, status] of cases) {
      const answer = await caller.send('POST', CREDENTIALS, {
        serviceAccountId: accountId,
        federationId: id,
        externalSubjectId: SUBJECT,
      });
      expect([who, answer.status]).toEqual([who, status]);
    }
  });

  test('ties nothing of two clouds, whoever may see both', async () => {
    const { id: federationId } = await done<Federation>(
      stranger.api.call('POST', FEDERATIONS, { ...good, folderId: stranger.folderId, name: newName() }),
    );
    const accessBinding = { roleId: 'viewer', subject: { type: 'serviceAccount', id: accountId } };
    await stranger.api.call('POST', `${FOLDERS}/${stranger.folderId}:updateAccessBindings`, {
      accessBindingDeltas: [{ action: 'ADD', accessBinding }],
    });
    const body = { serviceAccountId: accountId, federationId, externalSubjectId: SUBJECT };
    const refused = await api.refused('POST', CREDENTIALS, body);
    expect([refused.status, refused.fields]).toEqual([400, ['federation_id']]);
  });

  test('is seen, but not made or deleted, by its own service account', async () => {
    const { id: federationId } = await make();
    const { id: serviceAccountId } = await newAccount();
    const { secret } = await api.call<{ secret: string }>('POST', KEYS, { serviceAccountId });
    const job = new Client(local.url, secret);
    const { id } = await tie(federationId, { serviceAccountId });
    const path = `${CREDENTIALS}/${id}`;
    expect(await job.get(path)).toMatchObject({ externalSubjectId: SUBJECT });
    expect(await job.get(`${CREDENTIALS}?serviceAccountId=${serviceAccountId}`)).toMatchObject({
      federatedCredentials: [{ id }],
    });
    expect((await job.refused('DELETE', path)).status).toBe(403);
    const body = { serviceAccountId, federationId, externalSubjectId: 'another' };
    expect((await job.refused('POST', CREDENTIALS, body)).status).toBe(403);
  });
});
