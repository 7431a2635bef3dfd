/** What the queue function makes of an upload: READY with a digest, or refused and rolled back. */
import { describe, expect, test } from 'vitest';
import { localStoreCredential } from '../../dev/state-folder.ts';
import { openStore } from '../../storage/store.ts';
import {
  detailOf,
  type Fields,
  findingCodes,
  IMAGES,
  imageIdOf,
  type Operation,
  type OperationList,
  sha256,
} from './client.ts';
import { emptyDisk, rawDisk, sample } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from './tenant.ts';

const { local } = await startOwn();
const { api, folderId } = await newTenant(local, { limits: AMPLE });
const bytes = await emptyDisk();
const judged = async (disk: Uint8Array, fields: Fields) =>
  api.finished(await api.push(disk, { folderId, ...fields }));
const reportOf = (operation: Operation) =>
  detailOf<{ verdict: string; findings: { code: string; severity: string; field?: string }[] }>(
    operation.error!,
    'bullion.v1.Inspection',
  )!;

describe('a declared digest', () => {
  test.each([
    ['small', bytes],
    ['of several parts', rawDisk(20 * 2 ** 20 + 1, 'digest')],
  ])('that is right (%s) becomes the digest of the image', async (_, disk) => {
    const image = await api.ready(disk, { folderId, upload: { sha256: sha256(disk) } });
    expect(image.digest).toBe(`sha256:${sha256(disk)}`);
  });

  test('may be written in capitals', async () => {
    const image = await api.ready(bytes, { folderId, upload: { sha256: sha256(bytes).toUpperCase() } });
    expect(image.digest).toBe(`sha256:${sha256(bytes)}`);
  });

  test('that is wrong refuses the disk and says what was found', async () => {
    const other = sha256(bytes.subarray(1));
    const operation = await judged(bytes, { upload: { sha256: other } });
    expect(operation.error?.code).toBe(3);
    expect(reportOf(operation).findings).toContainEqual(
      expect.objectContaining({
        code: 'DIGEST_MISMATCH',
        severity: 'REJECT',
        field: 'upload.sha256',
        expected: other,
        found: sha256(bytes),
      }),
    );
  });

  test('that was not given is worked out afterwards', async () => {
    const { id } = await api.ready(bytes, { folderId });
    const digest = await eventually('the digest', async () => (await api.image(id)).digest);
    expect(digest).toBe(`sha256:${sha256(bytes)}`);
  });
});

describe('a declaration', () => {
  test.each([
    ['QCOW2', 'qcow2-empty.qcow2'],
    ['VMDK', 'vmdk-stream-vmware.vmdk'],
    ['VHD', 'vhd-fixed-qemu.vhd'],
    ['RAW', 'gpt-bios-uefi.img'],
    ['FORMAT_UNSPECIFIED', 'qcow2-empty.qcow2'],
  ])('of the format %s is held against %s and is right', async (format, file) => {
    const image = await api.ready(await sample(file), { folderId, upload: { format } });
    expect(image.status).toBe('READY');
  });

  test('of a format lets zeros pass as RAW', async () => {
    const image = await api.ready(await sample('zeros.img'), { folderId, upload: { format: 'RAW' } });
    expect(image.inspection?.findings.map(({ code }) => code)).toContain('UNRECOGNISED_CONTENT');
  });

  const uefi = 'qcow2-cluster-512.qcow2';
  test.each<[string, string, Fields, string | undefined]>([
    ['FORMAT_MISMATCH', 'qcow2-empty.qcow2', { upload: { format: 'RAW' } }, undefined],
    ['FORMAT_MISMATCH', 'gpt-bios-uefi.img', { upload: { format: 'QCOW2' } }, undefined],
    ['MIN_DISK_TOO_SMALL', 'qcow2-empty.qcow2', { minDiskSize: 2 ** 26 - 1 }, 'min_disk_size'],
    ['OS_MISMATCH', 'windows-mbr.img', { os: { type: 'LINUX' } }, 'os.type'],
    ['GENERATION_MISMATCH', uefi, { hardwareGeneration: { legacyFeatures: {} } }, 'hardware_generation'],
  ])('that is not so refuses with %s: %s', async (code, file, fields, field) => {
    const operation = await judged(await sample(file), fields);
    expect(operation.error).toMatchObject({ code: 3, message: expect.stringContaining(code) });
    const finding = reportOf(operation).findings.find((one) => one.code === code);
    expect(finding).toMatchObject({ severity: 'REJECT', ...(field !== undefined && { field }) });
  });

  test('that is wrong in several ways is refused with all of them', async () => {
    const operation = await judged(await sample('windows-mbr.img'), {
      os: { type: 'LINUX' },
      minDiskSize: 4194304,
      hardwareGeneration: { generation2Features: {} },
    });
    expect(findingCodes(operation)).toEqual(
      expect.arrayContaining(['MIN_DISK_TOO_SMALL', 'OS_MISMATCH', 'GENERATION_MISMATCH']),
    );
    expect(operation.error?.message).toContain('(and 2 more)');
  });
});

describe('a refused disk', () => {
  const store = openStore({
    endpoint: local.s3Url,
    region: 'auto',
    bucket: 'bullion',
    ...localStoreCredential(local.state),
  });
  const isStored = async (layerId: string) => (await store.head(`layers/${layerId}`)) !== undefined;

  test('leaves nothing but its operation', async () => {
    const tenant = await newTenant(local);
    const backing = await sample('qcow2-backing.qcow2');
    const operation = await tenant.api.create({
      folderId: tenant.folderId,
      name: 'refused',
      family: 'fam',
      upload: { size: backing.length },
    });
    const imageId = imageIdOf(operation);
    const { layerId } = await tenant.api.image(imageId);
    await tenant.api.sendParts(imageId, 1, backing);
    await tenant.api.complete(imageId);
    const ended = await tenant.api.finished(operation);

    expect(ended).toMatchObject({ done: true, error: { code: 3 } });
    expect(ended).not.toHaveProperty('response');
    expect(reportOf(ended)).toMatchObject({ verdict: 'reject', format: 'QCOW2' });
    expect(findingCodes(ended)).toContain('BACKING_FILE');
    expect(ended.error?.message).toContain('BACKING_FILE');

    expect(await tenant.api.refused('GET', `${IMAGES}/${imageId}`)).toMatchObject({ status: 404, code: 5 });
    expect(await tenant.api.images(tenant.folderId)).toEqual([]);
    expect(Object.values(await quotaUse(local, tenant.cloudId)).every((use) => use === 0)).toBe(true);
    await tenant.api.create({ folderId: tenant.folderId, name: 'refused', upload: { size: 1 } });

    await eventually('the end of the bytes', async () => !(await isStored(layerId!)));
    expect(await isStored((await api.ready(bytes, { folderId })).layerId!)).toBe(true);

    const list = await tenant.api.get<OperationList>(`/compute/v1/operations?folderId=${tenant.folderId}`);
    expect(list.operations?.map(({ id }) => id)).toContain(operation.id);
    expect(list.operations?.find(({ id }) => id === operation.id)).toEqual(ended);
  });
});

test('an accepted disk shows its inspection, without what it cost', async () => {
  const image = await api.ready(await sample('gpt-bios-uefi.img'), { folderId });
  expect(image).toMatchObject({
    architecture: 'X86_64',
    inspection: {
      verdict: 'accept',
      format: 'RAW',
      partitionTable: 'GPT',
      bootModes: ['BIOS', 'UEFI'],
      osFamily: 'LINUX',
      os: { id: 'meadow' },
    },
  });
  expect(image.inspection).not.toHaveProperty('cost');
});
