/** Images of images, of disks and of snapshots, and of uploads whose bytes are there already. */
import { describe, expect, test } from 'vitest';
import type { QuotaId } from '../../../core/quotas.ts';
import { EVERYBODY, grant, toAccount } from '../api-tenant.ts';
import { Client, type Fields, IMAGES, type Image, imageIdOf, type Operation, sha256 } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk, rawDisk, sample } from '../disks.ts';
import { eventually } from '../setup/eventually.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, quotaUse, setLimit } from '../tenant.ts';
import { CHUNK, DISKS, newDisk, newSnapshot, SNAPSHOTS } from '../volumes.ts';

const own = await startOwn();
const { local } = own;
const owner = await newTenant(local, { limits: { ...AMPLE, 'compute.diskPools.count': 1000 } });
const { api, folderId, otherFolderId } = owner;
/** The administrator of another cloud, without a right here. */
const stranger = await newTenant(local, { limits: AMPLE });
const administrator = new Client(local.url, own.key);
const bytes = await emptyDisk();

const V1 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } };
const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };
const GEN2 = { generation2Features: {} };

/** The image that a creation made in the same call. */
async function madeBy(creation: Promise<Operation>, caller = api): Promise<Image> {
  const operation = await creation;
  expect(operation).toMatchObject({ done: true, response: { status: 'READY' } });
  expect(operation).not.toHaveProperty('error');
  return await caller.image(imageIdOf(operation));
}

const madeOf = (source: Fields, more: Fields = {}, caller = api) =>
  madeBy(caller.create({ folderId, ...source, ...more }), caller);
const of = ({ id }: { readonly id: string }, more: Fields = {}) => madeOf({ imageId: id }, more);
const refused = (more: Fields, caller = api) => caller.refused('POST', IMAGES, { folderId, ...more });
const pushed = async (file: string, more: Fields = {}) =>
  api.ready(await sample(file), { folderId, ...more });
const JSON_ONLY = { headers: { Accept: 'application/json' } };
const countImages = async () => (await api.images(folderId, { pageSize: '1000' })).length;

/** Of everything that can be given, and nothing at its default. */
const rich = await api.ready(bytes, {
  folderId,
  name: 'rich',
  description: 'of everything',
  labels: { a: 'b' },
  family: 'rich',
  minDiskSize: String(EMPTY_DISK_BYTES + 1),
  productIds: ['p1', 'p2'],
  os: { type: 'WINDOWS', nvidia: { driver: '535' } },
  pooled: true,
  hardwareGeneration: V2,
});

describe('an image of an image', () => {
  test('is READY in the same call, on the same bytes', async () => {
    const image = await of(rich);
    expect(image).toMatchObject({
      status: 'READY',
      source: { kind: 'image', id: rich.id },
      layerId: rich.layerId,
      size: rich.size,
      storageSize: '4194304',
    });
    expect(image.inspection).toEqual(rich.inspection);
  });

  test('A34 that is unknown is not found, and makes nothing', async () => {
    const before = await countImages();
    const unknown = await refused({ imageId: 'fd800000000000000000' });
    expect(unknown).toMatchObject({
      status: 404,
      code: 5,
      message: 'Image "fd800000000000000000" not found',
    });
    expect(await countImages()).toBe(before);
  });

  test('A36 needs as much of a disk as that one, exactly', async () => {
    const image = await of(rich);
    expect(image.minDiskSize).toBe(String(EMPTY_DISK_BYTES + 1));
    // What is the smallest for the new one, too.
    const below = await api.refused('PATCH', `${IMAGES}/${image.id}`, {
      updateMask: 'minDiskSize',
      minDiskSize: String(EMPTY_DISK_BYTES),
    });
    expect(below.message).toContain(`greater or equal than ${EMPTY_DISK_BYTES + 1}`);
  });

  test('A36 may need more, never less', async () => {
    expect(await of(rich, { minDiskSize: '21474836480' })).toMatchObject({ minDiskSize: '21474836480' });
    expect(await of(rich, { minDiskSize: 0 })).toMatchObject({ minDiskSize: rich.minDiskSize });
    expect(await refused({ imageId: rich.id, minDiskSize: EMPTY_DISK_BYTES })).toMatchObject({
      status: 400,
      code: 3,
      message: `Minimal disk size should be greater or equal than ${EMPTY_DISK_BYTES + 1}`,
      fields: ['min_disk_size'],
    });
  });

  test.each([
    [undefined, ['p1', 'p2']],
    [[], ['p1', 'p2']],
    [['p0'], ['p1', 'p2', 'p0']],
    [
      ['p2', 'p3', 'p1'],
      ['p1', 'p2', 'p3'],
    ],
  ])('A37 with the licences %j has %j', async (productIds, expected) => {
    expect((await of(rich, { productIds })).productIds).toEqual(expected);
  });

  test('A37 has at most 100 licences together with those of its source', async () => {
    const productIds = Array.from({ length: 99 }, (_, index) => `new-${index}`);
    expect(await refused({ imageId: rich.id, productIds })).toMatchObject({
      status: 400,
      code: 3,
      fields: ['product_ids'],
    });
  });

  test('A38 A39 has no label, name, description, family or pool of its source', async () => {
    const image = await of(rich);
    for (const member of ['labels', 'name', 'description', 'family', 'pooled']) {
      expect(image).not.toHaveProperty(member);
    }
    const given = { labels: { c: 'd' }, name: 'own', description: 'own', family: 'own', pooled: true };
    expect(await of(rich, given)).toMatchObject(given);
  });

  test('has no access binding of its source', async () => {
    await grant(`${IMAGES}/${rich.id}`, 'compute.images.user', toAccount(stranger.accountId), api);
    const image = await of(rich);
    expect(await stranger.api.image(rich.id)).toMatchObject({ id: rich.id });
    expect((await stranger.api.refused('GET', `${IMAGES}/${image.id}`)).status).toBe(404);
  });

  const NVIDIA = { driver: '535' };
  test.each([
    ['A40 nothing', undefined, { type: 'WINDOWS', nvidia: NVIDIA }],
    ['A41 an empty object', {}, { type: 'WINDOWS', nvidia: NVIDIA }],
    ['A41 TYPE_UNSPECIFIED', { type: 'TYPE_UNSPECIFIED' }, { type: 'WINDOWS', nvidia: NVIDIA }],
    ['A41 a type', { type: 'LINUX' }, { type: 'LINUX', nvidia: NVIDIA }],
    ['A41 a driver', { nvidia: { driver: '550' } }, { type: 'WINDOWS', nvidia: { driver: '550' } }],
  ])('%s as its os gives the rest of the source', async (_, os, expected) => {
    expect((await of(rich, { os })).os).toEqual(expected);
  });

  test.each([
    ['A71 nothing', GEN2, undefined, GEN2],
    ['nothing', V2, undefined, V2],
    ['an empty object', V2, {}, V2],
    ['legacy features without a topology', V2, { legacyFeatures: {} }, V2],
    ['legacy features without a topology', V1, { legacyFeatures: {} }, V1],
    ['legacy features without a topology', GEN2, { legacyFeatures: {} }, V1],
    ['another generation', GEN2, V2, V2],
    ['another generation', V1, GEN2, GEN2],
  ])('%s over %j, declared %j, is %j', async (_, generation, declared, expected) => {
    const source = await of(rich, { hardwareGeneration: generation });
    const image = await of(source, { hardwareGeneration: declared });
    expect(image.hardwareGeneration).toEqual(expected);
  });

  test('A73 that is being created is refused', async () => {
    const creating = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    expect(await refused({ imageId: creating })).toMatchObject({
      status: 400,
      code: 9,
      message: `The image "${creating}" is CREATING; only a READY one can be the source of an image`,
    });
  });

  test('stays when its source goes, with its bytes', async () => {
    const source = await of(rich);
    const image = await of(source);
    await api.call('DELETE', `${IMAGES}/${source.id}`);
    expect(await api.image(image.id)).toEqual(image);
    expect(await api.get(`${IMAGES}/${image.id}:download`, JSON_ONLY)).toMatchObject({
      size: String(bytes.length),
    });
  });

  test('with an Idempotency-Key is made once, also when its source has gone', async () => {
    const source = await of(rich);
    const request = () =>
      api.create(
        { folderId, imageId: source.id },
        { headers: { 'Idempotency-Key': 'f9e5d9f6-8a0c-4d0e-9f0e-0d9f3c1f7a10' } },
      );
    const first = await request();
    await api.call('DELETE', `${IMAGES}/${source.id}`);
    expect(await request()).toEqual(first);
  });
});

describe('an image of a disk or a snapshot', () => {
  const SIZE = 32 * CHUNK;
  const disk = (fields: Fields, caller = api, folder = folderId) =>
    newDisk(caller, { folderId: folder, size: String(SIZE), ...fields });
  const snapshotOf = (diskId: string, caller = api, folder = folderId) =>
    newSnapshot(caller, { folderId: folder, diskId, name: '', labels: { of: 'disk' } });

  test('A27 A28 names the layer of the disk, and needs as much as the disk has', async () => {
    const { id: imageId } = await of(rich);
    const source = await disk({
      imageId,
      hardwareGeneration: GEN2,
      name: 'a27',
      labels: { a: 'b' },
    });
    const image = await madeOf({ diskId: source.id });
    expect(image).toMatchObject({
      source: { kind: 'disk', id: source.id },
      layerId: source.layerId,
      minDiskSize: String(SIZE),
      productIds: ['p1', 'p2'],
      os: { type: 'WINDOWS', nvidia: { driver: '535' } },
      hardwareGeneration: GEN2,
      size: rich.size,
      inspection: rich.inspection,
    });
    for (const member of ['labels', 'name', 'description', 'family', 'pooled']) {
      expect(image).not.toHaveProperty(member);
    }
    // Its copy of the bytes is another object than that of the image.
    expect(image.layerId).not.toBe(rich.layerId);
    await api.call('DELETE', `${DISKS}/${source.id}`);
    expect(await api.get(`${IMAGES}/${image.id}:download`, JSON_ONLY)).toMatchObject({
      size: String(bytes.length),
    });
  });

  test('A28 of an empty disk is LINUX, with the generation of the disk, and holds no bytes', async () => {
    const source = await disk({ hardwareGeneration: V2 });
    const image = await madeOf({ diskId: source.id });
    expect(image).toMatchObject({
      minDiskSize: String(SIZE),
      os: { type: 'LINUX' },
      hardwareGeneration: V2,
    });
    for (const member of ['size', 'storageSize', 'inspection', 'digest', 'architecture']) {
      expect(image).not.toHaveProperty(member);
    }
    const refusedDownload = await api.refused('GET', `${IMAGES}/${image.id}:download`);
    expect(refusedDownload).toMatchObject({ status: 400, code: 9 });
    expect(refusedDownload.message).toContain('it holds no bytes');
    expect(await of(image)).toMatchObject({ minDiskSize: String(SIZE) });
    const again = await disk({ imageId: image.id });
    expect(again.status).toBe('READY');
  });

  test('of a disk of an optimized image names the shared layer', async () => {
    const pooled = await of(rich, { pooled: true });
    const source = await disk({ imageId: pooled.id });
    expect((await madeOf({ diskId: source.id })).layerId).toBe(rich.layerId);
  });

  test('A42 names the layer of the snapshot, and needs as much as its disk had', async () => {
    const source = await disk({ imageId: rich.id, hardwareGeneration: GEN2 });
    const snapshot = await snapshotOf(source.id);
    await api.call('DELETE', `${DISKS}/${source.id}`);
    const image = await madeOf({ snapshotId: snapshot.id }, { productIds: ['p3'] });
    expect(image).toMatchObject({
      status: 'READY',
      source: { kind: 'snapshot', id: snapshot.id },
      minDiskSize: String(SIZE),
      productIds: ['p1', 'p2', 'p3'],
      os: { type: 'WINDOWS', nvidia: { driver: '535' } },
      hardwareGeneration: GEN2,
    });
    expect(image).not.toHaveProperty('labels');
    expect(await refused({ snapshotId: snapshot.id, minDiskSize: SIZE - CHUNK })).toMatchObject({
      status: 400,
      code: 3,
      message: `Minimal disk size should be greater or equal than ${SIZE}`,
    });
  });

  test.each([
    ['disk', 'compute.disks.user', 'diskId'],
    ['disk', 'compute.snapshotSchedules.editor', 'diskId'],
    ['snapshot', 'compute.editor', 'snapshotId'],
  ] as const)('of a %s takes %s on it, in whatever cloud it is', async (kind, roleId, member) => {
    const source = await disk({ imageId: rich.id });
    const { id } = kind === 'disk' ? source : await snapshotOf(source.id);
    const path = `${kind === 'disk' ? DISKS : SNAPSHOTS}/${id}`;
    const person = await newTenant(local, { limits: AMPLE });
    const create = { folderId: person.folderId, [member]: id };
    expect(await person.api.refused('POST', IMAGES, create)).toMatchObject({ status: 404, code: 5 });
    await grant(path, 'compute.viewer', toAccount(person.accountId), api);
    expect(await person.api.refused('POST', IMAGES, create)).toMatchObject({
      status: 403,
      code: 7,
      message: `Permission denied to ${kind} ${id}: compute.${kind}s.use is needed`,
    });
    await grant(path, roleId, toAccount(person.accountId), api);
    await madeBy(person.api.create(create), person.api);
  });
});

describe('what is declared of an image of an image is held against what its disk was found to be', () => {
  test.each([
    ['qcow2-zstd.qcow2', { hardwareGeneration: GEN2 }, 'hardware_generation', 'Gen 2 boots UEFI'],
    ['qcow2-cluster-512.qcow2', { hardwareGeneration: V2 }, 'hardware_generation', 'Gen 1.2 boots BIOS'],
    ['windows-mbr.img', { os: { type: 'LINUX' } }, 'os.type', 'declare WINDOWS'],
    ['qcow2-v2.qcow2', { os: { type: 'WINDOWS' } }, 'os.type', 'declare LINUX'],
  ])('%s is not %j', async (file, declared, field, words) => {
    const source = await pushed(file);
    const before = await countImages();
    const error = await refused({ imageId: source.id, ...declared });
    expect(error).toMatchObject({ status: 400, code: 3, fields: [field] });
    expect(error.message).toContain(words);
    expect(await countImages()).toBe(before);
  });

  test.each([
    ['windows-mbr.img', { os: { type: 'WINDOWS' } }],
    ['qcow2-v2.qcow2', { os: { type: 'LINUX' }, hardwareGeneration: GEN2 }],
    ['qcow2-empty.qcow2', { os: { type: 'WINDOWS' }, hardwareGeneration: GEN2 }],
  ])('%s may be %j', async (file, declared) => {
    expect(await of(await pushed(file), declared)).toMatchObject(declared);
  });
});

describe('the order of checks', () => {
  test('folder, source, its state, name, quotas', async () => {
    const creating = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    const poor = await newTenant(local, { limits: { 'compute.images.count': 1 } });
    await grant(`${IMAGES}/${rich.id}`, 'compute.images.user', toAccount(poor.accountId), api);
    await grant(`${IMAGES}/${creating}`, 'compute.images.user', toAccount(poor.accountId), api);
    await madeBy(poor.api.create({ folderId: poor.folderId, imageId: rich.id, name: 'taken' }), poor.api);
    const attempts: [Fields, number, number][] = [
      [{ folderId: 'nosuch', imageId: 'nosuch', name: 'taken' }, 403, 7],
      [{ folderId: poor.folderId, imageId: 'nosuch', name: 'taken' }, 404, 5],
      [{ folderId: poor.folderId, imageId: creating, name: 'taken' }, 400, 9],
      [{ folderId: poor.folderId, imageId: rich.id, name: 'taken' }, 409, 6],
      [{ folderId: poor.folderId, imageId: rich.id }, 429, 8],
    ];
    for (const [fields, status, code] of attempts) {
      expect(await poor.api.refused('POST', IMAGES, fields)).toMatchObject({ status, code });
    }
  });
});

describe('who may make an image of an image', () => {
  /** An image of the owner, and somebody of another cloud who has this role on it. */
  async function shared(roleId?: string) {
    const source = await of(rich);
    const person = await newTenant(local, { limits: AMPLE });
    const path = `${IMAGES}/${source.id}`;
    if (roleId !== undefined) await grant(path, roleId, toAccount(person.accountId), api);
    return { source, person, path };
  }

  test('nobody who may not see it: for that one it is unknown', async () => {
    const { source, person } = await shared();
    const create = (imageId: string) =>
      person.api.refused('POST', IMAGES, { folderId: person.folderId, imageId });
    const [hidden, unknown] = [await create(source.id), await create('fd811111111111111111')];
    expect(hidden).toMatchObject({ status: 404, code: 5 });
    expect(hidden.message.replace(source.id, 'fd811111111111111111')).toBe(unknown.message);
    expect(hidden.details.map((detail) => detail['@type'])).toEqual(
      unknown.details.map((detail) => detail['@type']),
    );
  });

  test.each(['viewer', 'compute.viewer', 'compute.auditor'])('not who has %s on it', async (roleId) => {
    const { source, person } = await shared(roleId);
    const denied = await person.api.refused('POST', IMAGES, {
      folderId: person.folderId,
      imageId: source.id,
    });
    expect(denied).toMatchObject({
      status: 403,
      code: 7,
      message: `Permission denied to image ${source.id}: compute.images.use is needed`,
    });
  });

  test.each(['compute.images.user', 'compute.editor', 'editor'])('who has %s on it', async (roleId) => {
    const { source, person } = await shared(roleId);
    const image = await madeBy(
      person.api.create({ folderId: person.folderId, imageId: source.id }),
      person.api,
    );
    expect(image).toMatchObject({ folderId: person.folderId, layerId: source.layerId });
  });

  test('compute.images.user on an image reads it, finds it, uses it, and nothing else', async () => {
    const { source, person, path } = await shared('compute.images.user');
    const family = 'lent';
    const latest = await of(source, { family, folderId: otherFolderId });
    await grant(
      `/resource-manager/v1/folders/${otherFolderId}`,
      'compute.images.user',
      toAccount(person.accountId),
      api,
    );
    expect(await person.api.image(source.id)).toMatchObject({ id: source.id });
    expect(
      await person.api.get(`${IMAGES}:latestByFamily?folderId=${otherFolderId}&family=${family}`),
    ).toMatchObject({ id: latest.id });
    await person.api.get(`${path}:download`, JSON_ONLY);
    for (const [method, what, body] of [
      ['PATCH', path, { updateMask: 'name', name: 'taken-over' }],
      ['DELETE', path, undefined],
      ['GET', `${path}/operations`, undefined],
      ['GET', `${path}:listAccessBindings`, undefined],
      ['POST', `${path}:setAccessBindings`, { accessBindings: [] }],
      ['POST', IMAGES, { folderId: otherFolderId, imageId: source.id }],
    ] as const) {
      expect(await person.api.refused(method, what, body), `${method} ${what}`).toMatchObject({
        status: 403,
        code: 7,
      });
    }
  });

  test.each(['allAuthenticatedUsers', 'allUsers'])('everybody, of an image of %s', async (id) => {
    const { source, path } = await shared();
    await grant(path, 'compute.images.user', { ...EVERYBODY, id }, api);
    const image = await madeBy(
      stranger.api.create({ folderId: stranger.folderId, imageId: source.id }),
      stranger.api,
    );
    expect(image.layerId).toBe(source.layerId);
    const nobody = new Client(local.url, undefined);
    const unknown = await nobody.refused('POST', IMAGES, {
      folderId: stranger.folderId,
      imageId: source.id,
    });
    expect(unknown).toMatchObject({ status: 401, code: 16 });
  });

  test('everybody, of what is in standard-images, which is optimized and counts for nobody', async () => {
    const standard = await administrator.ready(bytes, { folderId: 'standard-images' });
    expect(standard.pooled).toBe(true);
    const image = await madeBy(
      stranger.api.create({ folderId: stranger.folderId, imageId: standard.id }),
      stranger.api,
    );
    expect(image).not.toHaveProperty('pooled');
    const published = await madeBy(
      administrator.create({ folderId: 'standard-images', imageId: standard.id }),
      administrator,
    );
    expect(published).toMatchObject({ pooled: true, layerId: standard.layerId });
  });
});

describe('quotas', () => {
  test('bytes that several images of a cloud name count once', async () => {
    const tenant = await newTenant(local, { limits: AMPLE });
    const source = await tenant.api.ready(bytes, { folderId: tenant.folderId });
    const image = await madeBy(
      tenant.api.create({ folderId: tenant.otherFolderId, imageId: source.id }),
      tenant.api,
    );
    const use = () => quotaUse(local, tenant.cloudId);
    expect(await use()).toMatchObject({ 'compute.images.count': 2, 'compute.images.size': bytes.length });
    await tenant.api.call('DELETE', `${IMAGES}/${source.id}?purge=true`);
    expect(await use()).toMatchObject({ 'compute.images.count': 1, 'compute.images.size': bytes.length });
    await tenant.api.call('DELETE', `${IMAGES}/${image.id}?purge=true`);
    expect(await use()).toMatchObject({ 'compute.images.count': 0, 'compute.images.size': 0 });
  });

  test('bytes of another cloud count, up to the limit', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.size': bytes.length - 1 } });
    const source = await of(rich);
    await grant(`${IMAGES}/${source.id}`, 'compute.images.user', toAccount(tenant.accountId), api);
    const create = { folderId: tenant.folderId, imageId: source.id };
    expect(await tenant.api.refused('POST', IMAGES, create)).toMatchObject({ status: 429, code: 8 });
    await setLimit(local, tenant.cloudId, 'compute.images.size', bytes.length);
    await madeBy(tenant.api.create(create), tenant.api);
    await madeBy(tenant.api.create(create), tenant.api);
  });

  const sizes: [QuotaId, number, Fields][] = [
    ['compute.images.count', 10, {}],
    ['compute.diskPools.count', 10, { pooled: true }],
  ];
  test.each(sizes)('of fifty at once a %s of %d lets ten be made', async (quotaId, limit, fields) => {
    const tenant = await newTenant(local, {
      limits: { ...AMPLE, 'compute.diskPools.count': 0, [quotaId]: limit },
    });
    const source = await of(rich);
    await grant(`${IMAGES}/${source.id}`, 'compute.images.user', toAccount(tenant.accountId), api);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        tenant.api.send('POST', IMAGES, { folderId: tenant.folderId, imageId: source.id, ...fields }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array(10).fill(200),
      ...Array(40).fill(429),
    ]);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      [quotaId]: 10,
      'compute.images.size': bytes.length,
    });
  });

  test('of fifty at once, of ten layers, a size of three lets three layers be named', async () => {
    const layers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        api.ready(rawDisk(12 * 2 ** 20, `layer ${index}`), { folderId }),
      ),
    );
    const tenant = await newTenant(local, {
      limits: { ...AMPLE, 'compute.images.size': 3 * 12 * 2 ** 20 },
    });
    for (const { id } of layers) {
      await grant(`${IMAGES}/${id}`, 'compute.images.user', toAccount(tenant.accountId), api);
    }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        tenant.api.send<Operation>('POST', IMAGES, {
          folderId: tenant.folderId,
          imageId: layers[index % layers.length]!.id,
        }),
      ),
    );
    const made = answers.filter(({ status }) => status === 200);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    const named = new Set(made.map(({ body }) => (body.response as unknown as Image).layerId));
    expect([named.size, made.length]).toEqual([3, 30]);
    expect((await quotaUse(local, tenant.cloudId))['compute.images.size']).toBe(3 * 12 * 2 ** 20);
  });
});

const knownDisk = rawDisk(12 * 2 ** 20, 'known');
const known = { size: String(knownDisk.length), sha256: sha256(knownDisk) };
const knownSource = await api.ready(knownDisk, { folderId, upload: known });

describe('an upload whose declared digest is known', () => {
  const upload = (more: Fields = {}, caller = api, folder = folderId) =>
    caller.create({ folderId: folder, ...more, upload: { ...known, ...(more.upload as Fields) } });

  test('needs no bytes: the operation is done in the same call', async () => {
    const operation = await upload({ name: 'known', productIds: ['p9'] });
    expect(operation).toMatchObject({ done: true, metadata: { reused: true } });
    expect(operation.metadata).not.toHaveProperty('upload');
    const image = await api.image(imageIdOf(operation));
    expect(image).toMatchObject({
      name: 'known',
      status: 'READY',
      source: { kind: 'upload' },
      layerId: knownSource.layerId,
      digest: `sha256:${known.sha256}`,
      minDiskSize: knownSource.minDiskSize,
      productIds: ['p9'],
      hardwareGeneration: knownSource.hardwareGeneration,
      os: knownSource.os,
    });
  });

  test('is complete to who goes on as ever, and keeps its file name', async () => {
    const operation = await upload({ upload: { fileName: 'known.img' } });
    const path = `${IMAGES}/${imageIdOf(operation)}`;
    expect(await api.upload(imageIdOf(operation))).toMatchObject({
      state: 'COMPLETED',
      size: known.size,
      receivedBytes: known.size,
    });
    expect(await api.complete(imageIdOf(operation))).toEqual(operation);
    const sign = await api.refused('POST', `${path}:signParts`, { partNumbers: [1] });
    expect(sign).toMatchObject({ status: 400, code: 9 });
    const { url } = await api.get<{ url: string }>(`${path}:download`, JSON_ONLY);
    expect(decodeURIComponent(url)).toContain('filename="known.img"');
    await api.call('DELETE', path);
    expect((await api.image(knownSource.id)).status).toBe('READY');
  });

  test('in capitals and with its format too', async () => {
    const sha = known.sha256.toUpperCase();
    expect((await upload({ upload: { sha256: sha, format: 'RAW' } })).done).toBe(true);
  });

  test.each([
    ['another length', { size: String(12 * 2 ** 20 + 1) }],
    ['another format', { format: 'QCOW2' }],
    ['another digest', { sha256: sha256(new Uint8Array(1)) }],
  ])('with %s is sent as ever', async (_, given) => {
    const operation = await upload({ upload: given });
    expect(operation).toMatchObject({ done: false, metadata: { stage: 'AWAITING_UPLOAD' } });
    expect(operation.metadata).not.toHaveProperty('reused');
  });

  test('with declarations that the disk contradicts is refused at once', async () => {
    const attempt = (more: Fields) => refused({ upload: known, ...more });
    expect(await attempt({ minDiskSize: 8 * 2 ** 20 })).toMatchObject({
      status: 400,
      code: 3,
      message: `Minimal disk size should be greater or equal than ${12 * 2 ** 20}`,
    });
    const windows = await sample('windows-mbr.img');
    const declared = { size: String(windows.length), sha256: sha256(windows) };
    await api.ready(windows, { folderId, upload: declared });
    expect(await refused({ upload: declared, os: { type: 'LINUX' } })).toMatchObject({
      status: 400,
      code: 3,
      fields: ['os.type'],
    });
  });

  test('is not noticed by who may use no image of it', async () => {
    const person = await newTenant(local, { limits: AMPLE });
    const ordinary = (operation: Operation) =>
      expect(operation).toMatchObject({ done: false, metadata: { stage: 'AWAITING_UPLOAD' } });
    ordinary(await upload({}, person.api, person.folderId));
    const path = `${IMAGES}/${knownSource.id}`;
    await grant(path, 'compute.viewer', toAccount(person.accountId), api);
    ordinary(await upload({}, person.api, person.folderId));
    await grant(path, 'compute.images.user', toAccount(person.accountId), api);
    expect(await upload({}, person.api, person.folderId)).toMatchObject({
      done: true,
      metadata: { reused: true },
    });
  });

  test('is sent when no READY image has it any more', async () => {
    const other = rawDisk(12 * 2 ** 20, 'gone');
    const declared = { size: String(other.length), sha256: sha256(other) };
    const { id } = await api.ready(other, { folderId, upload: declared });
    await api.call('DELETE', `${IMAGES}/${id}`);
    expect((await api.create({ folderId, upload: declared })).done).toBe(false);
  });

  test('counts its bytes once, and its image, up to the limits', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.count': 2 } });
    const push = () =>
      tenant.api.push(bytes, { folderId: tenant.folderId, upload: { sha256: sha256(bytes) } });
    await tenant.api.finished(await push());
    expect(await push()).toMatchObject({ done: true, metadata: { reused: true } });
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.images.count': 2,
      'compute.images.size': bytes.length,
    });
    const declared = { size: String(bytes.length), sha256: sha256(bytes) };
    const over = await tenant.api.refused('POST', IMAGES, { folderId: tenant.folderId, upload: declared });
    expect(over).toMatchObject({ status: 429, code: 8 });
  });
});

describe('the digest that nobody declared', () => {
  test('shows once it is known wherever the image does, and in what is made of it', async () => {
    const disk = rawDisk(12 * 2 ** 20, 'undeclared');
    const image = await api.ready(disk, { folderId: otherFolderId, family: 'undeclared' });
    const digest = `sha256:${sha256(disk)}`;
    const path = `${IMAGES}/${image.id}`;
    expect(await eventually('the digest', async () => (await api.image(image.id)).digest)).toBe(digest);
    const list = await api.images(otherFolderId, { filter: `id = "${image.id}"` });
    expect(list.map((one) => [one.digest, one.inspection])).toEqual([[digest, undefined]]);
    const full = await api.images(otherFolderId, { filter: `id = "${image.id}"`, view: 'FULL' });
    expect(full.map((one) => [one.digest, one.inspection])).toEqual([[digest, image.inspection]]);
    expect(
      await api.get(`${IMAGES}:latestByFamily?folderId=${otherFolderId}&family=undeclared`),
    ).toMatchObject({ id: image.id, digest });
    expect(await api.get(`${path}:download`, JSON_ONLY)).toMatchObject({ sha256: sha256(disk) });
    expect(await of(image)).toMatchObject({ digest });
  });

  test('changes the tag that a reader holds, not the one that a writer demands', async () => {
    const operation = await api.finished(await api.push(rawDisk(12 * 2 ** 20, 'tag'), { folderId }));
    const before = (operation.response as unknown as Image).etag;
    const path = `${IMAGES}/${imageIdOf(operation)}`;
    await eventually('the digest', async () => (await api.get(path)).digest);
    const read = await api.send<Image>('GET', path, undefined, { headers: { 'If-None-Match': before } });
    expect(read.status).toBe(200);
    expect(read.body.etag).not.toBe(before);
    const same = await api.send('GET', path, undefined, { headers: { 'If-None-Match': read.body.etag } });
    expect(same.status).toBe(304);

    const change = (ifMatch: string, name: string) =>
      api.send('PATCH', path, { updateMask: 'name', name }, { headers: { 'If-Match': ifMatch } });
    expect((await change(before, 'tag-1')).status).toBe(200);
    expect((await change(before, 'tag-2')).status).toBe(412);
    expect((await change(read.body.etag, 'tag-2')).status).toBe(412);
    const { etag } = await api.get(path);
    expect((await change(etag, 'tag-2')).status).toBe(200);
    const last = (await api.get(path)).etag;
    const deleted = await api.send('DELETE', path, undefined, { headers: { 'If-Match': last } });
    expect(deleted.status).toBe(200);
  });
});

describe('the operating system of an upload', () => {
  test.each([
    ['windows-mbr.img', 'WINDOWS', undefined],
    ['windows-mbr.img', 'LINUX', 'OS_MISMATCH'],
    ['qcow2-v2.qcow2', 'LINUX', undefined],
    ['qcow2-v2.qcow2', 'WINDOWS', 'OS_MISMATCH'],
  ])('of %s declared %s ends with %s', async (file, type, code) => {
    const operation = await api.finished(await api.push(await sample(file), { folderId, os: { type } }));
    if (code === undefined) expect(operation.response).toMatchObject({ os: { type } });
    else expect(operation.error?.message).toContain(code);
  });
});
