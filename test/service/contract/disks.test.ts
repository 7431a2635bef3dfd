/** Disks: empty ones, over optimized images, as copies; their sizes, places and quotas. */
import { describe, expect, test } from 'vitest';
import type { QuotaId } from '../../../core/quotas.ts';
import { grant, toAccount } from '../api-tenant.ts';
import { Client, detailOf, type Fields, IMAGES, type Operation, TYPE } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk, sample } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, quotaUse, setLimit, type Tenant } from '../tenant.ts';
import {
  CHUNK,
  createDisk,
  DISKS,
  type Disk,
  newDisk as newDiskOf,
  newSnapshot,
  SNAPSHOTS,
  ZONE,
} from '../volumes.ts';

const own = await startOwn();
const { local } = own;
const owner = await newTenant(local, { limits: { ...AMPLE, 'compute.diskPools.count': 10 } });
const { api, cloudId, folderId, otherFolderId } = owner;
const stranger = await newTenant(local, { limits: AMPLE });
const administrator = new Client(local.url, own.key);

const GIB = 2 ** 30;
const STEP = 93 * GIB;
const GEN2 = { generation2Features: {} };
const V1 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } };
const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };

const newDisk = (fields: Fields = {}) => newDiskOf(api, { folderId, ...fields });
const created = (fields: Fields = {}) => createDisk(api, { folderId, ...fields });
const refused = (fields: Fields, caller = api) =>
  caller.refused('POST', DISKS, { folderId, zoneId: ZONE, size: CHUNK, ...fields });
const get = (id: string) => api.get<Disk>(`${DISKS}/${id}`);
const count = async () => (await api.get<{ disks?: Disk[] }>(`${DISKS}?folderId=${folderId}`)).disks?.length;

const bytes = await emptyDisk();
const image = await api.ready(bytes, {
  folderId,
  productIds: ['p1', 'p2'],
  hardwareGeneration: V2,
  os: { type: 'WINDOWS' },
});
const pooled = await api.ready(bytes, { folderId, pooled: true, productIds: ['p3'] });

describe('an empty disk', () => {
  test('is READY in the same call, and shown whole', async () => {
    const operation = await created({
      name: 'whole',
      description: 'd',
      labels: { a: 'b' },
      typeId: 'network-ssd',
      blockSize: '8192',
    });
    const id = operation.metadata.diskId as string;
    const disk = await get(id);
    expect(disk).toEqual({
      id: expect.stringMatching(/^fhm[0-9a-v]{17}$/),
      folderId,
      createdAt: expect.any(String),
      name: 'whole',
      description: 'd',
      labels: { a: 'b' },
      typeId: 'network-ssd',
      zoneId: ZONE,
      size: String(CHUNK),
      blockSize: '8192',
      status: 'READY',
      diskPlacementPolicy: {},
      hardwareGeneration: V1,
      layerId: expect.any(String),
      etag: `${id}-1`,
    });
    expect(operation).toMatchObject({
      done: true,
      description: 'Create disk',
      metadata: { '@type': `${TYPE}yandex.cloud.compute.v1.CreateDiskMetadata`, diskId: id },
      response: { '@type': `${TYPE}yandex.cloud.compute.v1.Disk`, ...disk },
    });
  });

  test('has the defaults, and takes what equals "not given"', async () => {
    const disk = await newDisk({
      name: '',
      typeId: '',
      blockSize: 0,
      kmsKeyId: '',
      snapshotScheduleIds: [],
      diskPlacementPolicy: { placementGroupId: '' },
      hardwareGeneration: {},
      imageId: null,
    });
    expect(disk).toMatchObject({ typeId: 'network-hdd', blockSize: '4096', hardwareGeneration: V1 });
    for (const member of ['name', 'description', 'labels', 'productIds', 'sourceImageId', 'layerIds']) {
      expect(disk).not.toHaveProperty(member);
    }
  });

  test.each([V1, V2, GEN2])('takes the generation %j', async (hardwareGeneration) => {
    expect(await newDisk({ hardwareGeneration })).toMatchObject({ hardwareGeneration });
  });
});

describe('a disk of an image', () => {
  test('A148 is a copy of its own that inherits licences and generation', async () => {
    const operation = await created({ imageId: image.id, size: '10737418240' });
    expect(operation).toMatchObject({
      done: false,
      metadata: {
        '@type': `${TYPE}yandex.cloud.compute.v1.CreateDiskMetadata`,
        diskId: expect.any(String),
        stage: 'COPYING',
        progress: { bytesDone: '0', bytesTotal: String(bytes.length) },
      },
    });
    const ended = await api.finished(operation);
    const disk = await get(operation.metadata.diskId as string);
    expect(disk).toMatchObject({
      status: 'READY',
      sourceImageId: image.id,
      productIds: ['p1', 'p2'],
      hardwareGeneration: V2,
      size: '10737418240',
    });
    expect(disk.layerId).not.toBe(image.layerId);
    expect(disk).not.toHaveProperty('layerIds');
    expect(ended.response).toEqual({ '@type': `${TYPE}yandex.cloud.compute.v1.Disk`, ...disk });
  });

  test('that is optimized is READY in the same call, over its layer', async () => {
    const operation = await created({ imageId: pooled.id, size: EMPTY_DISK_BYTES });
    expect(operation.done).toBe(true);
    const disk = await get(operation.metadata.diskId as string);
    expect(disk).toMatchObject({ status: 'READY', sourceImageId: pooled.id, productIds: ['p3'] });
    expect(disk.layerId).toBe(pooled.layerId);
    expect(disk.layerIds).toEqual([pooled.layerId, expect.any(String)]);
    expect(disk.layerIds![1]).not.toBe(pooled.layerId);
  });

  test('takes another generation', async () => {
    const size = EMPTY_DISK_BYTES;
    expect(await newDisk({ imageId: pooled.id, size, hardwareGeneration: GEN2 })).toMatchObject({
      hardwareGeneration: GEN2,
    });
    // The topology that is left open is the source's.
    const legacy = await newDisk({ imageId: image.id, size, hardwareGeneration: { legacyFeatures: {} } });
    expect(legacy.hardwareGeneration).toEqual(V2);
  });

  test.each([
    ['mbr-syslinux.img', GEN2, 'BIOS'],
    ['qcow2-zlib.qcow2', V1, 'UEFI'],
  ])('cannot be of a generation that does not boot %s', async (file, hardwareGeneration, boots) => {
    const { id: imageId } = await api.ready(await sample(file), { folderId });
    const wrong = await refused({ imageId, size: GIB, hardwareGeneration });
    expect(wrong).toMatchObject({ status: 400, code: 3, fields: ['hardware_generation'] });
    expect(wrong.message).toContain(`the disk boots ${boots}`);
  });

  test('A112 stays when its image is deleted, and knows it still', async () => {
    const shared = await api.ready(bytes, { folderId, pooled: true });
    const copied = await api.ready(bytes, { folderId });
    const disks = await Promise.all(
      [shared, copied].map(({ id }) => newDisk({ imageId: id, size: EMPTY_DISK_BYTES })),
    );
    for (const { id } of [shared, copied]) await api.call('DELETE', `${IMAGES}/${id}`);
    for (const disk of disks) expect(await get(disk.id)).toEqual(disk);
    expect(disks.map(({ sourceImageId }) => sourceImageId)).toEqual([shared.id, copied.id]);
    // What it holds still serves as a source.
    for (const { id } of disks) {
      expect(await api.finished(await api.create({ folderId, diskId: id }))).toHaveProperty('response');
    }
  });

  test('that is not READY is refused', async () => {
    const creating = await api.create({ folderId, upload: { size: 1 } });
    const { imageId } = creating.metadata;
    expect(await refused({ imageId, size: GIB })).toMatchObject({ status: 400, code: 9 });
  });

  test.each([{ imageId: 'fd800000000000000000' }, { snapshotId: 'fd800000000000000000' }])(
    'that there is not, %j, is not found',
    async (source) => {
      const before = await count();
      expect(await refused(source)).toMatchObject({ status: 404, code: 5 });
      expect(await count()).toBe(before);
    },
  );
});

describe('a disk of a snapshot', () => {
  test('is a copy of its own, or empty where the snapshot is', async () => {
    const disk = await newDisk({ imageId: image.id, size: EMPTY_DISK_BYTES });
    const snapshot = await newSnapshot(api, { folderId, diskId: disk.id });
    const copy = await newDisk({ snapshotId: snapshot.id, size: EMPTY_DISK_BYTES });
    expect(copy).toMatchObject({
      sourceSnapshotId: snapshot.id,
      productIds: ['p1', 'p2'],
      hardwareGeneration: V2,
    });
    expect(copy).not.toHaveProperty('sourceImageId');
    expect([disk.layerId, snapshot.layerId]).not.toContain(copy.layerId);

    const empty = await newSnapshot(api, { folderId, diskId: (await newDisk()).id });
    const operation = await created({ snapshotId: empty.id });
    expect(operation.done).toBe(true);
    expect(operation.response).toMatchObject({ sourceSnapshotId: empty.id, status: 'READY' });
    expect(operation.response!.layerId).not.toBe(empty.layerId);
  });

  test('is at least as large as its disk was', async () => {
    const { id } = await newDisk({ size: 2 * CHUNK });
    const snapshot = await newSnapshot(api, { folderId, diskId: id });
    const small = await refused({ snapshotId: snapshot.id });
    expect(small).toMatchObject({ status: 400, code: 3, fields: ['size'] });
    expect(small.message).toBe(`Minimal disk size should be greater or equal than ${2 * CHUNK}`);
  });
});

describe('what a disk cannot be', () => {
  test('A149 smaller than its image', async () => {
    const small = await refused({ imageId: image.id, size: EMPTY_DISK_BYTES - CHUNK });
    expect(small).toMatchObject({ status: 400, code: 3, fields: ['size'] });
    expect(small.message).toBe(`Minimal disk size should be greater or equal than ${EMPTY_DISK_BYTES}`);
  });

  const fields: readonly [string, Fields, string][] = [
    ['of two sources', { imageId: image.id, snapshotId: 'x' }, 'source'],
    ['of a size between chunks', { size: CHUNK + 1 }, 'size'],
    ['without a zone', { zoneId: undefined }, 'zone_id'],
    ['without a size', { size: undefined }, 'size'],
    ['of no size', { size: 0 }, 'size'],
    ['of a size that is no number', { size: '4M' }, 'size'],
    ['larger than any', { size: 28587302322176 + CHUNK }, 'size'],
    ['larger than its blocks allow', { size: 8 * 2 ** 40 + CHUNK }, 'size'],
    ['in a zone that there is not', { zoneId: 'ru-central9-z' }, 'zone_id'],
    ['of a type that there is not', { typeId: 'floppy' }, 'type_id'],
    ['non-replicated, between steps', { typeId: 'network-ssd-nonreplicated', size: CHUNK }, 'size'],
    ['of three replicas, between steps', { typeId: 'network-ssd-io-m3', size: STEP + CHUNK }, 'size'],
    ['of odd blocks', { blockSize: 5000 }, 'block_size'],
    ['of blocks that are too small', { blockSize: 2048 }, 'block_size'],
    ['of blocks that are too large', { blockSize: 262144 }, 'block_size'],
    ['of an image without an id', { imageId: '' }, 'image_id'],
    ['of an image with a long id', { imageId: 'a'.repeat(51) }, 'image_id'],
    [
      'of two generations',
      { hardwareGeneration: { legacyFeatures: {}, generation2Features: {} } },
      'hardware_generation',
    ],
    ['in no folder', { folderId: undefined }, 'folder_id'],
    [
      'in a partition of no placement group',
      { diskPlacementPolicy: { placementGroupPartition: 1 } },
      'disk_placement_policy.placement_group_partition',
    ],
  ];
  test.each(fields)('A149 %s', async (_, given, field) => {
    const before = await count();
    expect(await refused(given)).toMatchObject({ status: 400, code: 3, fields: [field] });
    expect(await count()).toBe(before);
  });

  test.each<[Fields, string]>([
    [{ diskPlacementPolicy: { placementGroupId: 'pg1' } }, 'Disk placement group "pg1" not found'],
    [{ snapshotScheduleIds: ['s1', 's2'] }, 'Snapshot schedule "s1" not found'],
    [{ kmsKeyId: 'k1' }, 'Key "k1" not found'],
  ])('tied to what there is not: %j', async (tie, message) => {
    expect(await refused(tie)).toMatchObject({ status: 404, code: 5, message });
  });

  test.each([
    [{ blockSize: 131072, size: 8 * 2 ** 40 + CHUNK }],
    [{ typeId: 'network-ssd-nonreplicated', size: STEP }],
    [{ typeId: 'network-ssd-io-m3', size: 2 * STEP }],
  ])('but can be %j', async (given) => {
    expect(await newDisk(given)).toMatchObject({ size: String(given.size) });
  });
});

describe('who may make a disk of an image', () => {
  const person = async (...bindings: (readonly [string, string])[]) => {
    const tenant = await newTenant(local, { limits: AMPLE });
    for (const [path, role] of bindings) {
      await grant(path, role, toAccount(tenant.accountId), path.startsWith(IMAGES) ? api : administrator);
    }
    return tenant;
  };
  const fromImage = ({ folderId: mine }: Tenant) => ({
    folderId: mine,
    zoneId: ZONE,
    size: EMPTY_DISK_BYTES,
    imageId: pooled.id,
  });

  test('not who does not see it', async () => {
    const tenant = await person();
    const denied = await tenant.api.refused('POST', DISKS, fromImage(tenant));
    expect(denied).toMatchObject({ status: 404, message: `Image "${pooled.id}" not found` });
  });

  test('not who only sees it', async () => {
    const tenant = await person([`${IMAGES}/${pooled.id}`, 'compute.viewer']);
    const denied = await tenant.api.refused('POST', DISKS, fromImage(tenant));
    expect(denied).toMatchObject({ status: 403, code: 7 });
    expect(denied.message).toContain('compute.images.use');
  });

  test('who may use it, in a folder of another cloud', async () => {
    const tenant = await person([`${IMAGES}/${pooled.id}`, 'compute.images.user']);
    const disk = await newDiskOf(tenant.api, fromImage(tenant));
    expect(disk).toMatchObject({ folderId: tenant.folderId, sourceImageId: pooled.id });
    // In the image's folder that right alone is not enough.
    const denied = await tenant.api.refused('POST', DISKS, { ...fromImage(tenant), folderId });
    expect(denied).toMatchObject({ status: 403, message: `Permission denied to folder ${folderId}` });
  });
});

describe('the quotas of disks', () => {
  const KINDS: readonly [string, QuotaId, number][] = [
    ['network-hdd', 'compute.hddDisks.size', CHUNK],
    ['network-ssd', 'compute.ssdDisks.size', CHUNK],
    ['network-ssd-nonreplicated', 'compute.ssdNonReplicatedDisks.size', STEP],
    ['network-ssd-io-m3', 'compute.ssdIOM3Disks.size', STEP],
  ];
  const violationsOf = (refusal: Parameters<typeof detailOf>[0]) =>
    detailOf<{ violations: { metric: { name: string }; required: string }[] }>(
      refusal,
      'yandex.cloud.quota.QuotaFailure',
    )!.violations;

  test.each(KINDS)('of %s are its own, %s, and that of all', async (typeId, quotaId, size) => {
    const tenant = await newTenant(local, { limits: { [quotaId]: 2 * size } });
    const fields = { folderId: tenant.folderId, typeId, size };
    const disk = await newDiskOf(tenant.api, fields);
    await newDiskOf(tenant.api, { ...fields, folderId: tenant.otherFolderId });
    const used = { 'compute.disks.count': 2, 'compute.disks.size': 2 * size, [quotaId]: 2 * size };
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject(used);
    const over = await tenant.api.refused('POST', DISKS, { zoneId: ZONE, ...fields });
    expect(over).toMatchObject({ status: 429, code: 8 });
    expect(over.message).toBe(`The limit on total size of ${typeId} disks has exceeded.`);
    expect(violationsOf(over)).toMatchObject([{ metric: { name: quotaId }, required: String(3 * size) }]);
    await tenant.api.call('DELETE', `${DISKS}/${disk.id}`);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.disks.count': 1,
      'compute.disks.size': size,
      [quotaId]: size,
    });
  });

  test.each<[string, Partial<Record<QuotaId, number>>]>([
    ['number', { 'compute.disks.count': 10 }],
    ['size', { 'compute.disks.size': 10 * CHUNK + 1 }],
    ['size of a type', { 'compute.hddDisks.size': 11 * CHUNK - 1 }],
  ])('hold exactly, whatever is asked for at once: %s', async (_, limits) => {
    const tenant = await newTenant(local, { limits: { ...AMPLE, ...limits } });
    const body = { folderId: tenant.folderId, zoneId: ZONE, size: CHUNK };
    const answers = await Promise.all(Array.from({ length: 50 }, () => tenant.api.send('POST', DISKS, body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.disks.count': 10,
      'compute.disks.size': 10 * CHUNK,
      'compute.hddDisks.size': 10 * CHUNK,
    });
  });

  test('take what a disk grows by', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.hddDisks.size': 4 * CHUNK } });
    const { id } = await newDiskOf(tenant.api, { folderId: tenant.folderId });
    const grow = (size: number) => ['PATCH', `${DISKS}/${id}`, { updateMask: 'size', size }] as const;
    const over = await tenant.api.refused(...grow(5 * CHUNK));
    expect(over).toMatchObject({ status: 429, code: 8 });
    expect(violationsOf(over)).toMatchObject([{ metric: { name: 'compute.hddDisks.size' } }]);
    await tenant.api.call(...grow(4 * CHUNK));
    const used = { 'compute.disks.size': 4 * CHUNK, 'compute.hddDisks.size': 4 * CHUNK };
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({ 'compute.disks.count': 1, ...used });
    // A limit below the use is in the way of growth alone.
    await setLimit(local, tenant.cloudId, 'compute.disks.size', CHUNK);
    await tenant.api.call('PATCH', `${DISKS}/${id}`, {
      updateMask: 'size,name',
      name: 'same',
      size: 4 * CHUNK,
    });
    await tenant.api.call('DELETE', `${DISKS}/${id}`);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.disks.count': 0,
      'compute.disks.size': 0,
      'compute.hddDisks.size': 0,
    });
  });
});

describe('the size of a disk', () => {
  const patch = (id: string, body: Fields) => api.refused('PATCH', `${DISKS}/${id}`, body);

  test('grows', async () => {
    const { id } = await newDisk();
    const operation = await api.call<Operation>('PATCH', `${DISKS}/${id}`, {
      updateMask: 'size',
      size: String(2 * CHUNK),
    });
    expect(operation).toMatchObject({
      done: true,
      description: 'Update disk',
      metadata: { '@type': `${TYPE}yandex.cloud.compute.v1.UpdateDiskMetadata`, diskId: id },
      response: { '@type': `${TYPE}yandex.cloud.compute.v1.Disk`, size: String(2 * CHUNK) },
    });
    expect(await get(id)).toMatchObject({ size: String(2 * CHUNK), etag: `${id}-2` });
  });

  test('stays where an update gives none', async () => {
    const { id } = await newDisk({ size: 2 * CHUNK });
    await api.call('PATCH', `${DISKS}/${id}`, { name: 'stays' });
    await api.call('PATCH', `${DISKS}/${id}`, { updateMask: 'size', size: 0 });
    expect(await get(id)).toMatchObject({ size: String(2 * CHUNK), name: 'stays' });
  });

  test('does not shrink, and keeps to the rules', async () => {
    const disk = await newDisk({ size: 2 * CHUNK });
    for (const size of [CHUNK, 2 * CHUNK + 1, 4 * 2 ** 40 + CHUNK]) {
      const wrong = await patch(disk.id, { updateMask: 'size', size });
      expect(wrong).toMatchObject({ status: 400, code: 3, fields: ['size'] });
    }
    const group = { diskPlacementPolicy: { placementGroupId: 'pg' } };
    expect(await patch(disk.id, { updateMask: 'diskPlacementPolicy', ...group })).toMatchObject({
      status: 404,
      message: 'Disk placement group "pg" not found',
    });
    expect(await get(disk.id)).toEqual(disk);
    await api.call('PATCH', `${DISKS}/${disk.id}`, { updateMask: 'disk_placement_policy' });
  });
});

describe('a move', () => {
  const move = (id: string, destinationFolderId: string) =>
    ['POST', `${DISKS}/${id}:move`, { destinationFolderId }] as const;

  test('takes a disk to another folder of its cloud', async () => {
    const before = await quotaUse(local, cloudId);
    const disk = await newDisk({ name: 'moves' });
    const operation = await api.call<Operation>(...move(disk.id, otherFolderId));
    const moved = await get(disk.id);
    expect(moved).toEqual({ ...disk, folderId: otherFolderId, etag: `${disk.id}-2` });
    expect(operation).toMatchObject({
      done: true,
      description: 'Move disk',
      metadata: {
        '@type': `${TYPE}yandex.cloud.compute.v1.MoveDiskMetadata`,
        diskId: disk.id,
        sourceFolderId: folderId,
        destinationFolderId: otherFolderId,
      },
      response: { '@type': `${TYPE}yandex.cloud.compute.v1.Disk`, ...moved },
    });
    await api.call('DELETE', `${DISKS}/${disk.id}`);
    expect(await quotaUse(local, cloudId)).toEqual(before);
  });

  test('does not take a name that is there', async () => {
    const disk = await newDisk({ name: 'there' });
    await newDisk({ name: 'there', folderId: otherFolderId });
    const taken = await api.refused(...move(disk.id, otherFolderId));
    expect(taken).toMatchObject({ status: 409, code: 6 });
    expect(taken.message).toBe('Disk with name "there" already exists');
    expect(await get(disk.id)).toEqual(disk);
  });

  test('does not leave the cloud', async () => {
    const disk = await newDisk();
    const both = await newTenant(local);
    await grant(`${DISKS}/${disk.id}`, 'editor', toAccount(both.accountId), api);
    const denied = await both.api.refused(...move(disk.id, both.folderId));
    expect(denied).toMatchObject({ status: 400, code: 3, fields: ['destination_folder_id'] });
  });

  test('needs a right in the destination', async () => {
    const disk = await newDisk();
    const editor = await newTenant(local);
    await grant(`${DISKS}/${disk.id}`, 'editor', toAccount(editor.accountId), api);
    const denied = await editor.api.refused(...move(disk.id, otherFolderId));
    expect(denied).toMatchObject({
      status: 403,
      message: `Permission denied to folder ${otherFolderId}`,
    });
    const unknown = await api.refused(...move(disk.id, 'b1g00000000000000000'));
    expect(unknown).toMatchObject({ status: 403 });
    expect(await stranger.api.refused(...move(disk.id, stranger.folderId))).toMatchObject({ status: 404 });
    expect(await api.refused('POST', `${DISKS}/${disk.id}:move`, {})).toMatchObject({
      status: 400,
      fields: ['destination_folder_id'],
    });
  });
});

describe('a relocation', () => {
  test('takes a disk to another zone', async () => {
    const disk = await newDisk();
    const operation = await api.call<Operation>('POST', `${DISKS}/${disk.id}:relocate`, {
      destinationZoneId: 'ru-central1-b',
    });
    expect(operation).toMatchObject({
      done: true,
      description: 'Relocate disk',
      metadata: {
        '@type': `${TYPE}yandex.cloud.compute.v1.RelocateDiskMetadata`,
        diskId: disk.id,
        sourceZoneId: ZONE,
        destinationZoneId: 'ru-central1-b',
      },
    });
    expect(await get(disk.id)).toMatchObject({ zoneId: 'ru-central1-b', etag: `${disk.id}-2` });
  });

  test('does not take it to where there is nothing', async () => {
    const disk = await newDisk();
    const relocate = (body: Fields) => api.refused('POST', `${DISKS}/${disk.id}:relocate`, body);
    expect(await relocate({ destinationZoneId: 'mars' })).toMatchObject({
      status: 400,
      fields: ['destination_zone_id'],
    });
    const group = { destinationZoneId: 'ru-central1-b', diskPlacementPolicy: { placementGroupId: 'pg' } };
    expect(await relocate(group)).toMatchObject({ status: 404 });
    expect(await get(disk.id)).toEqual(disk);
  });
});

describe('a deletion', () => {
  test('of a disk gives its layers back, the shared one aside', async () => {
    const states = async (ids: readonly string[]) => {
      const database = await local.database();
      const rows = await database
        .prepare('SELECT id, state FROM layers WHERE id IN (SELECT value FROM json_each(?))')
        .bind(JSON.stringify(ids))
        .all<{ id: string; state: string }>();
      return Object.fromEntries(rows.results.map(({ id, state }) => [id, state]));
    };
    const over = await newDisk({ imageId: pooled.id, size: EMPTY_DISK_BYTES });
    const [shared, top] = over.layerIds as [string, string];
    const empty = await newDisk();
    for (const { id } of [over, empty]) await api.call('DELETE', `${DISKS}/${id}`);
    expect(await states([shared, top, empty.layerId])).toEqual({
      [shared]: 'VERIFIED',
      [top]: 'UNNAMED',
      [empty.layerId]: 'UNNAMED',
    });
  });
});

describe('what there is for any caller', () => {
  test('zones', async () => {
    const zones = ['a', 'b', 'd'].map((letter) => ({
      id: `ru-central1-${letter}`,
      regionId: 'ru-central1',
      status: 'UP',
    }));
    expect(await stranger.api.get('/compute/v1/zones')).toEqual({ zones });
    expect(await stranger.api.get(`/compute/v1/zones/${ZONE}`)).toEqual(zones[0]);
    expect(await stranger.api.refused('GET', '/compute/v1/zones/mars')).toMatchObject({
      status: 404,
      message: 'Zone "mars" not found',
    });
  });

  test('types of disks, a page at a time', async () => {
    type Page = { diskTypes: { id: string; zoneIds: string[] }[]; nextPageToken?: string };
    const path = '/compute/v1/diskTypes?pageSize=3';
    const first = await stranger.api.get<Page>(path);
    const second = await stranger.api.get<Page>(`${path}&pageToken=${first.nextPageToken}`);
    expect(second).not.toHaveProperty('nextPageToken');
    const all = [...first.diskTypes, ...second.diskTypes];
    expect(all.map(({ id }) => id)).toEqual([
      'network-hdd',
      'network-ssd',
      'network-ssd-io-m3',
      'network-ssd-nonreplicated',
    ]);
    expect(all[0]!.zoneIds).toEqual(['ru-central1-a', 'ru-central1-b', 'ru-central1-d']);
    expect(await stranger.api.get('/compute/v1/diskTypes/network-ssd')).toEqual(all[1]);
    expect(await stranger.api.refused('GET', `${path}&pageToken=x`)).toMatchObject({ status: 400 });
    expect(await stranger.api.refused('GET', '/compute/v1/diskTypes/floppy')).toMatchObject({ status: 404 });
  });
});

test('no disk is attached to anything, and none has a key', async () => {
  const disk = await newDisk({ imageId: pooled.id, size: EMPTY_DISK_BYTES });
  for (const member of ['instanceIds', 'kmsKey']) expect(disk).not.toHaveProperty(member);
  expect(await api.refused('GET', `${SNAPSHOTS}/${disk.id}`)).toMatchObject({ status: 404 });
});
