/**
 * The contract's table of roles on images, disks and snapshots: what each gives when it is bound on the folder, on the
 * cloud or on the resource, what is refused with 403 and what with 404, and what the public groups are.
 */
import { describe, expect, test } from 'vitest';
import type { ROLES } from '../../../core/roles.ts';
import { EVERYBODY, toAccount } from '../api-tenant.ts';
import { Client, type Fields, IMAGES, type Operation } from '../client.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';
import { FAMILY, KINDS, type Kind, type KindName, type Shown, stockOf } from './kinds.ts';

const { local } = await startOwn();
/** Holds the highest role of all, so that every other one can be granted. */
const tenant = await newTenant(local, { role: 'organization-manager.organizations.owner', limits: AMPLE });
const { api, cloudId, folderId, otherFolderId } = tenant;
const stock = await stockOf(api, folderId);
/** Resources that nothing changes, one of each kind. */
const standing = new Map<KindName, Shown>();
for (const kind of KINDS) standing.set(kind.name, await stock.make(kind, { name: `standing-${kind.name}` }));

const CLOUD = `/resource-manager/v1/clouds/${cloudId}`;
const FOLDER = `/resource-manager/v1/folders/${folderId}`;
const pathOf = (kind: Kind, id = standing.get(kind.name)!.id) => `${kind.path}/${id}`;

const bind = (path: string, roleId: string, subject: Fields, action = 'ADD') =>
  api.call('POST', `${path}:updateAccessBindings`, {
    accessBindingDeltas: [{ action, accessBinding: { roleId, subject } }],
  });

/** The administrator of another cloud, who holds one role on something here. */
async function holderOf(role: string | undefined, path: string) {
  const holder = await newTenant(local);
  if (role !== undefined) await bind(path, role, toAccount(holder.accountId));
  return holder;
}
type Holder = Awaited<ReturnType<typeof holderOf>>;

/** Everything that can be done with a resource or in its folder; each is answered, and undone where it matters. */
const ACTIONS = {
  list: ({ api: caller }: Holder, kind: Kind) => caller.send('GET', `${kind.path}?folderId=${folderId}`),
  create: ({ api: caller }: Holder, kind: Kind) => caller.send('POST', kind.path, stock.body(kind)),
  get: ({ api: caller }: Holder, kind: Kind) => caller.send('GET', pathOf(kind)),
  update: ({ api: caller }: Holder, kind: Kind) =>
    caller.send('PATCH', pathOf(kind), { updateMask: 'labels', labels: { by: 'role' } }),
  delete: async ({ api: caller }: Holder, kind: Kind) =>
    caller.send('DELETE', pathOf(kind, (await stock.make(kind)).id)),
  operations: ({ api: caller }: Holder, kind: Kind) => caller.send('GET', `${pathOf(kind)}/operations`),
  readBindings: ({ api: caller }: Holder, kind: Kind) =>
    caller.send('GET', `${pathOf(kind)}:listAccessBindings`),
  changeBindings: ({ api: caller }: Holder, kind: Kind) =>
    caller.send('POST', `${pathOf(kind)}:updateAccessBindings`, {
      accessBindingDeltas: [{ action: 'REMOVE', accessBinding: { roleId: 'viewer', subject: EVERYBODY } }],
    }),
  latestByFamily: ({ api: caller }: Holder) =>
    caller.send('GET', `${IMAGES}:latestByFamily?folderId=${folderId}&family=${FAMILY}`),
  download: ({ api: caller }: Holder, kind: Kind) =>
    caller.send('GET', `${pathOf(kind)}:download`, undefined, { headers: { Accept: 'application/json' } }),
  // As the source of an image in the holder's own folder.
  use: ({ api: caller, folderId: own }: Holder, kind: Kind) =>
    caller.send('POST', IMAGES, { folderId: own, [kind.id]: standing.get(kind.name)!.id }),
} as const;
type Action = keyof typeof ACTIONS;
const ALL = Object.keys(ACTIONS) as Action[];
const OF_FOLDER: readonly Action[] = ['list', 'create', 'latestByFamily'];
/** Disks and snapshots have no families, and their bytes are not read. */
const OF_IMAGES: readonly Action[] = ['latestByFamily', 'download'];

const SEES: readonly Action[] = ['list', 'latestByFamily', 'get'];
const USES: readonly Action[] = [...SEES, 'use', 'download'];
const AUDITS: readonly Action[] = [...SEES, 'operations'];
const VIEWS: readonly Action[] = [...AUDITS, 'readBindings'];
const EDITS: readonly Action[] = [...VIEWS, 'use', 'download', 'create', 'update', 'delete'];
const SHARES: readonly Action[] = ['readBindings', 'changeBindings'];
const every = (actions: readonly Action[]) => ({ image: actions, disk: actions, snapshot: actions });
const NOTHING: readonly Action[] = [];

/** Every role that may be bound on a folder, and what it gives there for each kind. */
type Bindable = Exclude<keyof typeof ROLES, 'organization-manager.organizations.owner'>;
const GIVEN: Readonly<Record<Bindable, Readonly<Record<KindName, readonly Action[]>>>> = {
  'compute.images.user': { ...every(NOTHING), image: USES },
  'compute.disks.user': { ...every(NOTHING), disk: USES },
  'compute.snapshotSchedules.viewer': every(NOTHING),
  'compute.snapshotSchedules.editor': {
    image: NOTHING,
    disk: USES,
    snapshot: [...SEES, 'create', 'update', 'delete'],
  },
  'compute.auditor': every(AUDITS),
  'compute.viewer': every(VIEWS),
  'compute.operator': every(VIEWS),
  'compute.editor': every(EDITS),
  'compute.admin': every(ALL),
  auditor: every(VIEWS),
  viewer: every(VIEWS),
  editor: every(EDITS),
  admin: every(ALL),
  'resource-manager.clouds.member': every(NOTHING),
  'resource-manager.viewer': every(NOTHING),
  'resource-manager.editor': every(NOTHING),
  'resource-manager.admin': every(SHARES),
  'resource-manager.clouds.owner': every(ALL),
  'iam.serviceAccounts.admin': every(NOTHING),
  'quota-manager.viewer': every(NOTHING),
  'quota-manager.requestOperator': every(NOTHING),
  'organization-manager.admin': every(SHARES),
};

/** A folder is refused with 403; a resource with 404, or with 403 where it may be seen. */
function statusOf(action: Action, given: readonly Action[]): number {
  if (given.includes(action)) return 200;
  return OF_FOLDER.includes(action) || given.includes('get') ? 403 : 404;
}

async function expectGiven(holder: Holder, kind: Kind, given: readonly Action[]): Promise<void> {
  const actions = ALL.filter((action) => kind.name === 'image' || !OF_IMAGES.includes(action));
  const statuses = await Promise.all(
    actions.map(async (action) => [action, (await ACTIONS[action](holder, kind)).status]),
  );
  expect(Object.fromEntries(statuses)).toEqual(
    Object.fromEntries(actions.map((action) => [action, statusOf(action, given)])),
  );
}

describe('bound on the folder', () => {
  test.each(Object.entries(GIVEN))('%s gives what the table says', async (role, given) => {
    const holder = await holderOf(role, FOLDER);
    for (const kind of KINDS) await expectGiven(holder, kind, given[kind.name]);
  });

  test('nothing gives nothing', async () => {
    const holder = await holderOf(undefined, FOLDER);
    for (const kind of KINDS) await expectGiven(holder, kind, NOTHING);
  });

  test.each([
    ['compute.editor', 200],
    ['editor', 200],
    ['compute.operator', 403],
    ['compute.auditor', 403],
    ['compute.images.user', 404],
  ])('%s cancels a creation: %d', async (role, status) => {
    const { api: caller } = await holderOf(role, FOLDER);
    const creation = await api.create({ folderId, upload: { size: 1 } });
    const answer = await caller.send<Operation>('POST', `/operations/${creation.id}:cancel`);
    expect(answer.status).toBe(status);
    expect((await api.get<Operation>(`/operations/${creation.id}`)).done).toBe(status === 200);
  });
});

describe('a right is inherited', () => {
  test.each(KINDS)('by every folder of a cloud and every $name in them', async (kind) => {
    const holder = await holderOf('compute.viewer', CLOUD);
    await expectGiven(holder, kind, VIEWS);
    const there = await holder.api.send('GET', `${kind.path}?folderId=${otherFolderId}`);
    expect(there.status).toBe(200);
  });

  test.each(KINDS)('by no other $name, no folder and no kind, from one resource', async (kind) => {
    const one = await stock.make(kind);
    const { api: caller } = await holderOf('compute.admin', pathOf(kind, one.id));
    expect((await caller.send('GET', pathOf(kind, one.id))).status).toBe(200);
    expect((await caller.send('GET', `${kind.path}?folderId=${folderId}`)).status).toBe(403);
    expect((await caller.send('POST', kind.path, stock.body(kind))).status).toBe(403);
    for (const other of KINDS) expect((await caller.send('GET', pathOf(other))).status).toBe(404);
  });

  test.each(KINDS)('of a $name as a union: two roles give what both give', async (kind) => {
    const one = await stock.make(kind);
    const holder = await holderOf('compute.auditor', FOLDER);
    const path = pathOf(kind, one.id);
    expect((await holder.api.send('DELETE', path)).status).toBe(403);
    await bind(path, 'compute.editor', toAccount(holder.accountId));
    // A lower role next to it takes nothing away.
    await bind(path, 'compute.viewer', toAccount(holder.accountId));
    expect((await holder.api.send('DELETE', path)).status).toBe(200);
  });

  test.each(KINDS)('of a $name until its binding goes', async (kind) => {
    const path = pathOf(kind, (await stock.make(kind)).id);
    const holder = await holderOf('compute.viewer', path);
    expect((await holder.api.send('GET', path)).status).toBe(200);
    await bind(path, 'compute.viewer', toAccount(holder.accountId), 'REMOVE');
    expect((await holder.api.send('GET', path)).status).toBe(404);
  });
});

describe('bindings', () => {
  const carriers: [what: string, path: string][] = [
    ['a cloud', CLOUD],
    ['a folder', FOLDER],
    ['a service account', `/iam/v1/serviceAccounts/${tenant.accountId}`],
    ...KINDS.map((kind): [string, string] => [`a ${kind.name}`, pathOf(kind)]),
  ];
  test.each(carriers)('are carried by %s', async (_, path) => {
    const accessBinding = { roleId: 'auditor', subject: { type: 'userAccount', id: 'carried' } };
    await bind(path, accessBinding.roleId, accessBinding.subject);
    const bound = await api.get<{ accessBindings: Fields[] }>(`${path}:listAccessBindings`);
    expect(bound.accessBindings).toContainEqual(accessBinding);
    await bind(path, accessBinding.roleId, accessBinding.subject, 'REMOVE');
    const after = await api.get<{ accessBindings?: Fields[] }>(`${path}:listAccessBindings`);
    expect(after.accessBindings ?? []).not.toContainEqual(accessBinding);
  });

  test('are carried by no family, no operation, no disk type and no zone', async () => {
    for (const path of [
      '/compute/v1/imageFamilies/stock',
      '/operations/fd800000000000000000',
      '/compute/v1/diskTypes/network-hdd',
      '/compute/v1/zones/ru-central1-a',
    ]) {
      expect((await api.refused('GET', `${path}:listAccessBindings`)).status).toBe(404);
    }
  });
});

describe('not found or denied', () => {
  const UNKNOWN = 'fd800000000000000000';
  test.each(KINDS)('a $name that may not be seen is told as one that is not there', async (kind) => {
    const { api: caller } = await holderOf(undefined, FOLDER);
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'x' }],
      ['DELETE', '', undefined],
      ['GET', '/operations', undefined],
      ['GET', ':listAccessBindings', undefined],
      ['POST', ':setAccessBindings', {}],
    ] as const) {
      const hidden = await caller.refused(method, pathOf(kind) + suffix, body);
      const unknown = await caller.refused(method, pathOf(kind, UNKNOWN) + suffix, body);
      const { id } = standing.get(kind.name)!;
      expect(hidden).toMatchObject({ status: 404, code: 5, message: `${kind.title} "${id}" not found` });
      expect(unknown.message).toBe(hidden.message.replaceAll(id, UNKNOWN));
    }
  });

  test.each(KINDS)('a folder is refused alike whether it is there or not, for $list', async (kind) => {
    const { api: caller } = await holderOf(undefined, FOLDER);
    for (const folder of [folderId, 'b1g00000000000000000']) {
      const denied = { status: 403, code: 7, message: `Permission denied to folder ${folder}` };
      expect(await caller.refused('GET', `${kind.path}?folderId=${folder}`)).toMatchObject(denied);
      expect(await caller.refused('POST', kind.path, stock.body(kind, folder))).toMatchObject(denied);
    }
  });

  test.each(KINDS)('what is lacking for a $name that may be seen is named', async (kind) => {
    const { api: caller } = await holderOf('compute.auditor', FOLDER);
    const { id } = standing.get(kind.name)!;
    expect(await caller.refused('DELETE', pathOf(kind))).toMatchObject({
      status: 403,
      code: 7,
      message: `Permission denied to ${kind.name} ${id}: compute.${kind.list}.delete is needed`,
    });
  });
});

describe('the public group', () => {
  const nobody = new Client(local.url, undefined);
  const roles = { image: 'compute.images.user', disk: 'compute.disks.user', snapshot: 'compute.viewer' };
  const groups = KINDS.flatMap((kind) =>
    ['allAuthenticatedUsers', 'allUsers'].map((group) => ({ kind, group, name: kind.name })),
  );
  test.each(groups)('$group opens a $name to everyone with a credential', async ({ kind, group }) => {
    const path = pathOf(kind, (await stock.make(kind)).id);
    const stranger = await holderOf(undefined, FOLDER);
    expect((await stranger.api.send('GET', path)).status).toBe(404);
    await bind(path, roles[kind.name], { type: 'system', id: group });
    expect((await stranger.api.send('GET', path)).status).toBe(200);
    expect((await stranger.api.send('DELETE', path)).status).toBe(403);
    expect((await nobody.send('GET', path)).status).toBe(401);
    await bind(path, roles[kind.name], { type: 'system', id: group }, 'REMOVE');
    expect((await stranger.api.send('GET', path)).status).toBe(404);
  });
});
