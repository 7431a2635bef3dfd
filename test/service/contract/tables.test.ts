/**
 * The contract's tables of fields and methods, row by row: when a field is shown and whether it can be changed, what
 * each method is about and answers with, and which role it needs at least.
 */
import { describe, expect, test } from 'vitest';
import { EVERYBODY, toAccount } from '../api-tenant.ts';
import { type Client, type Fields, IMAGES, type Operation, TYPE } from '../client.ts';
import { EMPTY_DISK_BYTES } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';
import { COMPUTE, EMPTY, FAMILY, KINDS, type Kind, type Shown, stockOf, ZONE } from './kinds.ts';

const { local } = await startOwn();
const tenant = await newTenant(local, { limits: { ...AMPLE, 'compute.diskPools.count': 100 } });
const { api, folderId, otherFolderId } = tenant;
const stock = await stockOf(api, folderId);
const otherStock = await stockOf(api, otherFolderId);
const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };

let count = 0;
const newName = () => `row-${++count}`;
const pathOf = (kind: Kind, { id }: { readonly id: string }) => `${kind.path}/${id}`;

/** A service account of another cloud with one role on one resource. */
async function holderOf(role: string, path: string): Promise<Client> {
  const holder = await newTenant(local);
  await api.call('POST', `${path}:updateAccessBindings`, {
    accessBindingDeltas: [
      { action: 'ADD', accessBinding: { roleId: role, subject: toAccount(holder.accountId) } },
    ],
  });
  return holder.api;
}
const holders = new Map<string, Promise<Client>>();
/** As `holderOf`, the same one each time. */
function holder(role: string, path: string): Promise<Client> {
  const key = `${role} ${path}`;
  const known = holders.get(key) ?? holderOf(role, path);
  holders.set(key, known);
  return known;
}

describe('a field of an image', () => {
  const given: Fields = {
    name: 'of-all-fields',
    description: 'everything that can be given',
    labels: { a: 'b' },
    family: 'tables',
    minDiskSize: String(2 * EMPTY_DISK_BYTES),
    productIds: ['p1'],
    os: { type: 'WINDOWS', nvidia: { driver: '535' } },
    pooled: true,
    hardwareGeneration: V2,
  };
  const [kind] = KINDS as [Kind, ...Kind[]];
  const full = stock.make(kind, given);
  const bare = stock.make(kind);

  /** The field, what it is of the full image and of the bare one, and what an update may set it to. */
  const rows: [field: string, ofFull: unknown, ofBare: unknown, changed?: unknown][] = [
    ['id', expect.stringMatching(/^[a-z0-9]{20}$/), expect.stringMatching(/^[a-z0-9]{20}$/)],
    ['folderId', folderId, folderId],
    ['createdAt', expect.stringMatching(/^\d{4}-.*Z$/), expect.stringMatching(/^\d{4}-.*Z$/)],
    ['name', given.name, undefined, 'renamed'],
    ['description', given.description, undefined, 'another'],
    ['labels', given.labels, undefined, { c: 'd' }],
    ['family', given.family, undefined],
    ['size', expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)],
    ['storageSize', '4194304', '4194304'],
    ['minDiskSize', given.minDiskSize, String(EMPTY_DISK_BYTES), String(4 * EMPTY_DISK_BYTES)],
    ['productIds', given.productIds, undefined],
    ['status', 'READY', 'READY'],
    ['os', given.os, { type: 'LINUX' }],
    ['pooled', true, undefined],
    ['hardwareGeneration', V2, { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } }],
    ['kmsKey', undefined, undefined],
    ['layerId', expect.any(String), expect.any(String)],
    ['digest', expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)],
    ['source', { kind: 'image', id: stock.imageId }, { kind: 'image', id: stock.imageId }],
    ['architecture', undefined, undefined],
    ['inspection', expect.any(Object), expect.any(Object)],
    ['etag', expect.any(String), expect.any(String)],
  ];

  test('is in this table', async () => {
    const known = rows.map(([field]) => field);
    for (const image of [await full, await bare])
      expect(known).toEqual(expect.arrayContaining(Object.keys(image)));
  });

  test.each(rows)('%s is shown when it is known', async (field, ofFull, ofBare) => {
    expect((await full)[field]).toEqual(ofFull);
    expect((await bare)[field]).toEqual(ofBare);
  });

  const changeable = rows.filter(([, , , changed]) => changed !== undefined);
  test.each(changeable)('%s can be changed', async (field, _, __, changed) => {
    const image = await stock.make(kind);
    await api.call('PATCH', pathOf(kind, image), { updateMask: field, [field]: changed });
    const after = await api.get<Shown>(pathOf(kind, image));
    expect(after).toEqual({ ...image, [field]: changed, etag: after.etag });
  });

  const fixed = rows.filter(([, , , changed]) => changed === undefined);
  test.each(fixed)('%s cannot be changed', async (field) => {
    const image = await bare;
    const body = { updateMask: field, [field]: 'x' };
    expect(await api.refused('PATCH', pathOf(kind, image), body)).toMatchObject({
      status: 400,
      code: 3,
      fields: ['update_mask'],
    });
    expect(await api.get(pathOf(kind, image))).toEqual(image);
  });
});

/** One method: how it is called, on what its role is bound, and what it answers. */
interface Method {
  readonly name: string;
  readonly on: 'folder' | 'resource';
  /** Each of them suffices. */
  readonly least: readonly string[];
  /** The next lower ones, each with the refusal. */
  readonly below: Readonly<Record<string, 403 | 404>>;
  readonly call: (kind: Kind, resource: Shown) => readonly [method: string, path: string, body?: Fields];
  /** Of an operation: the message of its metadata with its members, and that of its response. */
  readonly operation?: (
    kind: Kind,
    resource: Shown,
  ) => { metadata: Fields; response: Fields; description: string };
  /** Of anything else: what the answer holds. */
  readonly answer?: (kind: Kind, resource: Shown) => unknown;
}

const everybody = { roleId: 'compute.images.user', subject: EVERYBODY };
const ofKind = (verb: string, kind: Kind, resource: Shown) => ({
  description: `${verb} ${kind.name}`,
  metadata: { '@type': `${COMPUTE}${verb}${kind.title}Metadata`, [kind.id]: resource.id },
  response: verb === 'Delete' ? EMPTY : { '@type': COMPUTE + kind.title, id: resource.id },
});
const ofBindings = (verb: string) => (kind: Kind, resource: Shown) => ({
  description: `${verb} ${kind.name} access bindings`,
  metadata: {
    '@type': `${TYPE}yandex.cloud.access.${verb}AccessBindingsMetadata`,
    resourceId: resource.id,
  },
  response: {
    '@type': `${TYPE}yandex.cloud.access.AccessBindingsOperationResult`,
    // Replacing takes away the holder's own one as well.
    effectiveDeltas: expect.arrayContaining([{ action: 'ADD', accessBinding: everybody }]),
  },
});

/** The user's role of a kind, if it has one, and one that does not even see it. */
const USERS = { image: ['compute.images.user'], disk: ['compute.disks.user'], snapshot: [] } as const;
const BLIND = { image: 'compute.disks.user', disk: 'compute.images.user', snapshot: 'compute.disks.user' };

const latestByFamily: Method = {
  name: 'GetLatestByFamily',
  on: 'folder',
  least: ['compute.images.user', 'compute.viewer'],
  below: { [BLIND.image]: 403 },
  call: () => ['GET', `${IMAGES}:latestByFamily?folderId=${otherFolderId}&family=${FAMILY}`],
  answer: () => expect.objectContaining({ id: otherStock.imageId, family: FAMILY }),
};

const move: Method = {
  name: 'Move',
  on: 'folder',
  least: ['compute.editor'],
  below: { 'compute.operator': 403 },
  call: (kind, one) => ['POST', `${pathOf(kind, one)}:move`, { destinationFolderId: otherFolderId }],
};

const relocate: Method = {
  name: 'Relocate',
  on: 'resource',
  least: ['compute.editor'],
  below: { 'compute.operator': 403, [BLIND.disk]: 404 },
  call: (kind, one) => ['POST', `${pathOf(kind, one)}:relocate`, { destinationZoneId: 'ru-central1-b' }],
  operation: (kind, one) => {
    const { metadata, ...rest } = ofKind('Relocate', kind, one);
    return { ...rest, metadata: { ...metadata, sourceZoneId: ZONE, destinationZoneId: 'ru-central1-b' } };
  },
};

const methodsOf = (kind: Kind): readonly Method[] => {
  const editors = [
    'compute.editor',
    ...(kind.name === 'snapshot' ? ['compute.snapshotSchedules.editor'] : []),
  ];
  const seers = [...USERS[kind.name], 'compute.auditor', 'compute.viewer'];
  const blind = (status: 403 | 404) => ({ [BLIND[kind.name]]: status });
  const users = (status: 403 | 404) => Object.fromEntries(USERS[kind.name].map((role) => [role, status]));
  return [
    {
      name: 'Get',
      on: 'resource',
      least: seers,
      below: blind(404),
      call: (_, one) => ['GET', pathOf(kind, one)],
      answer: (_, one) => one,
    },
    {
      name: 'List',
      on: 'folder',
      least: seers,
      below: blind(403),
      call: () => ['GET', `${kind.path}?folderId=${otherFolderId}`],
      answer: (_, one) => ({
        [kind.list]: expect.arrayContaining([expect.objectContaining({ id: one.id })]),
      }),
    },
    {
      name: 'Create',
      on: 'folder',
      least: editors,
      below: { 'compute.operator': 403 },
      call: () => ['POST', kind.path, { ...otherStock.body(kind), name: newName() }],
      operation: () => ({
        description: `Create ${kind.name}`,
        metadata: { '@type': `${COMPUTE}Create${kind.title}Metadata`, [kind.id]: expect.any(String) },
        response: { '@type': COMPUTE + kind.title, folderId: otherFolderId, status: 'READY' },
      }),
    },
    {
      name: 'Update',
      on: 'resource',
      least: editors,
      below: { 'compute.operator': 403, ...blind(404) },
      call: (_, one) => ['PATCH', pathOf(kind, one), { updateMask: 'description', description: newName() }],
      operation: (_, one) => ofKind('Update', kind, one),
    },
    {
      name: 'ListOperations',
      on: 'resource',
      least: ['compute.auditor', 'compute.viewer'],
      below: { ...users(403), ...blind(404) },
      call: (_, one) => ['GET', `${pathOf(kind, one)}/operations`],
      answer: () => ({ operations: expect.arrayContaining([expect.objectContaining({ done: true })]) }),
    },
    {
      name: 'ListAccessBindings',
      on: 'resource',
      least: ['compute.viewer'],
      below: { 'compute.auditor': 403, ...blind(404) },
      call: (_, one) => ['GET', `${pathOf(kind, one)}:listAccessBindings`],
      answer: () => ({ accessBindings: expect.any(Array) }),
    },
    {
      name: 'SetAccessBindings',
      on: 'resource',
      least: ['compute.admin', 'admin', 'resource-manager.admin'],
      below: { 'compute.editor': 403, ...blind(404) },
      call: (_, one) => ['POST', `${pathOf(kind, one)}:setAccessBindings`, { accessBindings: [everybody] }],
      operation: ofBindings('Set'),
    },
    {
      name: 'UpdateAccessBindings',
      on: 'resource',
      least: ['compute.admin', 'admin', 'resource-manager.admin'],
      below: { 'compute.editor': 403, ...blind(404) },
      call: (_, one) => [
        'POST',
        `${pathOf(kind, one)}:updateAccessBindings`,
        { accessBindingDeltas: [{ action: 'ADD', accessBinding: everybody }] },
      ],
      operation: ofBindings('Update'),
    },
    {
      name: 'Delete',
      on: 'resource',
      least: editors,
      below: { 'compute.operator': 403, ...blind(404) },
      call: (_, one) => ['DELETE', pathOf(kind, one)],
      operation: (_, one) => ofKind('Delete', kind, one),
    },
    ...(kind.name === 'image' ? [latestByFamily] : []),
    ...(kind.name === 'disk' ? [move, relocate] : []),
  ];
};

const OTHER = `/resource-manager/v1/folders/${otherFolderId}`;
const cases = KINDS.flatMap((kind) =>
  methodsOf(kind).flatMap((method) => [
    ...method.least.map((role) => ({
      kind,
      method,
      role,
      refused: undefined,
      name: `${kind.name} ${method.name}`,
    })),
    ...Object.entries(method.below).map(([role, refused]) => ({
      kind,
      method,
      role,
      refused,
      name: `${kind.name} ${method.name}`,
    })),
  ]),
);

describe('a method', () => {
  test.each(cases.filter(({ refused }) => refused === undefined))(
    '$name is given by $role',
    async ({ kind, method, role }) => {
      const one = await otherStock.make(kind);
      const caller = await (method.on === 'folder' ? holder(role, OTHER) : holderOf(role, pathOf(kind, one)));
      const [verb, path, body] = method.call(kind, one);
      const answer = await caller.call<Operation>(verb, path, body);
      if (method.answer !== undefined) expect(answer).toEqual(method.answer(kind, one));
      if (method.operation !== undefined)
        expect(answer).toMatchObject({ done: true, ...method.operation(kind, one) });
    },
  );

  test.each(cases.filter(({ refused }) => refused !== undefined))(
    '$name is not given by $role: $refused',
    async ({ kind, method, role, refused }) => {
      const one = await otherStock.make(kind);
      const caller = await (method.on === 'folder' ? holder(role, OTHER) : holderOf(role, pathOf(kind, one)));
      const [verb, path, body] = method.call(kind, one);
      expect(await caller.refused(verb, path, body)).toMatchObject({
        status: refused,
        code: refused === 404 ? 5 : 7,
      });
      expect(await api.get(pathOf(kind, one))).toEqual(one);
    },
  );
});
