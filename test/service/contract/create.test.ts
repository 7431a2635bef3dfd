/** Creating an image: its fields and their rules, what comes of them, hardware generations. */
import { describe, expect, test } from 'vitest';
import { type Fields, findingCodes, IMAGES, imageIdOf, type Operation } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk, sample } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';

const { local } = await startOwn();
const { api, folderId, otherFolderId } = await newTenant(local, { limits: AMPLE });
const bytes = await emptyDisk();
const CREATE = 'yandex.cloud.compute.v1.CreateImageMetadata';
const IMAGE = 'yandex.cloud.compute.v1.Image';

/** A creation that waits for its bytes, with these fields. */
const fields = (more: Fields = {}): Fields => ({ folderId, upload: { size: bytes.length }, ...more });
const created = async (more: Fields) => api.image(imageIdOf(await api.create(fields(more))));
const refused = (more: Fields) => api.refused('POST', IMAGES, fields(more));
const ready = (more: Fields = {}) => api.ready(bytes, { folderId, ...more });
const ended = async (disk: Uint8Array, more: Fields): Promise<Operation> =>
  api.finished(await api.push(disk, { folderId, ...more }));
const countImages = async () => (await api.images(folderId, { pageSize: '1000' })).length;

describe('a creation', () => {
  test('A24 answers with an operation that names the image', async () => {
    const operation = await api.create(fields({ name: 'a1' }));
    expect(operation).toMatchObject({
      done: false,
      description: 'Create image',
      metadata: {
        '@type': `type.googleapis.com/${CREATE}`,
        imageId: expect.stringMatching(/^[a-z0-9]{20}$/),
      },
    });
    expect(operation.modifiedAt).toBe(operation.createdAt);
  });

  test('A25 shows the image at once', async () => {
    expect(await created({})).toMatchObject({ folderId, status: 'CREATING', source: { kind: 'upload' } });
  });

  test('A26 ends with the image READY as its response', async () => {
    const operation = await ended(bytes, { name: 'a26' });
    expect(operation).not.toHaveProperty('error');
    expect(operation.response).toMatchObject({
      '@type': `type.googleapis.com/${IMAGE}`,
      id: imageIdOf(operation),
      status: 'READY',
      name: 'a26',
    });
    // The digest, and with it another tag, may have become known since.
    const { '@type': _, etag: __, ...response } = operation.response!;
    expect(await api.image(imageIdOf(operation))).toMatchObject(response);
  });

  test('makes it LINUX on the default generation when nothing else is known', async () => {
    expect(await ready()).toMatchObject({
      os: { type: 'LINUX' },
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } },
    });
  });

  test('takes the size of the disk inside as the smallest disk, and no licences', async () => {
    const image = await ready();
    expect(image).toMatchObject({ minDiskSize: String(EMPTY_DISK_BYTES), os: { type: 'LINUX' } });
    expect(image).not.toHaveProperty('productIds');
  });

  test('keeps the licences that were given', async () => {
    expect(await ready({ productIds: ['p1', 'p2'] })).toMatchObject({ productIds: ['p1', 'p2'] });
  });

  test('of a file of an unknown format ends with INVALID_ARGUMENT', async () => {
    const operation = await ended(await sample('zeros.img'), {});
    expect(operation).toMatchObject({ done: true, error: { code: 3 } });
    expect(findingCodes(operation)).toEqual(['UNKNOWN_FORMAT']);
  });

  test.each(['vmdk-sparse-qemu.vmdk', 'gpt-numbers.img', 'vhd-fixed-qemu.vhd', 'qcow2-v2.qcow2'])(
    'takes %s by its content',
    async (file) => {
      expect((await api.ready(await sample(file), { folderId })).status).toBe('READY');
    },
  );
});

describe('the source', () => {
  test('A29 a creation without a folder is refused', async () => {
    const { folderId: _, ...without } = fields();
    const without_ = await api.refused('POST', IMAGES, without);
    expect(without_).toMatchObject({ status: 400, code: 3, fields: ['folder_id'] });
  });

  test('A30 a creation without a source is refused', async () => {
    expect(await refused({ upload: undefined })).toMatchObject({ status: 400, code: 3, fields: ['source'] });
  });

  test('A31 an image and a disk at once are refused', async () => {
    const two = await refused({ upload: undefined, imageId: 'a', diskId: 'b' });
    expect(two).toMatchObject({ status: 400, code: 3, fields: ['source'] });
  });

  test('A32 a uri and a snapshot at once are refused', async () => {
    const two = await refused({ upload: undefined, uri: 'https://h/k', snapshotId: 's' });
    expect(two).toMatchObject({ status: 400, code: 3, fields: ['source'] });
  });

  test('A33 null does not count as a source, an empty text does', async () => {
    await api.create(fields({ imageId: null, diskId: null }));
    const empty = await refused({ upload: undefined, imageId: '' });
    expect(empty).toMatchObject({ status: 400, code: 3 });
    expect(await refused({ imageId: '' })).toMatchObject({ status: 400, code: 3 });
  });

  test.each(['diskId', 'snapshotId'])('A35 an unknown %s is not found', async (source) => {
    const before = await countImages();
    const unknown = await refused({ upload: undefined, [source]: 'fhm00000000000000000' });
    expect(unknown).toMatchObject({ status: 404, code: 5 });
    expect(await countImages()).toBe(before);
  });

  test('A66 an id of 51 characters is refused', async () => {
    for (const source of ['imageId', 'diskId', 'snapshotId']) {
      const long = await refused({ upload: undefined, [source]: 'a'.repeat(51) });
      expect(long).toMatchObject({ status: 400, code: 3 });
      expect(long.fields).toContain(source.replace('Id', '_id'));
    }
  });
});

describe('minDiskSize', () => {
  test.each([1, 4194303, 4398046511105, -1])('A50 %d is refused', async (minDiskSize) => {
    const outside = await refused({ minDiskSize });
    expect(outside).toMatchObject({ status: 400, code: 3, fields: ['min_disk_size'] });
  });

  test.each([4194304, 4398046511104])('A50 %d, a bound, is taken', async (minDiskSize) => {
    expect((await created({ minDiskSize })).minDiskSize).toBe(String(minDiskSize));
  });

  test('A51 below the size of the disk is refused, in the words of the original', async () => {
    const operation = await ended(bytes, { minDiskSize: 4194304 });
    expect(operation.error).toMatchObject({
      code: 3,
      message: expect.stringContaining(
        `Minimal disk size should be greater or equal than ${EMPTY_DISK_BYTES}`,
      ),
    });
    expect(findingCodes(operation)).toContain('MIN_DISK_TOO_SMALL');
  });

  test('A52 0 is the same as absent', async () => {
    expect(await ready({ minDiskSize: 0 })).toMatchObject({ minDiskSize: String(EMPTY_DISK_BYTES) });
    expect(await ready({ minDiskSize: '0' })).toMatchObject({ minDiskSize: String(EMPTY_DISK_BYTES) });
  });

  test.each([21474836480, EMPTY_DISK_BYTES, EMPTY_DISK_BYTES + 1])(
    'A53 %d is kept as it is given',
    async (minDiskSize) => {
      expect(await ready({ minDiskSize })).toMatchObject({ minDiskSize: String(minDiskSize) });
    },
  );
});

describe('text fields', () => {
  test.each(['A', '1a', 'a-', 'a_', 'a b', 'é', '-a', ' a', 'a\n', 'a'.repeat(64)])(
    'A54 the name %j is refused',
    async (name) => {
      const bad = await refused({ name });
      expect(bad).toMatchObject({ status: 400, code: 3, fields: ['name'] });
      expect(bad.message).toBe('Request validation error: Name: invalid resource name');
    },
  );

  test.each(['a', 'a_b', 'a-b', 'a0', 'a'.repeat(63)])('A55 the name %j is taken', async (name) => {
    expect((await created({ name })).name).toBe(name);
  });

  test('A56 any number of images have no name', async () => {
    for (const image of [await created({ name: '' }), await created({ name: '' })]) {
      expect(image).not.toHaveProperty('name');
    }
  });

  test('A57 the name of another image of the folder is refused', async () => {
    await created({ name: 'a57' });
    expect(await refused({ name: 'a57' })).toMatchObject({
      status: 409,
      code: 6,
      message: 'Image with name "a57" already exists',
    });
  });

  test('A57 of creations that ask for one name at once, one gets it', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.send('POST', IMAGES, fields({ name: 'wanted' }))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
  });

  test('A58 the same name in another folder is taken', async () => {
    await created({ name: 'a58' });
    expect((await created({ name: 'a58', folderId: otherFolderId })).folderId).toBe(otherFolderId);
  });

  test('A59 a description has up to 256 characters, as people count them', async () => {
    for (const description of ['d'.repeat(257), '🙂'.repeat(257)]) {
      expect(await refused({ description })).toMatchObject({
        status: 400,
        code: 3,
        fields: ['description'],
      });
    }
    for (const description of ['d'.repeat(256), '🙂'.repeat(256), 'a "b"\n\u0000<c>']) {
      expect((await created({ description })).description).toBe(description);
    }
  });

  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

  test('A60 there are up to 64 labels', async () => {
    expect(await refused({ labels: labels(65) })).toMatchObject({
      status: 400,
      code: 3,
      fields: ['labels'],
    });
    expect((await created({ labels: labels(64) })).labels).toEqual(labels(64));
  });

  test.each(['1a', 'A', '', 'a b', 'a'.repeat(64), '__proto__'])(
    'A61 the label key %j is refused',
    async (key) => {
      const body = `{"folderId":"${folderId}","upload":{"size":1},"labels":{${JSON.stringify(key)}:"v"}}`;
      const bad = await api.refused('POST', IMAGES, body);
      expect(bad).toMatchObject({ status: 400, code: 3, fields: [`labels[${key}]`] });
    },
  );

  test('A62 label keys may hold dots, slashes, at signs and backslashes', async () => {
    const given = { 'a.b/c@d\\e-f_1': 'x.y/z@', constructor: 'v', ['a'.repeat(63)]: 'b'.repeat(63) };
    expect((await created({ labels: given })).labels).toEqual(given);
  });

  test.each(['b'.repeat(64), 'Upper', 'a b', 'é'])('A63 the label value %j is refused', async (value) => {
    const bad = await refused({ labels: { k: value } });
    expect(bad).toMatchObject({ status: 400, code: 3, fields: ['labels[k]'] });
    expect(bad.message).toBe(`Request validation error: Labels: invalid label value "${value}"`);
  });

  test('A63 an empty label value is taken', async () => {
    expect((await created({ labels: { k: '' } })).labels).toEqual({ k: '' });
  });

  test.each(['ab', 'a_b', 'Ab-c', 'ab-', '1ab', 'a'.repeat(64)])(
    'A64 the family %j is refused',
    async (family) => {
      expect(await refused({ family })).toMatchObject({ status: 400, code: 3, fields: ['family'] });
    },
  );

  test.each(['abc', 'a-1', 'a'.repeat(63)])('A64 the family %j is taken', async (family) => {
    expect((await created({ family })).family).toBe(family);
  });

  test('A65 a licence has 1 to 50 characters', async () => {
    for (const id of ['p'.repeat(51), '']) {
      const bad = await refused({ productIds: ['ok', id] });
      expect(bad).toMatchObject({ status: 400, code: 3, fields: ['product_ids'] });
    }
    expect(await refused({ productIds: Array(101).fill('p') })).toMatchObject({ status: 400, code: 3 });
    const most = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(50, 'p'));
    expect((await created({ productIds: most })).productIds).toEqual(most);
  });
});

describe('the hardware generation', () => {
  const V1 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } };
  const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };
  const GEN2 = { generation2Features: {} };

  test('A67 Gen 2 is printed as an empty object', async () => {
    expect(await ready({ hardwareGeneration: GEN2 })).toMatchObject({ hardwareGeneration: GEN2 });
  });

  test('A68 Gen 1.2 is printed as it was asked for', async () => {
    expect(await ready({ hardwareGeneration: V2 })).toMatchObject({ hardwareGeneration: V2 });
  });

  test('A69 both kinds of features at once are refused', async () => {
    const both = await refused({ hardwareGeneration: { ...V1, ...GEN2 } });
    expect(both).toMatchObject({ status: 400, code: 3, fields: ['hardware_generation'] });
  });

  test('A70 an unknown topology is refused', async () => {
    const unknown = await refused({
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V3' } },
    });
    expect(unknown).toMatchObject({
      status: 400,
      code: 3,
      fields: ['hardware_generation.legacy_features.pci_topology'],
    });
  });

  test.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['legacy features without a topology', { legacyFeatures: {} }],
    ['an unspecified topology', { legacyFeatures: { pciTopology: 0 } }],
  ])('%s gives the default, written out', async (_, hardwareGeneration) => {
    expect(await ready({ hardwareGeneration })).toMatchObject({ hardwareGeneration: V1 });
  });

  // What the disk boots decides when nothing is declared; what is declared must boot it.
  const both = 'qcow2-v2.qcow2';
  const uefi = 'qcow2-cluster-512.qcow2';
  const bios = 'qcow2-zstd.qcow2';

  test.each([
    [both, undefined, V1],
    [bios, undefined, V1],
    [uefi, undefined, GEN2],
    [both, GEN2, GEN2],
    [both, V2, V2],
    [bios, V2, V2],
    [uefi, GEN2, GEN2],
  ])('of %s, declared %j, is %j', async (file, hardwareGeneration, expected) => {
    const image = await api.ready(await sample(file), { folderId, hardwareGeneration });
    expect(image.hardwareGeneration).toEqual(expected);
  });

  test.each([
    [bios, GEN2],
    [uefi, V1],
    [uefi, V2],
    [uefi, { legacyFeatures: {} }],
  ])('of %s cannot be %j, which does not boot it', async (file, hardwareGeneration) => {
    const operation = await ended(await sample(file), { hardwareGeneration });
    expect(operation.error).toMatchObject({ code: 3 });
    expect(findingCodes(operation)).toContain('GENERATION_MISMATCH');
  });
});

describe('the operating system', () => {
  test('A75 the GPU driver is printed as it was given', async () => {
    const os = { type: 'LINUX', nvidia: { driver: '535' } };
    expect(await ready({ os })).toMatchObject({ os });
  });

  test.each([{}, { type: 'TYPE_UNSPECIFIED' }, { type: 0 }, null])('%j is the same as absent', async (os) => {
    expect(await ready({ os })).toMatchObject({ os: { type: 'LINUX' } });
  });

  test.each([
    ['windows-mbr.img', undefined, 'WINDOWS'],
    ['windows-mbr.img', 'WINDOWS', 'WINDOWS'],
    ['qcow2-v2.qcow2', 'LINUX', 'LINUX'],
    ['qcow2-empty.qcow2', 'WINDOWS', 'WINDOWS'],
  ])('of %s, declared %s, is %s', async (file, type, expected) => {
    const image = await api.ready(await sample(file), { folderId, os: { type } });
    expect(image.os).toEqual({ type: expected });
  });

  test.each([
    ['windows-mbr.img', 'LINUX'],
    ['qcow2-v2.qcow2', 'WINDOWS'],
  ])('of %s cannot be %s', async (file, type) => {
    const operation = await ended(await sample(file), { os: { type } });
    expect(operation.error).toMatchObject({ code: 3 });
    expect(findingCodes(operation)).toContain('OS_MISMATCH');
  });
});
