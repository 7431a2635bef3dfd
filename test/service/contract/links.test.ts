/** Images from links, which the registry fetches itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, test } from 'vitest';
import { s3Client } from '../../../storage/connection.ts';
import { type Fields, findingCodes, IMAGES, imageIdOf, type Operation } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk, sample } from '../disks.ts';
import { SIGNATURE, startFileHost } from '../setup/file-host.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';

const host = await startFileHost();
/** Takes links to its own store, as it does when nothing else is said. */
const own = await startOwn();
/** Takes links to the host only. */
const choosy = await startOwn({
  env: {
    BULLION_IMPORT_ORIGINS: host.origin,
    BULLION_TRUSTED_ORIGINS: host.origin,
    BULLION_SOURCE_TIMEOUT_SECONDS: '1',
  },
});
const { api, folderId } = await newTenant(own.local, { limits: AMPLE });
const tenant = await newTenant(choosy.local, { limits: AMPLE });

const credential = JSON.parse(readFileSync(join(own.local.state.path, 'object-store.json'), 'utf8'));
const store = s3Client({ endpoint: own.local.s3Url, region: 'auto', bucket: 'bullion', ...credential });

/** A presigned link to a file in the registry's own store, signed so long ago. */
async function storedLink(file: string, signedSecondsAgo = 0): Promise<string> {
  const object = { Bucket: 'bullion', Key: `links/${file}` };
  await store.send(new PutObjectCommand({ ...object, Body: await sample(file) }));
  return await getSignedUrl(store, new GetObjectCommand(object), {
    expiresIn: 600,
    signingDate: new Date(Date.now() - signedSecondsAgo * 1000),
  });
}

const ended = async (uri: string, more: Fields = {}): Promise<Operation> =>
  api.finished(await api.create({ folderId, uri, ...more }));
const ready = async (uri: string, more: Fields = {}) => {
  const operation = await ended(uri, more);
  expect(operation.error).toBeUndefined();
  return await api.image(imageIdOf(operation));
};

describe('an image from a link', () => {
  test('A43 A72 is READY with the size of the disk inside, LINUX, without licences, on the default generation', async () => {
    const link = await storedLink('qcow2-empty.qcow2');
    const image = await ready(link);
    expect(image).toMatchObject({
      status: 'READY',
      minDiskSize: String(EMPTY_DISK_BYTES),
      os: { type: 'LINUX' },
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } },
      source: { kind: 'uri', uri: link.replace(/\?.*/, '') },
    });
    expect(image).not.toHaveProperty('productIds');
  });

  test('A44 keeps the licences that were given', async () => {
    expect(await ready(await storedLink('qcow2-empty.qcow2'), { productIds: ['p1'] })).toMatchObject({
      productIds: ['p1'],
    });
  });

  test('copies first, and shows how far it is', async () => {
    const operation = await api.create({ folderId, uri: await storedLink('qcow2-empty.qcow2') });
    expect(operation).toMatchObject({ done: false, metadata: { stage: 'COPYING' } });
    expect(operation.metadata).not.toHaveProperty('upload');
    expect((await api.finished(operation)).metadata).not.toHaveProperty('stage');
  });

  test('can be made of the download of another image', async () => {
    const original = await api.ready(await emptyDisk(), { folderId });
    const { url } = await api.get<{ url: string }>(`${IMAGES}/${original.id}:download`, {
      headers: { Accept: 'application/json' },
    });
    expect(await ready(url)).toMatchObject({ storageSize: original.storageSize, size: original.size });
  });

  test.each(['vmdk-sparse-qemu.vmdk', 'gpt-numbers.img', 'vhd-fixed-qemu.vhd', 'qcow2-v2.qcow2'])(
    'A49 is taken from %s by its content',
    async (file) => {
      expect((await ready(await storedLink(file))).status).toBe('READY');
    },
  );

  test.each([undefined, 'WINDOWS'])('to a Windows disk, declared %s, is WINDOWS', async (type) => {
    const image = await ready(await storedLink('windows-mbr.img'), { os: { type } });
    expect(image.os).toEqual({ type: 'WINDOWS' });
  });

  test.each([
    ['windows-mbr.img', 'LINUX'],
    ['qcow2-v2.qcow2', 'WINDOWS'],
  ])('to %s cannot be %s', async (file, type) => {
    const operation = await ended(await storedLink(file), { os: { type } });
    expect(operation.error).toMatchObject({ code: 3 });
    expect(findingCodes(operation)).toContain('OS_MISMATCH');
  });

  test('A48 ends with INVALID_ARGUMENT when the format is unknown', async () => {
    const operation = await ended(await storedLink('zeros.img'));
    expect(operation).toMatchObject({ done: true, error: { code: 3 } });
    expect(findingCodes(operation)).toEqual(['UNKNOWN_FORMAT']);
    await expect(api.refused('GET', `${IMAGES}/${imageIdOf(operation)}`)).resolves.toMatchObject({
      status: 404,
    });
  });

  test('ends with INVALID_ARGUMENT when the disk inside is larger than minDiskSize', async () => {
    const operation = await ended(await storedLink('qcow2-empty.qcow2'), { minDiskSize: 4_194_304 });
    expect(operation.error?.code).toBe(3);
    expect(operation.error?.message).toContain(
      `Minimal disk size should be greater or equal than ${EMPTY_DISK_BYTES}`,
    );
  });

  test('A47 ends with FAILED_PRECONDITION when its link has expired, and the image answers 404', async () => {
    const operation = await ended(await storedLink('qcow2-empty.qcow2', 3_600), { name: 'a47' });
    expect(operation).toMatchObject({ done: true, error: { code: 9 } });
    expect(operation).not.toHaveProperty('response');
    expect(operation.error?.message).toContain('403: it has expired');
    const gone = await api.refused('GET', `${IMAGES}/${imageIdOf(operation)}`);
    expect(gone.status).toBe(404);
    // Its name is free again.
    await ready(await storedLink('qcow2-empty.qcow2'), { name: 'a47' });
  });

  test('A117 is cancelled while it is copied', async () => {
    let held = false;
    const uri = host.serve('/held', {
      bytes: new Uint8Array(64),
      instead: () => {
        held = true;
        return true;
      },
    });
    const operation = await tenant.api.create({ folderId: tenant.folderId, uri });
    await expect.poll(() => held).toBe(true);
    const cancelled = await tenant.api.get<Operation>(`/operations/${operation.id}:cancel`);
    expect(cancelled).toMatchObject({ done: true, error: { code: 1 } });
    expect((await tenant.api.refused('GET', `${IMAGES}/${imageIdOf(operation)}`)).status).toBe(404);
  });
});

describe('a link that is not taken', () => {
  const refused = (uri: unknown) => tenant.api.refused('POST', IMAGES, { folderId: tenant.folderId, uri });
  const port = host.port;

  test.each([
    ['A45 without a host that speaks http', 'ftp://x/y'],
    ['that is no URL', 'an image'],
    ['that is empty', ''],
    ['to a file', 'file:///etc/passwd'],
    ['with a password', `http://user:password@127.0.0.1:${port}/disk`],
    ['with a user name', `http://user@127.0.0.1:${port}/disk`],
    ['with a blank', `http://127.0.0.1:${port}/di sk`],
    ['with a backslash', `http://127.0.0.1:${port}\\@elsewhere.example/disk`],
    ['of more than 8192 characters', `http://127.0.0.1:${port}/${'x'.repeat(8_192)}`],
    ['of another type', 5],
  ])('%s', async (_, uri) => {
    expect(await refused(uri)).toMatchObject({ status: 400, code: 3, fields: ['uri'] });
  });

  test.each([
    ['A46 to a host outside the list', 'https://elsewhere.example/disk'],
    ['A46 to this machine by another name', `http://localhost:${port}/disk`],
    ['A46 to this machine by another name and TLS', `https://localhost:${port}/disk`],
    ['A46 to the listed host with another scheme', `https://127.0.0.1:${port}/disk`],
    ['A46 to another port of the listed host', `http://127.0.0.1:${own.local.port}/healthz`],
    ['A46 to the own store, which is not on this list', `${own.local.s3Url}/bullion/disk`],
    ['A46 to an address in IPv6', `http://[::1]:${port}/disk`],
    ['A46 to an IPv4 address in IPv6', `http://[::ffff:127.0.0.1]:${port}/disk`],
    ['A46 to the metadata of a machine', 'http://169.254.169.254/latest/meta-data/'],
  ])('%s', async (_, uri) => {
    const before = host.connections();
    expect(await refused(`${uri}?${SIGNATURE}`)).toMatchObject({ status: 400, code: 3, fields: ['uri'] });
    expect(host.connections()).toBe(before);
  });

  test.each(['http://0x7f000001', 'http://2130706433', 'http://127.1', 'HTTP://127.0.0.1'])(
    'is judged as what it leads to: %s is the listed address',
    async (address) => {
      host.serve('/spelled', { bytes: await emptyDisk(), etag: '"spelled"' });
      const operation = await tenant.api.create({
        folderId: tenant.folderId,
        uri: `${address}:${port}/spelled?${SIGNATURE}#fragment`,
      });
      expect((await tenant.api.finished(operation)).response?.source).toEqual({
        kind: 'uri',
        uri: `${host.origin}/spelled`,
      });
    },
  );

  test('names the places that links may lead to', async () => {
    expect((await refused('https://elsewhere.example/disk')).message).toContain(host.origin);
    const ownRefusal = await api.refused('POST', IMAGES, { folderId, uri: 'https://elsewhere.example/' });
    expect(ownRefusal.message).toContain(new URL(own.local.s3Url).origin);
  });

  test('is refused to nobody and to strangers as everything is', async () => {
    const stranger = await newTenant(choosy.local);
    const uri = host.serve('/theirs', { bytes: await emptyDisk(), etag: '"theirs"' });
    const before = host.requests.length;
    const body = { folderId: tenant.folderId, uri };
    expect((await stranger.api.refused('POST', IMAGES, body)).status).toBe(403);
    expect(host.requests.length).toBe(before);
  });
});
