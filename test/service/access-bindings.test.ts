/** Access bindings and what they give: roles, inheritance, public groups, who may hand out what. A123 to A138. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ROLES } from '../../core/roles.ts';
import {
  ACCOUNTS,
  type AccessBinding,
  type AccessBindingList,
  binding,
  bindingsOf,
  CLOUDS,
  EVERYBODY,
  effective,
  FOLDERS,
  grant,
  newAccount,
  newCloud,
  newFolder,
  newName,
  newPerson,
  nobody,
  operator,
  type Person,
  revoke,
  toAccount,
  update,
} from './api-tenant.ts';
import { type Client, IMAGES, imageIdOf, type Operation, type OperationList, TYPE } from './client.ts';
import { emptyDisk } from './disks.ts';

const cloud = await newCloud();
const folder = await newFolder(cloud.id);
const FOLDER = `${FOLDERS}/${folder.id}`;
const CLOUD = `${CLOUDS}/${cloud.id}`;
const family = 'bound';
const ready = await operator.ready(await emptyDisk(), { folderId: folder.id, family });
const READY = `${IMAGES}/${ready.id}`;
/** Of another cloud, without a right anywhere. */
const strangersFolder = await newFolder((await newCloud()).id);
const stranger = await newPerson(strangersFolder.id);

/** Images of one test: they go with it, because a cloud has a quota of them. */
const made: string[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((path) => operator.send('DELETE', path)));
});

/** An image that is being created, which may be deleted. */
async function newImage(folderId = folder.id): Promise<string> {
  const path = `${IMAGES}/${imageIdOf(await operator.create({ folderId, upload: { size: 1 } }))}`;
  made.push(path);
  return path;
}

/** Everything that can be done with images so far; each answers the HTTP status. */
const ACTIONS = {
  create: async (api: Client) => {
    const body = { folderId: folder.id, upload: { size: 1 } };
    const answer = await api.send<Operation>('POST', IMAGES, body);
    if (answer.status === 200) made.push(`${IMAGES}/${imageIdOf(answer.body)}`);
    return answer;
  },
  list: (api: Client) => api.send('GET', `${IMAGES}?folderId=${folder.id}`),
  latestByFamily: (api: Client) =>
    api.send('GET', `${IMAGES}:latestByFamily?folderId=${folder.id}&family=${family}`),
  get: (api: Client) => api.send('GET', READY),
  update: (api: Client) => api.send('PATCH', READY, { updateMask: 'description', description: newName() }),
  delete: async (api: Client) => api.send('DELETE', await newImage()),
  operations: (api: Client) => api.send('GET', `${READY}/operations`),
  use: (api: Client) =>
    api.send('GET', `${READY}:download`, undefined, { headers: { Accept: 'application/json' } }),
  readBindings: (api: Client) => api.send('GET', `${READY}:listAccessBindings`),
  changeBindings: (api: Client) => api.send('POST', `${READY}:setAccessBindings`, { accessBindings: [] }),
} as const;

type Action = keyof typeof ACTIONS;
const ALL = Object.keys(ACTIONS) as Action[];
const statusesOf = async (api: Client): Promise<Record<string, number>> => {
  const statuses: Record<string, number> = {};
  for (const action of ALL) statuses[action] = (await ACTIONS[action](api)).status;
  return statuses;
};

describe('a right is inherited', () => {
  test('A129 by every folder of a cloud', async () => {
    const other = await newFolder(cloud.id);
    const image = await newImage(other.id);
    for (const [role, statuses] of [
      ['viewer', [200, 403, 403]],
      ['editor', [200, 400, 403]],
      ['admin', [200, 400, 200]],
    ] as const) {
      const { id, api } = await newPerson(strangersFolder.id);
      await grant(CLOUD, role, toAccount(id));
      const answers = [
        await api.send('GET', image),
        // An image that is being created is not updated: 400 comes after the permission.
        await api.send('PATCH', image, { description: 'x' }),
        await api.send('POST', `${image}:updateAccessBindings`, {
          accessBindingDeltas: [{ action: 'REMOVE', accessBinding: binding('viewer', EVERYBODY) }],
        }),
      ];
      expect(
        answers.map(({ status }) => status),
        role,
      ).toEqual(statuses);
    }
  });

  test('by no sibling and not upwards', async () => {
    const { id, api } = await newPerson(strangersFolder.id);
    await grant(READY, 'compute.viewer', toAccount(id));
    const [mine, other] = [await api.send('GET', READY), await api.send('GET', await newImage())];
    expect([mine.status, other.status]).toEqual([200, 404]);
    expect((await api.send('GET', `${IMAGES}?folderId=${folder.id}`)).status).toBe(403);
    expect((await api.send('GET', FOLDER)).status).toBe(403);
  });

  test('until the binding goes', async () => {
    const { id, api } = await newPerson(strangersFolder.id);
    await grant(CLOUD, 'viewer', toAccount(id));
    expect((await api.send('GET', READY)).status).toBe(200);
    await revoke(CLOUD, 'viewer', toAccount(id));
    expect((await api.send('GET', READY)).status).toBe(404);
  });

  test("by the users of the account's organization", async () => {
    const image = await newImage();
    expect((await stranger.api.send('GET', image)).status).toBe(404);
    await grant(image, 'compute.viewer', { type: 'system', id: 'group:organization:local:users' });
    expect((await stranger.api.send('GET', image)).status).toBe(200);
    await grant(await newImage(), 'compute.viewer', { type: 'system', id: 'group:organization:other:users' });
  });
});

describe('the contract', () => {
  test('A123 answers 403 for a folder without rights and for one that does not exist', async () => {
    for (const id of [folder.id, 'b1g00000000000000000']) {
      for (const [method, path, body] of [
        ['GET', `${IMAGES}?folderId=${id}`, undefined],
        ['GET', `${IMAGES}:latestByFamily?folderId=${id}&family=${family}`, undefined],
        ['POST', IMAGES, { folderId: id, upload: { size: 1 } }],
      ] as const) {
        expect(await stranger.api.refused(method, path, body)).toMatchObject({
          status: 403,
          code: 7,
          message: `Permission denied to folder ${id}`,
        });
      }
    }
  });

  /** What a role does on one image or its folder, besides what the table above says. */
  const cases: [string, string, string, Partial<Record<Action, number>>][] = [
    [
      'A124',
      'compute.images.user',
      READY,
      { get: 200, update: 403, readBindings: 403, changeBindings: 403, use: 200 },
    ],
    [
      'A125',
      'compute.viewer',
      FOLDER,
      { list: 200, get: 200, operations: 200, readBindings: 200, create: 403, use: 403 },
    ],
    ['A126', 'compute.auditor', FOLDER, { list: 200, get: 200, readBindings: 403 }],
    ['A127', 'compute.editor', FOLDER, { create: 200, update: 200, delete: 200, changeBindings: 403 }],
    ['A128', 'compute.admin', FOLDER, { changeBindings: 200 }],
    ['A128', 'admin', FOLDER, { changeBindings: 200 }],
  ];
  test.each(cases)('%s: %s on %s', async (_, role, path, wanted) => {
    const { id, api } = await newPerson(strangersFolder.id);
    await grant(path, role, toAccount(id));
    const statuses = await statusesOf(api);
    expect(statuses).toMatchObject(wanted);
  });

  test('A124 refuses to delete or change an image that may only be used', async () => {
    const { id, api } = await newPerson(strangersFolder.id);
    const image = await newImage();
    await grant(image, 'compute.images.user', toAccount(id));
    for (const [method, path, permission] of [
      ['DELETE', image, 'compute.images.delete'],
      ['PATCH', image, 'compute.images.update'],
      ['GET', `${image}:listAccessBindings`, 'compute.images.getAccessBindings'],
      ['POST', `${image}:setAccessBindings`, 'compute.images.setAccessBindings'],
    ] as const) {
      expect(await api.refused(method, path, method === 'GET' ? undefined : {})).toMatchObject({
        status: 403,
        code: 7,
        message: `Permission denied to image ${image.slice(IMAGES.length + 1)}: ${permission} is needed`,
      });
    }
  });

  test('A130 to A134 make an image public, and private again', async () => {
    const image = await newImage();
    const resourceId = image.slice(IMAGES.length + 1);
    const everybody = binding('compute.images.user', EVERYBODY);
    const opened = await update(image, [['ADD', everybody]]);
    expect(opened).toMatchObject({
      done: true,
      description: 'Update image access bindings',
      metadata: { '@type': `${TYPE}yandex.cloud.access.UpdateAccessBindingsMetadata`, resourceId },
      response: {
        '@type': `${TYPE}yandex.cloud.access.AccessBindingsOperationResult`,
        effectiveDeltas: [{ action: 'ADD', accessBinding: everybody }],
      },
    });
    // A131
    expect((await stranger.api.image(resourceId)).id).toBe(resourceId);
    expect((await nobody.refused('GET', image)).status).toBe(401);
    expect((await stranger.api.refused('DELETE', image)).status).toBe(403);
    // A132
    const again = await update(image, [['ADD', everybody]]);
    expect(again.response).toEqual({ '@type': `${TYPE}yandex.cloud.access.AccessBindingsOperationResult` });
    expect(await bindingsOf(image)).toEqual([everybody]);
    // A133
    expect(effective(await update(image, [['REMOVE', everybody]]))).toEqual([
      ['REMOVE', 'compute.images.user', 'allAuthenticatedUsers'],
    ]);
    const hidden = await stranger.api.refused('GET', image);
    expect([hidden.status, hidden.message]).toEqual([404, `Image "${resourceId}" not found`]);
    // A134
    await update(image, [['ADD', everybody]]);
    const emptied = await operator.call<Operation>('POST', `${image}:setAccessBindings`, {
      accessBindings: [],
    });
    expect(emptied).toMatchObject({
      done: true,
      metadata: { '@type': `${TYPE}yandex.cloud.access.SetAccessBindingsMetadata`, resourceId },
    });
    expect(await operator.get(`${image}:listAccessBindings`)).toEqual({});
    const { operations } = await operator.get<OperationList>(`${image}/operations`);
    expect(operations?.map(({ description }) => description)).toEqual([
      'Set image access bindings',
      ...Array(4).fill('Update image access bindings'),
      'Create image',
    ]);
  });

  test('a folder is public as a whole', async () => {
    const shelf = await newFolder(cloud.id);
    const image = await newImage(shelf.id);
    await grant(`${FOLDERS}/${shelf.id}`, 'compute.images.user', { type: 'system', id: 'allUsers' });
    expect((await stranger.api.images(shelf.id)).map(({ id }) => `${IMAGES}/${id}`)).toEqual([image]);
    expect((await stranger.api.send('GET', image)).status).toBe(200);
    expect((await stranger.api.refused('GET', `${FOLDERS}/${shelf.id}`)).status).toBe(403);
  });

  test('standard-images is read by all and bound by its administrators', async () => {
    const path = `${FOLDERS}/standard-images`;
    expect((await stranger.api.send('GET', `${IMAGES}?folderId=standard-images`)).status).toBe(200);
    expect((await stranger.api.refused('POST', `${path}:setAccessBindings`, {})).status).toBe(403);
    expect(await bindingsOf(path)).toContainEqual(binding('compute.images.user', EVERYBODY));
  });

  const user = { type: 'userAccount', id: 'aje0000000000000user' };
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => binding('viewer', { ...user, id: `user-${n}` }));
  const delta = (action: unknown, accessBinding: unknown) => ({
    accessBindingDeltas: [{ action, accessBinding }],
  });
  const set = (accessBinding: unknown) => ({ accessBindings: [accessBinding] });
  const DELTA = 'access_binding_deltas[0].access_binding';
  const wrong: [string, 'set' | 'update', object, string[]][] = [
    ['A135 1001 bindings', 'set', { accessBindings: many(1001) }, ['access_bindings']],
    ['A135 no delta', 'update', { accessBindingDeltas: [] }, ['access_binding_deltas']],
    ['A135 no deltas at all', 'update', {}, ['access_binding_deltas']],
    [
      'A135 1001 deltas',
      'update',
      { accessBindingDeltas: many(1001).map((one) => ({ action: 'ADD', accessBinding: one })) },
      ['access_binding_deltas'],
    ],
    [
      'A136 no action',
      'update',
      delta(undefined, binding('viewer', user)),
      ['access_binding_deltas[0].action'],
    ],
    [
      'A136 the action for none',
      'update',
      delta('ACCESS_BINDING_ACTION_UNSPECIFIED', binding('viewer', user)),
      ['access_binding_deltas[0].action'],
    ],
    ['A136 the action 0', 'update', delta(0, binding('viewer', user)), ['access_binding_deltas[0].action']],
    ['A136 no binding', 'update', delta('ADD', undefined), [DELTA]],
    ['A136 no role', 'update', delta('ADD', { subject: user }), [`${DELTA}.role_id`]],
    ['A136 no subject', 'update', delta('ADD', { roleId: 'viewer' }), [`${DELTA}.subject`]],
    [
      'A136 no subject id',
      'update',
      delta('ADD', { roleId: 'viewer', subject: { type: 'userAccount' } }),
      [`${DELTA}.subject.id`],
    ],
    ['A136 no role', 'set', set({ subject: user }), ['access_bindings[0].role_id']],
    [
      'A137 a group that is a user',
      'set',
      set(binding('viewer', { type: 'userAccount', id: 'allAuthenticatedUsers' })),
      ['access_bindings[0].subject.id'],
    ],
    [
      'a user that is a group',
      'set',
      set(binding('viewer', { type: 'system', id: user.id })),
      ['access_bindings[0].subject.id'],
    ],
    [
      'an unknown type of subject',
      'set',
      set(binding('viewer', { type: 'robot', id: user.id })),
      ['access_bindings[0].subject.type'],
    ],
    ['an unknown role', 'update', delta('ADD', binding('compute.owner', user)), ['role_id']],
    ['a role of 65', 'set', set(binding('r'.repeat(65), user)), ['access_bindings[0].role_id']],
  ];
  test.each(wrong)('refuses %s (%s)', async (_, method, body, fields) => {
    const refusal = await operator.refused('POST', `${READY}:${method}AccessBindings`, body);
    expect([refusal.status, refusal.code, refusal.fields]).toEqual([400, 3, fields]);
  });

  test('refuses a service account that does not exist, and takes users that it does not know', async () => {
    const image = await newImage();
    const id = 'aje00000000000000000';
    expect(
      await operator.refused('POST', `${image}:setAccessBindings`, set(binding('viewer', toAccount(id)))),
    ).toMatchObject({ status: 404, code: 5, message: `Service account "${id}" not found` });
    const bound = [
      binding('viewer', user),
      binding('viewer', { type: 'federatedUser', id: 'somebody@example.org' }),
      binding('viewer', { type: 'group', id: 'aje0000000000000team' }),
    ];
    await operator.call('POST', `${image}:setAccessBindings`, { accessBindings: bound });
    expect(await bindingsOf(image)).toEqual(bound);
  });

  test('A138 lists page by page what is set on the resource itself', async () => {
    const image = await newImage();
    const bound = many(3);
    await operator.call('POST', `${image}:setAccessBindings`, { accessBindings: bound });
    const read: AccessBinding[] = [];
    let token = '';
    do {
      const page = await operator.get<AccessBindingList>(
        `${image}:listAccessBindings?pageSize=1&pageToken=${token}`,
      );
      expect(page.accessBindings).toHaveLength(1);
      read.push(...page.accessBindings!);
      token = page.nextPageToken ?? '';
    } while (token !== '');
    expect(read).toEqual(bound);
    const other = await operator.refused('GET', `${image}:listAccessBindings?pageToken=x`);
    expect([other.status, other.fields]).toEqual([400, ['page_token']]);
    const large = await operator.refused('GET', `${image}:listAccessBindings?pageSize=1001`);
    expect([large.status, large.fields]).toEqual([400, ['page_size']]);
  });

  test('sets, changes and lists a thousand at once', async () => {
    const image = await newImage();
    const bound = many(1000);
    const made = await operator.call<Operation>('POST', `${image}:setAccessBindings`, {
      accessBindings: bound,
    });
    expect(effective(made)).toHaveLength(1000);
    expect(await bindingsOf(image)).toEqual(bound);
    const removed = await update(
      image,
      bound.map((one) => ['REMOVE', one]),
    );
    expect(effective(removed)).toHaveLength(1000);
    expect(await bindingsOf(image)).toEqual([]);
  });

  test('replaces what is there, removals first', async () => {
    const image = await newImage();
    const [a, b, c] = many(3);
    await operator.call('POST', `${image}:setAccessBindings`, { accessBindings: [a, b] });
    const replaced = await operator.call<Operation>('POST', `${image}:setAccessBindings`, {
      accessBindings: [b, c, c],
    });
    expect(effective(replaced)).toEqual([
      ['REMOVE', 'viewer', a!.subject.id],
      ['ADD', 'viewer', c!.subject.id],
    ]);
    expect(await bindingsOf(image)).toEqual([b, c]);
  });
});

describe('every kind of resource', () => {
  test.each([
    ['image', async () => newImage()],
    ['folder', async () => `${FOLDERS}/${(await newFolder(cloud.id)).id}`],
    ['cloud', async () => `${CLOUDS}/${(await newCloud()).id}`],
    ['service account', async () => `${ACCOUNTS}/${(await newAccount(folder.id)).id}`],
  ])('carries bindings: %s', async (kind, make) => {
    const path = await make();
    const before = await bindingsOf(path);
    const viewer = binding('viewer', toAccount(stranger.id));
    const made = await update(path, [['ADD', viewer]]);
    expect(made.description).toBe(`Update ${kind} access bindings`);
    expect(await bindingsOf(path)).toEqual([...before, viewer]);
    expect((await stranger.api.send('GET', path)).status).toBe(200);
    expect((await stranger.api.send('GET', `${path}/operations`)).status).toBe(200);
    expect(await stranger.api.get<Operation>(`/operations/${made.id}`)).toEqual(made);
    const set = await operator.call<Operation>('POST', `${path}:setAccessBindings`, {
      accessBindings: before,
    });
    expect(set.description).toBe(`Set ${kind} access bindings`);
    expect(effective(set)).toEqual([['REMOVE', 'viewer', stranger.id]]);
    expect((await stranger.api.send('GET', `/operations/${made.id}`)).status).toBe(404);
  });
});

describe('who may hand out what', () => {
  const OWNER = 'resource-manager.clouds.owner';
  let home: string;
  let admin: Person;

  beforeAll(async () => {
    home = `${CLOUDS}/${(await newCloud()).id}`;
    admin = await newPerson(strangersFolder.id);
    await grant(home, 'admin', toAccount(admin.id));
  });

  test('an admin gives every role but those of owners', async () => {
    const { id } = await newAccount(strangersFolder.id);
    for (const role of Object.keys(ROLES)) {
      const asked = { accessBindingDeltas: [{ action: 'ADD', accessBinding: binding(role, toAccount(id)) }] };
      const { status } = await admin.api.send('POST', `${home}:updateAccessBindings`, asked);
      const refused = role.endsWith('.owner') || role === 'organization-manager.admin';
      expect([role, status]).toEqual([role, refused ? 403 : 200]);
    }
  });

  test('an admin takes no ownership away, also not by replacing everything', async () => {
    const taken = await admin.api.refused('POST', `${home}:setAccessBindings`, {
      accessBindings: [binding('admin', toAccount(admin.id))],
    });
    expect([taken.status, taken.code]).toEqual([403, 7]);
    expect(await bindingsOf(home)).toContainEqual(binding(OWNER, toAccount('local-admin')));
  });

  test('a cloud keeps an owner, also when two leave at the same time', async () => {
    const other = `${CLOUDS}/${(await newCloud()).id}`;
    expect(await operator.refused('POST', `${other}:setAccessBindings`, {})).toMatchObject({
      status: 400,
      code: 9,
    });
    const second = await newPerson(strangersFolder.id);
    await grant(other, OWNER, toAccount(second.id));
    const leave = (person: { id: string; api: Client }) =>
      person.api.send('POST', `${other}:updateAccessBindings`, {
        accessBindingDeltas: [{ action: 'REMOVE', accessBinding: binding(OWNER, toAccount(person.id)) }],
      });
    const answers = await Promise.all([leave(second), leave({ id: 'local-admin', api: operator })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    const owners = (await bindingsOf(other)).filter(({ roleId }) => roleId === OWNER);
    expect(owners).toHaveLength(1);
  });

  test('a resource-manager.admin shares an image that it cannot see', async () => {
    const { id, api } = await newPerson(strangersFolder.id);
    await grant(FOLDER, 'resource-manager.admin', toAccount(id));
    const image = await newImage();
    await grant(image, 'compute.viewer', toAccount(stranger.id), api);
    expect((await api.send('GET', image)).status).toBe(404);
    expect((await stranger.api.send('GET', image)).status).toBe(200);
  });

  test('a key without the scope admin changes no bindings', async () => {
    const { id, api } = await newPerson(strangersFolder.id, { scopes: ['write'] });
    await grant(home, 'admin', toAccount(id));
    expect((await api.refused('POST', `${home}:setAccessBindings`, {})).status).toBe(403);
    expect((await api.send('GET', `${home}:listAccessBindings`)).status).toBe(200);
  });
});

describe('at the same time', () => {
  test('changes to different bindings all survive', async () => {
    const image = await newImage();
    const subjects = Array.from({ length: 20 }, (_, n) => ({ type: 'userAccount', id: `user-${n}` }));
    await Promise.all(subjects.map((subject) => grant(image, 'viewer', subject)));
    const bound = await bindingsOf(image);
    expect(bound.map(({ subject }) => subject.id).sort()).toEqual(subjects.map(({ id }) => id).sort());
    await Promise.all(subjects.map((subject) => revoke(image, 'viewer', subject)));
    expect(await bindingsOf(image)).toEqual([]);
  });

  test('the same change is made once', async () => {
    const image = await newImage();
    const changes = await Promise.all(
      Array.from({ length: 5 }, () => grant(image, 'viewer', { type: 'userAccount', id: 'one' })),
    );
    expect(changes.map((operation) => effective(operation).length).sort()).toEqual([0, 0, 0, 0, 1]);
    expect(await bindingsOf(image)).toHaveLength(1);
  });

  test('a replacement is whole, with nothing of another one in it', async () => {
    const image = await newImage();
    const sets = Array.from({ length: 4 }, (_, set) =>
      Array.from({ length: 10 }, (__, n) => binding('viewer', { type: 'userAccount', id: `${set}-${n}` })),
    );
    const answers = await Promise.all(
      sets.map((accessBindings) => operator.send('POST', `${image}:setAccessBindings`, { accessBindings })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(sets).toContainEqual(await bindingsOf(image));
  });
});
