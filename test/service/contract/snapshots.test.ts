/** Snapshots: what they take of their disk, what they hold of its bytes, and what stands in the way of their end. */
import { describe, expect, test } from 'vitest';
import { grant, toAccount } from '../api-tenant.ts';
import { Client, detailOf, type Fields, IMAGES, imageIdOf, type Operation, TYPE } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk, sample } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from '../tenant.ts';
import { CHUNK, DISKS, type Disk, newDisk, newSnapshot, SNAPSHOTS, type Snapshot } from '../volumes.ts';

const own = await startOwn();
const { local } = own;
const { api, folderId } = await newTenant(local, {
  limits: { ...AMPLE, 'compute.diskPools.count': 10 },
});
const administrator = new Client(local.url, own.key);

const GEN2 = { generation2Features: {} };
const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };

const bytes = await emptyDisk();
const image = await api.ready(bytes, {
  folderId,
  pooled: true,
  productIds: ['p1'],
  hardwareGeneration: V2,
  os: { type: 'WINDOWS', nvidia: { driver: '535' } },
});
const ofImage = (caller = api, folder = folderId) =>
  newDisk(caller, { folderId: folder, imageId: image.id, size: EMPTY_DISK_BYTES });
const disk = await ofImage();
const of = ({ id }: Disk, fields: Fields = {}) => newSnapshot(api, { folderId, diskId: id, ...fields });
const refused = (fields: Fields, caller = api) =>
  caller.refused('POST', SNAPSHOTS, { folderId, diskId: disk.id, ...fields });
const get = (id: string) => api.get<Snapshot>(`${SNAPSHOTS}/${id}`);
const database = await local.database();

describe('a snapshot', () => {
  test('is READY in the same call, on the bytes of its disk, and shown whole', async () => {
    const source = await ofImage();
    const operation = await api.call<Operation>('POST', SNAPSHOTS, {
      folderId,
      diskId: source.id,
      name: 'whole',
      description: 'd',
      labels: { a: 'b' },
    });
    const id = operation.metadata.snapshotId as string;
    const snapshot = await get(id);
    expect(snapshot).toEqual({
      id: expect.stringMatching(/^fd8[0-9a-v]{17}$/),
      folderId,
      createdAt: expect.any(String),
      name: 'whole',
      description: 'd',
      labels: { a: 'b' },
      storageSize: String(CHUNK),
      diskSize: String(EMPTY_DISK_BYTES),
      productIds: ['p1'],
      status: 'READY',
      sourceDiskId: source.id,
      hardwareGeneration: V2,
      layerId: image.layerId,
      etag: `${id}-1`,
    });
    expect(operation).toMatchObject({
      done: true,
      description: 'Create snapshot',
      response: { '@type': `${TYPE}yandex.cloud.compute.v1.Snapshot`, ...snapshot },
    });
  });

  test('A150 is of one disk, as large as that was, and stays when it is deleted', async () => {
    const source = await newDisk(api, { folderId, imageId: image.id, size: EMPTY_DISK_BYTES });
    const operation = await api.call<Operation>('POST', SNAPSHOTS, { folderId, diskId: source.id });
    expect(operation.metadata).toEqual({
      '@type': `${TYPE}yandex.cloud.compute.v1.CreateSnapshotMetadata`,
      snapshotId: expect.any(String),
      diskId: source.id,
    });
    const snapshot = await get(operation.metadata.snapshotId as string);
    expect(snapshot).toMatchObject({ diskSize: source.size, sourceDiskId: source.id });
    await api.call('PATCH', `${DISKS}/${source.id}`, { updateMask: 'size', size: 2 * EMPTY_DISK_BYTES });
    expect(await get(snapshot.id)).toEqual(snapshot);
    await api.call('DELETE', `${DISKS}/${source.id}`);
    expect(await get(snapshot.id)).toEqual(snapshot);
    // It still serves as a source, of an image and of a disk.
    const made = await api.create({ folderId, snapshotId: snapshot.id });
    expect(await api.image(imageIdOf(made))).toMatchObject({ minDiskSize: snapshot.diskSize });
    await newDisk(api, { folderId, snapshotId: snapshot.id, size: EMPTY_DISK_BYTES });
  });

  test('adds to another one of its disk nothing, and of an empty disk has nothing', async () => {
    const source = await newDisk(api, { folderId, imageId: image.id, size: EMPTY_DISK_BYTES });
    const [first, second] = [await of(source), await of(source)];
    expect([first.storageSize, second.storageSize]).toEqual([String(CHUNK), undefined]);
    expect(await of(await newDisk(api, { folderId }))).not.toHaveProperty('storageSize');
  });

  test('that is made many times at once has its bytes once', async () => {
    const source = await newDisk(api, { folderId, imageId: image.id, size: EMPTY_DISK_BYTES });
    const body = { folderId, diskId: source.id };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => api.send<Operation>('POST', SNAPSHOTS, body)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const sizes = answers.map(({ body: { response } }) => response?.storageSize);
    expect(sizes.filter((size) => size !== undefined)).toEqual([String(CHUNK)]);
  });

  test('keeps what its disk knows of the system for images of it', async () => {
    const { id: snapshotId } = await of(disk);
    const made = await api.create({ folderId, snapshotId });
    expect(await api.image(imageIdOf(made))).toMatchObject({
      os: { type: 'WINDOWS', nvidia: { driver: '535' } },
      productIds: ['p1'],
      hardwareGeneration: V2,
    });
  });

  test('takes another generation, unless the disk does not boot on it', async () => {
    expect(await of(disk, { hardwareGeneration: GEN2 })).toMatchObject({ hardwareGeneration: GEN2 });
    expect(await of(disk, { hardwareGeneration: { legacyFeatures: {} } })).toMatchObject({
      hardwareGeneration: V2,
    });
    const bios = await api.ready(await sample('mbr-syslinux.img'), { folderId, pooled: true });
    const { id: diskId } = await newDisk(api, { folderId, imageId: bios.id, size: EMPTY_DISK_BYTES });
    expect(await refused({ diskId, hardwareGeneration: GEN2 })).toMatchObject({
      status: 400,
      code: 3,
      fields: ['hardware_generation'],
    });
  });

  test.each<[Fields, string]>([
    [{ diskId: undefined }, 'disk_id'],
    [{ diskId: '' }, 'disk_id'],
    [{ diskId: 'a'.repeat(51) }, 'disk_id'],
    [{ folderId: undefined }, 'folder_id'],
  ])('%j is refused', async (fields, field) => {
    expect(await refused(fields)).toMatchObject({ status: 400, code: 3, fields: [field] });
  });

  test('of what is no disk is not found', async () => {
    for (const diskId of ['fhm00000000000000000', image.id]) {
      expect(await refused({ diskId })).toMatchObject({
        status: 404,
        code: 5,
        message: `Disk "${diskId}" not found`,
      });
    }
  });

  test('of a disk that is being created is refused', async () => {
    const source = await newDisk(api, { folderId });
    await database.prepare("UPDATE disks SET status = 'CREATING' WHERE id = ?").bind(source.id).run();
    expect(await refused({ diskId: source.id })).toMatchObject({ status: 400, code: 9 });
    await database.prepare("UPDATE disks SET status = 'READY' WHERE id = ?").bind(source.id).run();
  });
});

describe('who may make a snapshot of a disk', () => {
  test.each([
    ['nothing', undefined, 404],
    ['compute.auditor', 'compute.auditor', 403],
    ['compute.viewer', 'compute.viewer', 403],
    ['compute.images.user', 'compute.images.user', 404],
    ['compute.disks.user', 'compute.disks.user', 200],
    ['compute.snapshotSchedules.editor', 'compute.snapshotSchedules.editor', 200],
    ['compute.editor', 'compute.editor', 200],
  ])('with %s on it', async (_, role, status) => {
    const tenant = await newTenant(local, { limits: AMPLE });
    const path = `${DISKS}/${disk.id}`;
    if (role !== undefined) await grant(path, role, toAccount(tenant.accountId), api);
    const body = { folderId: tenant.folderId, diskId: disk.id };
    expect((await tenant.api.send('POST', SNAPSHOTS, body)).status).toBe(status);
    expect(await tenant.api.refused('POST', SNAPSHOTS, { ...body, folderId })).toMatchObject({
      status: 403,
      message: `Permission denied to folder ${folderId}`,
    });
  });

  test('and of a folder it takes compute.snapshotSchedules.editor or more', async () => {
    const tenant = await newTenant(local, { limits: AMPLE, role: 'compute.snapshotSchedules.editor' });
    const owner = await newTenant(local);
    const { id: diskId } = await newDisk(owner.api, { folderId: owner.folderId });
    await grant(`${DISKS}/${diskId}`, 'compute.disks.user', toAccount(tenant.accountId), owner.api);
    const body = { folderId: tenant.folderId, diskId };
    const { metadata } = await tenant.api.call<Operation>('POST', SNAPSHOTS, body);
    const path = `${SNAPSHOTS}/${metadata.snapshotId}`;
    await tenant.api.call('PATCH', path, { updateMask: 'name', name: 'renamed' });
    expect(await tenant.api.refused('GET', `${path}:listAccessBindings`)).toMatchObject({ status: 403 });
    await tenant.api.call('DELETE', path);
  });

  test('as a source of a disk it takes the right to use it', async () => {
    const snapshot = await of(disk);
    const tenant = await newTenant(local, { limits: AMPLE });
    const path = `${SNAPSHOTS}/${snapshot.id}`;
    const body = { folderId: tenant.folderId, snapshotId: snapshot.id, size: EMPTY_DISK_BYTES };
    const wanted = { ...body, zoneId: 'ru-central1-a' };
    expect(await tenant.api.refused('POST', DISKS, wanted)).toMatchObject({
      status: 404,
      message: `Snapshot "${snapshot.id}" not found`,
    });
    await grant(path, 'compute.viewer', toAccount(tenant.accountId), api);
    expect(await tenant.api.refused('POST', DISKS, wanted)).toMatchObject({ status: 403 });
    await grant(path, 'compute.editor', toAccount(tenant.accountId), api);
    expect(await newDisk(tenant.api, body)).toMatchObject({ sourceSnapshotId: snapshot.id });
  });
});

describe('the quotas of snapshots', () => {
  const useOf = async (cloudId: string) => {
    const use = await quotaUse(local, cloudId);
    return [use['compute.snapshots.count'], use['compute.snapshots.size']];
  };

  test('count stored bytes once in a cloud', async () => {
    const tenant = await newTenant(local, { limits: AMPLE });
    await grant(`${IMAGES}/${image.id}`, 'compute.images.user', toAccount(tenant.accountId), api);
    const disks = [await ofImage(tenant.api, tenant.folderId), await ofImage(tenant.api, tenant.folderId)];
    const at = (index: number, folder = tenant.folderId) =>
      newSnapshot(tenant.api, { folderId: folder, diskId: disks[index]!.id });
    expect(disks.map(({ layerIds }) => layerIds?.[0])).toEqual([image.layerId, image.layerId]);
    const first = await at(0);
    const second = await at(0, tenant.otherFolderId);
    const third = await at(1);
    expect(await useOf(tenant.cloudId)).toEqual([3, bytes.length]);
    for (const { id } of [first, second]) await tenant.api.call('DELETE', `${SNAPSHOTS}/${id}`);
    expect(await useOf(tenant.cloudId)).toEqual([1, bytes.length]);
    await tenant.api.call('DELETE', `${SNAPSHOTS}/${third.id}`);
    expect(await useOf(tenant.cloudId)).toEqual([0, 0]);
  });

  test('are not passed', async () => {
    const limits = { 'compute.snapshots.count': 3, 'compute.snapshots.size': bytes.length - 1 };
    const tenant = await newTenant(local, { limits });
    await grant(`${IMAGES}/${image.id}`, 'compute.images.user', toAccount(tenant.accountId), api);
    const full = await ofImage(tenant.api, tenant.folderId);
    const empty = await newDisk(tenant.api, { folderId: tenant.folderId });
    const make = ({ id }: Disk) =>
      tenant.api.send<Operation>('POST', SNAPSHOTS, { folderId: tenant.folderId, diskId: id });
    const over = await make(full);
    expect(over.status).toBe(429);
    expect(detailOf(over.body as never, 'yandex.cloud.quota.QuotaFailure')).toMatchObject({
      violations: [{ metric: { name: 'compute.snapshots.size' }, required: String(bytes.length) }],
    });
    const answers = await Promise.all(Array.from({ length: 8 }, () => make(empty)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
    expect(await useOf(tenant.cloudId)).toEqual([3, 0]);
  });
});

describe('a deletion', () => {
  test('leaves what was made of it, and frees the bytes when nothing names them', async () => {
    const source = await newDisk(api, { folderId });
    const snapshot = await of(source);
    const copy = await newDisk(api, { folderId, snapshotId: snapshot.id });
    const operation = await api.call<Operation>('DELETE', `${SNAPSHOTS}/${snapshot.id}`);
    expect(operation).toMatchObject({
      done: true,
      description: 'Delete snapshot',
      metadata: {
        '@type': `${TYPE}yandex.cloud.compute.v1.DeleteSnapshotMetadata`,
        snapshotId: snapshot.id,
      },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    expect(await api.get(`${DISKS}/${copy.id}`)).toEqual(copy);
    const state = () =>
      database.prepare('SELECT state FROM layers WHERE id = ?').bind(source.layerId).first('state');
    expect(await state()).toBe('VERIFIED');
    await api.call('DELETE', `${DISKS}/${source.id}`);
    expect(await state()).toBe('UNNAMED');
  });

  test('waits until no disk is copied from it', async () => {
    const snapshot = await of(disk);
    const copy = await newDisk(api, { folderId, snapshotId: snapshot.id, size: EMPTY_DISK_BYTES });
    const path = `${SNAPSHOTS}/${snapshot.id}`;
    const put = (status: string) =>
      database.prepare('UPDATE disks SET status = ? WHERE id = ?').bind(status, copy.id).run();
    await put('CREATING');
    const held = await api.refused('DELETE', path);
    expect(held).toMatchObject({ status: 400, code: 9 });
    expect(held.message).toContain(`"${copy.id}"`);
    expect(await get(snapshot.id)).toEqual(snapshot);
    await put('READY');
    await api.call('DELETE', path);
    expect(await administrator.refused('GET', path)).toMatchObject({ status: 404 });
  });
});
