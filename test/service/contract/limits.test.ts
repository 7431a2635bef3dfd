/** The contract's table of limits: every field at its edge, the last value that is taken and the first that is not. */
import { describe, expect, test } from 'vitest';
import { type Fields, IMAGES, type Operation } from '../client.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';
import { KINDS, type Kind, stockOf } from './kinds.ts';

const { local } = await startOwn();
const TIB = 2 ** 40;
const tenant = await newTenant(local, {
  role: 'organization-manager.organizations.owner',
  limits: { ...AMPLE, 'compute.diskPools.count': 100 },
});
const { api, cloudId, folderId, accountId } = tenant;
const stock = await stockOf(api, folderId);

const CLOUDS = '/resource-manager/v1/clouds';
const FOLDERS = '/resource-manager/v1/folders';
const ACCOUNTS = '/iam/v1/serviceAccounts';
const KEYS = '/iam/v1/apiKeys';
const QUOTAS = '/quota-manager/v1';
const text = (length: number, character = 'a') => character.repeat(length);
let count = 0;
const newName = () => `edge-${++count}`;

/** A kind of resource with fields of its own: what creates one, and one that is updated. */
interface Place {
  readonly name: string;
  readonly path: string;
  /** What creates the least; its name, when it needs one, differs from all others. */
  readonly least: () => Fields;
  readonly one: string;
}
const ofKind = (kind: Kind): Omit<Place, 'one'> => ({
  name: kind.name,
  path: kind.path,
  least: () => stock.body(kind),
});
const [IMAGE, DISK, SNAPSHOT] = await Promise.all(
  KINDS.map(async (kind) => ({ ...ofKind(kind), one: (await stock.make(kind)).id })),
);
const computeKinds = [IMAGE!, DISK!, SNAPSHOT!];
const CLOUD: Place = {
  name: 'cloud',
  path: CLOUDS,
  one: cloudId,
  least: () => ({ organizationId: 'tests' }),
};
const FOLDER: Place = {
  name: 'folder',
  path: FOLDERS,
  one: folderId,
  least: () => ({ cloudId, name: newName() }),
};
const ACCOUNT: Place = {
  name: 'service account',
  path: ACCOUNTS,
  one: accountId,
  least: () => ({ folderId, name: newName() }),
};
const containers = [FOLDER, ACCOUNT];
const everything = [...computeKinds, ...containers];

const labelsOf = (length: number) =>
  Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, 'v']));

/** One limit of a field: the values at the edge that are taken, and the first beyond it. */
interface Limit {
  readonly field: string;
  readonly of: readonly Place[];
  readonly by: readonly ('create' | 'update')[];
  readonly taken: readonly unknown[];
  readonly refused: readonly unknown[];
  /** What a refusal names, when it is not the field. */
  readonly names?: (value: unknown) => string;
}
const both = ['create', 'update'] as const;

const LIMITS: readonly Limit[] = [
  {
    field: 'name',
    of: computeKinds,
    by: both,
    taken: ['', 'a', 'a_b-9', text(63)],
    refused: [text(64), 'A', '9a', '-a', 'a-', 'a_', 'a.b'],
  },
  {
    field: 'name',
    of: containers,
    by: both,
    taken: ['b', text(63)],
    refused: [text(64), 'A', '9a', 'a-', 'a_b'],
  },
  { field: 'name', of: [...containers, CLOUD], by: ['create'], taken: [], refused: [''] },
  { field: 'name', of: [FOLDER, CLOUD], by: ['update'], taken: [''], refused: ['A', text(64)] },
  { field: 'name', of: [ACCOUNT], by: ['update'], taken: [], refused: [''] },
  {
    field: 'description',
    of: everything,
    by: both,
    taken: [text(256), text(256, '🙂')],
    refused: [text(257), text(257, '🙂')],
  },
  { field: 'description', of: [CLOUD], by: ['update'], taken: [text(256)], refused: [text(257)] },
  { field: 'labels', of: everything, by: both, taken: [{}, labelsOf(64)], refused: [labelsOf(65)] },
  { field: 'labels', of: [CLOUD], by: ['update'], taken: [labelsOf(64)], refused: [labelsOf(65)] },
  {
    field: 'labels',
    of: computeKinds,
    by: both,
    taken: [{ [text(63)]: text(63, 'v') }, { 'a-_./\\@9': '-_./\\@9a' }, { a: '' }],
    refused: [{ [text(64)]: 'v' }, { '9a': 'v' }, { A: 'v' }, { 'a b': 'v' }],
    names: (labels) => `labels[${Object.keys(labels as object)[0]}]`,
  },
  {
    field: 'labels',
    of: containers,
    by: both,
    taken: [{ [text(63)]: text(63, 'v') }, { 'a-_9': '-_9a' }, { a: '' }],
    refused: [{ [text(64)]: 'v' }, { '9a': 'v' }, { 'a.b': 'v' }, { 'a/b': 'v' }],
    names: (labels) => `labels[${Object.keys(labels as object)[0]}]`,
  },
  {
    field: 'labels',
    of: everything,
    by: both,
    taken: [],
    refused: [{ a: text(64) }, { a: 'V' }, { a: 'a b' }],
    names: () => 'labels[a]',
  },
  {
    field: 'family',
    of: [IMAGE!],
    by: ['create'],
    taken: ['', 'abc', text(63)],
    refused: ['ab', text(64), 'a_b', 'Abc', 'ab-'],
  },
  {
    field: 'minDiskSize',
    of: [IMAGE!],
    by: both,
    taken: [0, '0', 4 * TIB, String(4 * TIB)],
    refused: [4 * TIB + 1, 4194303, 1, -1],
  },
  {
    field: 'productIds',
    of: [IMAGE!],
    by: ['create'],
    taken: [[text(50)], Array.from({ length: 100 }, (_, index) => `p${index}`)],
    refused: [[text(51)], Array.from({ length: 101 }, (_, index) => `p${index}`)],
  },
  {
    field: 'size',
    of: [DISK!],
    by: ['create'],
    taken: [4194304, 8 * TIB],
    refused: [4194303, 0, -1, 4194305, 8 * TIB + 4194304, 28_587_302_322_176 + 4194304],
  },
  {
    field: 'size',
    of: [DISK!],
    by: ['update'],
    taken: [4194304, 4 * TIB],
    refused: [4 * TIB + 1, 4 * TIB + 4194304, 4194303, -1],
  },
  {
    field: 'blockSize',
    of: [DISK!],
    by: ['create'],
    taken: [0, 4096, 8192, 131_072],
    refused: [2048, 4095, 5000, 131_073, 262_144],
  },
];

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const rows = LIMITS.flatMap((limit) =>
  limit.of.flatMap((place) =>
    limit.by.map((by) => ({ ...limit, place, by, title: `${by} of a ${place.name}: ${limit.field}` })),
  ),
);

/** A disk grows only: each size is tried on a new one. */
const freshDisk = async () => (await stock.make(KINDS[1]!)).id;

describe('at its edge', () => {
  test.each(rows)('$title', async ({ place, by, field, taken, refused, names }) => {
    const call = async (value: unknown): Promise<[method: string, path: string, body: Fields]> => {
      const { path, one, least } = place;
      if (by === 'create') return ['POST', path, { ...least(), [field]: value }];
      const id = place === DISK && field === 'size' ? await freshDisk() : one;
      return ['PATCH', `${path}/${id}`, { updateMask: field, [field]: value }];
    };
    for (const value of taken) {
      const operation = await api.call<Operation>(...(await call(value)));
      expect([operation.done, operation.error]).toEqual([true, undefined]);
      // A name is taken by one at a time, and the rows share some.
      if (by === 'create' && field === 'name') {
        const id = Object.values(operation.metadata).find((member) => !String(member).includes('.'));
        const at = place === FOLDER ? '?deleteAfter=1970-01-01T00:00:00Z' : '';
        await api.call('DELETE', `${place.path}/${id}${at}`);
      }
    }
    for (const value of refused) {
      const answer = await api.refused(...(await call(value)));
      expect([answer.status, answer.code, answer.message]).toEqual([400, 3, expect.stringContaining(':')]);
      const [named = ''] = answer.fields;
      expect(named.split('[')[0]).toBe(snake(field).split('[')[0]);
      if (names !== undefined) expect(named).toBe(names(value));
    }
  });

  test('a disk may have 26 TiB in blocks that reach that far', async () => {
    const size = 28_587_302_322_176;
    const body = { ...stock.body(KINDS[1]!), size, blockSize: 16_384 };
    expect(await api.call<Operation>('POST', DISK!.path, body)).toMatchObject({ done: true });
    const beyond = await api.refused('POST', DISK!.path, {
      ...body,
      size: size + 4194304,
      blockSize: 131_072,
    });
    expect(beyond).toMatchObject({ status: 400, code: 3, fields: ['size'] });
  });
});

/** Ids and other texts that only point somewhere: the last length leads nowhere, the first one too long is wrong. */
describe('of a text that points somewhere, the length', () => {
  const inBody: [method: string, path: string, field: string, max: number, least: Fields][] = [
    ['POST', IMAGES, 'folderId', 50, stock.body(KINDS[0]!)],
    ['POST', IMAGES, 'imageId', 50, { folderId }],
    ['POST', IMAGES, 'diskId', 50, { folderId }],
    ['POST', IMAGES, 'snapshotId', 50, { folderId }],
    ['POST', DISK!.path, 'folderId', 50, stock.body(KINDS[1]!)],
    ['POST', DISK!.path, 'imageId', 50, stock.body(KINDS[1]!)],
    ['POST', DISK!.path, 'snapshotId', 50, stock.body(KINDS[1]!)],
    ['POST', DISK!.path, 'zoneId', 50, stock.body(KINDS[1]!)],
    ['POST', DISK!.path, 'typeId', 50, stock.body(KINDS[1]!)],
    ['POST', DISK!.path, 'kmsKeyId', 50, stock.body(KINDS[1]!)],
    ['POST', `${DISK!.path}/${DISK!.one}:move`, 'destinationFolderId', 50, {}],
    ['POST', `${DISK!.path}/${DISK!.one}:relocate`, 'destinationZoneId', 50, {}],
    ['POST', SNAPSHOT!.path, 'folderId', 50, stock.body(KINDS[2]!)],
    ['POST', SNAPSHOT!.path, 'diskId', 50, { folderId }],
    ['POST', FOLDERS, 'cloudId', 50, { name: 'nowhere' }],
    ['POST', CLOUDS, 'organizationId', 50, { name: 'nowhere' }],
    ['POST', ACCOUNTS, 'folderId', 50, { name: 'nowhere' }],
    ['POST', KEYS, 'serviceAccountId', 50, {}],
    ['POST', IMAGES, 'uri', 8192, { folderId }],
    ['POST', '/iam/v1/tokens', 'jwt', 8000, {}],
    ['POST', '/iam/v1/tokens', 'yandexPassportOauthToken', 4000, {}],
    ['POST', '/iam/v1/tokens:revoke', 'iamToken', 4096, {}],
  ];
  test.each(inBody)('%s %s %s: %d', async (method, path, field, max, least) => {
    const filler = field === 'uri' ? 'https://nowhere.example/' : '';
    const call = (length: number) =>
      api.refused(method, path, { ...least, [field]: filler + text(length - filler.length) });
    const last = await call(max);
    expect(last.message).not.toMatch(/characters long/);
    expect(await call(max + 1)).toMatchObject({
      status: 400,
      code: 3,
      fields: [snake(field)],
      message: expect.stringContaining(`at most ${max} characters`),
    });
  });

  const inPath: [path: string, max: number][] = [
    ...KINDS.flatMap(({ path }): [string, number][] => [
      [`${path}/#`, 50],
      [`${path}/#/operations`, 50],
      [`${path}/#:listAccessBindings`, 64],
    ]),
    ['/operations/#', 50],
    [`${CLOUDS}/#`, 50],
    [`${FOLDERS}/#`, 50],
    [`${ACCOUNTS}/#`, 50],
    [`${KEYS}/#`, 50],
    [`${CLOUDS}/#:listAccessBindings`, 64],
    [`${FOLDERS}/#:listAccessBindings`, 64],
    [`${ACCOUNTS}/#:listAccessBindings`, 64],
    ['/iam/v1/roles/#', 64],
    ['/compute/v1/diskTypes/#', 50],
    ['/compute/v1/zones/#', 50],
    [`${QUOTAS}/quotaRequests/#`, 50],
    [`${QUOTAS}/quotaLimits/#?resource.id=${cloudId}&resource.type=resource-manager.cloud`, 64],
  ];
  test.each(inPath)('GET %s: %d', async (path, max) => {
    expect([403, 404]).toContain((await api.refused('GET', path.replace('#', text(max)))).status);
    const beyond = await api.refused('GET', path.replace('#', text(max + 1)));
    expect([beyond.status, beyond.code]).toEqual([400, 3]);
  });

  test.each([
    ['roleId', 64],
    ['subject.id', 100],
    ['subject.type', 100],
  ])('of a binding, %s: %d', async (field, max) => {
    const bindingOf = (length: number) => ({
      roleId: field === 'roleId' ? text(length) : 'viewer',
      subject: {
        id: field === 'subject.id' ? text(length) : 'somebody',
        type: field === 'subject.type' ? text(length) : 'userAccount',
      },
    });
    const call = (length: number) =>
      api.send('POST', `${IMAGE!.path}/${IMAGE!.one}:setAccessBindings`, {
        accessBindings: [bindingOf(length)],
      });
    expect((await call(max)).text).not.toContain('characters long');
    const beyond = await call(max + 1);
    expect([beyond.status, beyond.text]).toEqual([400, expect.stringContaining(`at most ${max} characters`)]);
  });
});

describe('of lists', () => {
  const LISTS = [
    ...KINDS.map(({ path }) => `${path}?folderId=${folderId}`),
    ...KINDS.map(({ path }, index) => `${path}/${computeKinds[index]!.one}/operations?`),
    ...KINDS.map(({ path }, index) => `${path}/${computeKinds[index]!.one}:listAccessBindings?`),
    '/compute/v1/diskTypes?',
    '/compute/v1/zones?',
    `/compute/v1/operations?folderId=${folderId}`,
    `${CLOUDS}?`,
    `${FOLDERS}?cloudId=${cloudId}`,
    `${ACCOUNTS}?folderId=${folderId}`,
    `${KEYS}?serviceAccountId=${accountId}`,
    '/iam/v1/roles?',
    `${QUOTAS}/quotaLimits?resource.id=${cloudId}&resource.type=resource-manager.cloud&service=compute`,
    `${QUOTAS}/quotaRequests?resource.id=${cloudId}&resource.type=resource-manager.cloud`,
  ];

  test.each(LISTS)('%s: pageSize is up to 1000', async (path) => {
    for (const pageSize of ['0', '1', '1000']) {
      expect((await api.send('GET', `${path}&pageSize=${pageSize}`)).status).toBe(200);
    }
    for (const pageSize of ['1001', '-1', '1.5', 'x']) {
      const refused = await api.refused('GET', `${path}&pageSize=${pageSize}`);
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['page_size'] });
    }
  });

  const compute = KINDS.map(({ path }) => `${path}?folderId=${folderId}`);
  test.each(compute)('%s: filter is up to 1000 characters', async (path) => {
    const filterOf = (length: number) => encodeURIComponent(`name="${text(length - 'name=""'.length)}"`);
    expect(await api.get(`${path}&filter=${filterOf(1000)}`)).toEqual({});
    const refused = await api.refused('GET', `${path}&filter=${filterOf(1001)}`);
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['filter'] });
    expect(refused.message).toContain('at most 1000 characters');
  });

  test.each(compute)('%s: orderBy and pageToken are up to 100 characters', async (path) => {
    for (const parameter of ['orderBy', 'pageToken']) {
      const last = await api.refused('GET', `${path}&${parameter}=${text(100)}`);
      expect([last.status, last.message]).toEqual([400, expect.not.stringContaining('characters long')]);
      const beyond = await api.refused('GET', `${path}&${parameter}=${text(101)}`);
      expect(beyond).toMatchObject({ status: 400, code: 3, fields: [snake(parameter)] });
      expect(beyond.message).toContain('at most 100 characters');
    }
  });
});

describe('of how many', () => {
  const bindings = (length: number) =>
    Array.from({ length }, (_, index) => ({
      roleId: 'viewer',
      subject: { type: 'userAccount', id: `user-${index}` },
    }));
  const deltas = (length: number) =>
    bindings(length).map((accessBinding) => ({ action: 'ADD', accessBinding }));
  const wishes = (length: number) =>
    Array.from({ length }, (_, index) => ({ quotaId: `compute.nothing-${index}.count`, desiredLimit: 1 }));

  test.each(computeKinds)(
    'bindings of a $name are set and added up to 1000 at once',
    async ({ path, one }) => {
      const set = (accessBindings: unknown) =>
        api.send('POST', `${path}/${one}:setAccessBindings`, { accessBindings });
      const add = (accessBindingDeltas: unknown) =>
        api.send('POST', `${path}/${one}:updateAccessBindings`, { accessBindingDeltas });
      const outcomes = [
        await set(bindings(1000)),
        await set(bindings(1001)),
        await set([]),
        await add(deltas(1000)),
        await add(deltas(1001)),
        await add([]),
        await set([]),
      ];
      expect(outcomes.map(({ status }) => status)).toEqual([200, 400, 200, 200, 400, 400, 200]);
    },
  );

  test('quotas are asked for from 1 to 1000 at once', async () => {
    const ask = (desiredQuotaLimits: unknown) =>
      api.refused('POST', `${QUOTAS}/quotaRequests`, {
        resource: { id: cloudId, type: 'resource-manager.cloud' },
        desiredQuotaLimits,
      });
    // All of these are unknown; which is another refusal than that they are too many.
    expect((await ask(wishes(1000))).fields).not.toEqual(['desired_quota_limits']);
    for (const length of [0, 1001]) {
      expect(await ask(wishes(length))).toMatchObject({ status: 400, fields: ['desired_quota_limits'] });
    }
  });

  test('a wish for a quota names it in up to 64 characters, and a limit that there can be', async () => {
    const ask = (wish: Fields) =>
      api.refused('POST', `${QUOTAS}/quotaRequests`, {
        resource: { id: cloudId, type: 'resource-manager.cloud' },
        desiredQuotaLimits: [{ quotaId: 'compute.nothing.count', desiredLimit: 1, ...wish }],
      });
    expect((await ask({ quotaId: text(64) })).message).not.toContain('characters long');
    const named = (field: string) => ({ status: 400, fields: [`desired_quota_limits[0].${field}`] });
    expect(await ask({ quotaId: text(65) })).toMatchObject(named('quota_id'));
    for (const desiredLimit of [-1, 1e30, 'many']) {
      expect(await ask({ desiredLimit })).toMatchObject(named('desired_limit'));
    }
  });

  test('a key has a description of up to 256 characters, up to 100 scopes, and ends by 2105', async () => {
    const make = (fields: Fields) => api.send('POST', KEYS, { serviceAccountId: accountId, ...fields });
    const outcomes = [
      await make({ description: text(256) }),
      await make({ description: text(257) }),
      await make({ scopes: Array(101).fill('read') }),
      await make({ scopes: ['read', 'read'] }),
      await make({ expiresAt: '2105-12-31T23:59:59Z' }),
      await make({ expiresAt: '2106-01-01T00:00:00Z' }),
      await make({ expiresAt: '1969-12-31T23:59:59Z' }),
    ];
    expect(outcomes.map(({ status }) => status)).toEqual([200, 400, 400, 400, 200, 400, 400]);
    expect(outcomes[2]!.text).toContain('at most 100 scopes');
  });
});
