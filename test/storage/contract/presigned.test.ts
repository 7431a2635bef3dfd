import { GetObjectCommand, ListPartsCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { s3Client } from '../../../storage/connection.ts';
import { bytesOf, md5Base64, putObject } from '../content.ts';
import { breakOff, put, type RawRequest, raw } from '../http.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
let key: string;
let uploadId: string;
beforeAll(async () => {
  target = await openTarget();
  key = target.newKey();
  uploadId = await target.store.openMultipart(key, 'application/octet-stream');
});
afterAll(() => target.close());

const BODY = bytesOf(1, 1000);

async function storedParts(): Promise<string[]> {
  const parts = await target.store.listParts(key, uploadId);
  return (parts ?? []).map((part) => `${part.partNumber}:${part.sizeBytes}`);
}

/** A URL for a part, made at another time. */
function partUrl(partNumber: number, ttlSeconds: number, signedMsFromNow: number): Promise<string> {
  const { bucket } = target.settings;
  return getSignedUrl(
    target.client,
    new UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: partNumber,
      ContentLength: BODY.length,
    }),
    { expiresIn: ttlSeconds, signingDate: new Date(Date.now() + signedMsFromNow) },
  );
}

describe('the length of a part is bound', () => {
  test.each<[string, RawRequest]>([
    ['shorter', { body: BODY.subarray(1), headers: { 'Content-Length': '999' } }],
    ['longer', { body: bytesOf(1, 1001), headers: { 'Content-Length': '1001' } }],
    ['empty', { headers: { 'Content-Length': '0' } }],
    ['not named', { body: BODY, headers: { 'Transfer-Encoding': 'chunked' } }],
  ])('%s', async (_, request) => {
    const { url } = await target.store.presignPart(key, uploadId, 1, BODY.length, 600);
    const answer = await raw(url, { method: 'PUT', ...request });
    expect(answer).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(await storedParts()).toEqual([]);
  });
});

describe('a URL is for one request', () => {
  test.each<[string, (url: string) => string]>([
    ['another part', (url) => url.replace('partNumber=2', 'partNumber=3')],
    ['another key', (url) => url.replace('/layers/', '/layers/other-')],
    ['a longer life', (url) => url.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000')],
    ['one more parameter', (url) => `${url}&max-parts=5`],
    ['another signature', (url) => url.replace(/(X-Amz-Signature=)./, '$1x')],
  ])('not for %s', async (_, change) => {
    const { url, headers } = await target.store.presignPart(key, uploadId, 2, BODY.length, 600);
    expect((await put(change(url), BODY, headers)).status).toBe(403);
    expect(await storedParts()).toEqual([]);
  });

  test.each(['GET', 'HEAD', 'POST', 'DELETE'])('not for %s', async (method) => {
    const { url } = await target.store.presignPart(key, uploadId, 2, BODY.length, 600);
    expect([403, 405]).toContain((await raw(url, { method })).status);
  });

  test('not for a header that changes its meaning', async () => {
    const { url, headers } = await target.store.presignPart(key, uploadId, 2, BODY.length, 600);
    const source = `/${target.settings.bucket}/layers/somebody-elses`;
    const answer = await put(url, BODY, { ...headers, 'x-amz-copy-source': source });
    expect(answer.status).toBe(403);
  });
});

describe('the time of a URL', () => {
  test.each([
    ['is over', 60, -3_600_000],
    ['is over by seconds', 1, -5_000],
  ])('%s', async (_, ttlSeconds, signedMsFromNow) => {
    const answer = await put(await partUrl(4, ttlSeconds, signedMsFromNow), BODY);
    expect(answer.status).toBe(403);
    expect(['AccessDenied', 'ExpiredRequest', 'RequestTimeTooSkewed']).toContain(answer.code);
    expect(await storedParts()).not.toContain('4:1000');
  });

  test('still runs', async () => {
    expect((await put(await partUrl(4, 7_200, -3_600_000), BODY)).status).toBe(200);
    expect(await storedParts()).toContain('4:1000');
  });
});

describe('a credential', () => {
  test.each([
    ['unknown key', { accessKeyId: 'nobody' }, [403], ['InvalidAccessKeyId', 'SignatureDoesNotMatch']],
    ['wrong secret', { secretAccessKey: 'wrong' }, [403], ['SignatureDoesNotMatch']],
  ])('%s', async (_, changed, statuses, codes) => {
    const client = s3Client({ ...target.settings, ...changed });
    const command = new GetObjectCommand({ Bucket: target.settings.bucket, Key: key });
    const answer = await raw(await getSignedUrl(client, command, { expiresIn: 60 }));
    expect(statuses).toContain(answer.status);
    expect(codes).toContain(answer.code);
  });

  test('none at all is refused', async () => {
    const { url } = await target.store.presignPart(key, uploadId, 5, BODY.length, 600);
    const bare = new URL(url);
    bare.search = '';
    expect([400, 401, 403]).toContain((await raw(bare.href)).status);
  });
});

describe('the MD5 of a part', () => {
  const md5 = md5Base64(BODY);
  test.each([
    ['is right', md5, BODY, { status: 200 }],
    ['is that of other bytes', md5, bytesOf(2, 1000), { status: 400, code: 'BadDigest' }],
    ['is not the signed one', md5Base64(bytesOf(2, 1000)), bytesOf(2, 1000), { status: 403 }],
  ])('%s', async (_, sent, body, expected) => {
    const { url } = await target.store.presignPart(key, uploadId, 6, BODY.length, 600, md5);
    expect(await put(url, body, { 'Content-MD5': sent })).toMatchObject(expected);
  });

  test('is left out', async () => {
    const { url } = await target.store.presignPart(key, uploadId, 7, BODY.length, 600, md5);
    expect(await put(url, BODY)).toMatchObject({ status: 403 });
    expect(await storedParts()).not.toContain('7:1000');
  });
});

test('a part that is sent again replaces the first', async () => {
  const second = bytesOf(9, 2000);
  for (const body of [BODY, second]) {
    const { url, headers } = await target.store.presignPart(key, uploadId, 8, body.length, 600);
    const answer = await put(url, body, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.etag).toMatch(/^"[^"]+"$/);
    const { Parts } = await target.client.send(
      new ListPartsCommand({ Bucket: target.settings.bucket, Key: key, UploadId: uploadId }),
    );
    const part = Parts?.find(({ PartNumber }) => PartNumber === 8);
    expect(part).toMatchObject({ Size: body.length, ETag: answer.headers.etag });
  }
});

test('a body that breaks off is no part', async () => {
  const { url, headers } = await target.store.presignPart(key, uploadId, 9, BODY.length, 600);
  await breakOff(url, headers, BODY.subarray(0, 500));
  expect(await storedParts()).not.toContain('9:1000');
  expect(await storedParts()).not.toContain('9:500');
});

describe('a download', () => {
  const name = { fileName: 'Grüße "1%".qcow2', contentType: 'application/x-qemu-disk' };
  let object: string;
  beforeAll(async () => {
    object = target.newKey();
    await putObject(target.store, object, [BODY]);
  });

  test('has the name and the type of its URL', async () => {
    const answer = await raw(await target.store.presignDownload(object, name, 60));
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BODY)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': name.contentType,
      'content-length': '1000',
      'content-disposition': `attachment; filename="Gr__e _1__.qcow2"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%25%22.qcow2`,
    });
  });

  test('answers a range', async () => {
    const url = await target.store.presignDownload(object, name, 60);
    const answer = await raw(url, { headers: { Range: 'bytes=10-19' } });
    expect(answer).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 10-19/1000' } });
    expect(answer.body.equals(BODY.subarray(10, 20))).toBe(true);
  });

  test('is not for a HEAD or another name', async () => {
    const url = await target.store.presignDownload(object, name, 60);
    expect((await raw(url, { method: 'HEAD' })).status).toBe(403);
    expect((await raw(url.replace('.qcow2', '.exe'))).status).toBe(403);
  });

  test('with an Authorization header of somebody else', async () => {
    const url = await target.store.presignDownload(object, name, 60);
    for (const authorization of ['Api-Key bullion_abc', 'Bearer eyJ0.e30.x', 'Basic dTpw']) {
      const answer = await raw(url, { headers: { Authorization: authorization } });
      const served = answer.status === 200 && answer.body.equals(BODY);
      expect(served ? 'ignored' : 'refused').toBe(target.capabilities.foreignAuthorization);
    }
  });
});
