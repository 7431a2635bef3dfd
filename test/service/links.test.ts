/** Images from links: quotas, repetitions, and what of a link is told. */
import { describe, expect, test } from 'vitest';
import { detailOf, type Fields, findingCodes, IMAGES, imageIdOf, type Operation } from './client.ts';
import { emptyDisk, sample } from './disks.ts';
import { type FileHost, type ServedFile, SIGNATURE, startFileHost } from './setup/file-host.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse, setLimit, type Tenant } from './tenant.ts';

const host: FileHost = await startFileHost();
const { local } = await startOwn({
  env: { BULLION_IMPORT_ORIGINS: host.origin, BULLION_TRUSTED_ORIGINS: host.origin },
});
const bytes = await emptyDisk();

let served = 0;
/** A link of its own to these bytes. */
function link(file: Partial<ServedFile> = {}): string {
  served += 1;
  return host.serve(`/disks/${served}.qcow2`, { bytes, etag: `"${served}"`, ...file });
}
const asked = (uri: string) =>
  host.requests.filter((request) => request.startsWith(`${new URL(uri).pathname} `));

const create = ({ api, folderId }: Tenant, fields: Fields) => api.create({ folderId, ...fields });
const ended = async (tenant: Tenant, fields: Fields) => tenant.api.finished(await create(tenant, fields));

describe('the quota', () => {
  test('of bytes is taken when the length is known, and given back with the image', async () => {
    const tenant = await newTenant(local);
    const operation = await ended(tenant, { uri: link() });
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.images.count': 1,
      'compute.images.size': bytes.length,
    });
    await tenant.api.call('DELETE', `${IMAGES}/${imageIdOf(operation)}?purge=true`);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.images.count': 0,
      'compute.images.size': 0,
    });
  });

  test('of bytes that is too small ends the operation before anything is copied', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.size': bytes.length - 1 } });
    const uri = link();
    const operation = await ended(tenant, { uri, name: 'too-long' });
    expect(operation.error).toMatchObject({
      code: 8,
      message: 'The limit on total size of images has exceeded.',
    });
    expect(detailOf(operation.error!, 'yandex.cloud.quota.QuotaFailure')).toMatchObject({
      violations: [
        {
          metric: { name: 'compute.images.size', limit: String(bytes.length - 1), usage: 0 },
          required: String(bytes.length),
        },
      ],
    });
    expect(asked(uri)).toHaveLength(1);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.images.count': 0,
      'compute.images.size': 0,
    });
    // Room is made, and the same name is free.
    await setLimit(local, tenant.cloudId, 'compute.images.size', bytes.length);
    expect(await ended(tenant, { uri, name: 'too-long' })).not.toHaveProperty('error');
  });

  test.each([
    ['compute.images.count', {}],
    ['compute.diskPools.count', { pooled: true }],
  ] as const)('%s is taken at once', async (quotaId, more) => {
    const tenant = await newTenant(local, { limits: { [quotaId]: 0 } });
    const uri = link();
    const refusal = await tenant.api.refused('POST', IMAGES, { folderId: tenant.folderId, uri, ...more });
    expect(refusal).toMatchObject({ status: 429, code: 8 });
    expect(asked(uri)).toEqual([]);
  });

  test('counts nothing for an image of a file that is refused', async () => {
    const tenant = await newTenant(local);
    const operation = await ended(tenant, { uri: link({ bytes: await sample('html.qcow2') }) });
    expect(operation.error?.code).toBe(3);
    expect(findingCodes(operation)).not.toEqual([]);
    expect(await quotaUse(local, tenant.cloudId)).toMatchObject({
      'compute.images.count': 0,
      'compute.images.size': 0,
    });
  });
});

describe('a creation from a link', () => {
  const tenantWithRoom = newTenant(local, { limits: AMPLE });

  test('that is repeated with its key is the same one, and is fetched once', async () => {
    const tenant = await tenantWithRoom;
    const uri = link();
    const extras = { headers: { 'Idempotency-Key': '7f1c1f0e-6f0c-4a53-9d3e-0d6b5d9a6f11' } };
    const body = { folderId: tenant.folderId, uri };
    const [first, second] = await Promise.all([
      tenant.api.call<Operation>('POST', IMAGES, body, extras),
      tenant.api.call<Operation>('POST', IMAGES, body, extras),
    ]);
    expect(second.id).toBe(first.id);
    await tenant.api.finished(first);
    expect((await tenant.api.call<Operation>('POST', IMAGES, body, extras)).id).toBe(first.id);
    const other = { ...body, uri: link() };
    expect((await tenant.api.refused('POST', IMAGES, other, extras)).status).toBe(409);
    expect(asked(uri)).toHaveLength(2);
    expect(asked(other.uri)).toEqual([]);
  });

  test('with a name that is taken is refused at once', async () => {
    const tenant = await tenantWithRoom;
    await create(tenant, { uri: link(), name: 'taken' });
    const uri = link();
    const refusal = await tenant.api.refused('POST', IMAGES, {
      folderId: tenant.folderId,
      uri,
      name: 'taken',
    });
    expect(refusal).toMatchObject({ status: 409, code: 6 });
    expect(asked(uri)).toEqual([]);
  });

  test('holds what is declared against what is found', async () => {
    const tenant = await tenantWithRoom;
    const uri = link({ bytes: await sample('windows-gpt.img') });
    const operation = await ended(tenant, { uri, os: { type: 'LINUX' } });
    expect(operation.error?.code).toBe(3);
    expect(findingCodes(operation)).toContain('OS_MISMATCH');
  });

  test('asks for the first byte, then for the parts of the version that it found', async () => {
    const tenant = await tenantWithRoom;
    const conditions: (string | undefined)[] = [];
    const encodings: unknown[] = [];
    const uri = link({
      instead({ request }) {
        conditions.push(request.headers['if-match']);
        encodings.push(request.headers['accept-encoding']);
        return false;
      },
    });
    await ended(tenant, { uri });
    expect(asked(uri).map((request) => request.split(' ')[1])).toEqual(['0-0', `0-${bytes.length - 1}`]);
    expect(conditions).toEqual([undefined, `"${served}"`]);
    expect(encodings).toEqual(['identity', 'identity']);
  });

  test('tells its link without what comes behind the path, everywhere', async () => {
    const tenant = await tenantWithRoom;
    const uri = `${link()}&more=secret#fragment`;
    const operation = await ended(tenant, { uri });
    const shown = uri.replace(/\?.*/, '');
    const image = await tenant.api.image(imageIdOf(operation));
    expect(image.source).toEqual({ kind: 'uri', uri: shown });
    const answers = await Promise.all(
      [
        `/operations/${operation.id}`,
        `${IMAGES}/${image.id}`,
        `${IMAGES}?folderId=${tenant.folderId}&view=FULL`,
        `${IMAGES}/${image.id}/operations`,
        `/operations?folderId=${tenant.folderId}`,
      ].map((path) => tenant.api.send('GET', path)),
    );
    for (const { text } of answers) expect(text).not.toMatch(new RegExp(`${SIGNATURE}|more=|fragment`));
  });

  test('is still not an upload when it is done', async () => {
    const tenant = await tenantWithRoom;
    const imageId = imageIdOf(await ended(tenant, { uri: link() }));
    for (const [method, verb, body] of [
      ['POST', ':signParts', { partNumbers: [1] }],
      ['GET', ':upload', undefined],
      ['POST', ':completeUpload', {}],
      ['POST', ':abortUpload', undefined],
    ] as const) {
      expect(await tenant.api.refused(method, `${IMAGES}/${imageId}${verb}`, body)).toMatchObject({
        code: 9,
      });
    }
  });
});
