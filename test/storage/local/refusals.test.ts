import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../storage/store.ts';
import { bytesOf, MIB, putParts } from '../content.ts';
import { type RawAnswer, raw } from '../http.ts';
import { type LocalStore, startLocal } from '../target.ts';
import { sha256, signedHeaders, type ToSign } from './signer.ts';

let local: LocalStore;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.server.close();
  await rm(local.dir, { recursive: true });
});

type Attempt = Partial<ToSign> & { readonly body?: Uint8Array | string };

async function send(method: string, target: string, attempt: Attempt = {}): Promise<RawAnswer> {
  const body = attempt.body === undefined ? undefined : Buffer.from(attempt.body);
  const headers = signedHeaders({
    method,
    target,
    host: new URL(local.settings.endpoint).host,
    accessKeyId: local.settings.accessKeyId,
    secretAccessKey: local.settings.secretAccessKey,
    ...attempt,
  });
  if (body !== undefined && attempt.headers?.['transfer-encoding'] === undefined) {
    headers['content-length'] = String(body.length);
  }
  return await raw(local.settings.endpoint, { method, path: target, headers, ...(body && { body }) });
}

const md5 = (text: string) => createHash('md5').update(text).digest('base64');
const BIG_COMPLETE = `<CompleteMultipartUpload>${' '.repeat(5 * MIB)}</CompleteMultipartUpload>`;

describe('refused', () => {
  test.each<[string, string, string, Attempt, number, string]>([
    ['another region', 'GET', '/bullion/k', { region: 'us-east-1' }, 400, 'AuthorizationHeaderMalformed'],
    ['another service', 'GET', '/bullion/k', { service: 'sqs' }, 400, 'AuthorizationHeaderMalformed'],
    ['an unknown key', 'GET', '/bullion/k', { accessKeyId: 'nobody' }, 403, 'InvalidAccessKeyId'],
    ['a wrong secret', 'GET', '/bullion/k', { secretAccessKey: 'x' }, 403, 'SignatureDoesNotMatch'],
    [
      'a late clock',
      'GET',
      '/bullion/k',
      { date: new Date(Date.now() - 16 * 60_000) },
      403,
      'RequestTimeTooSkewed',
    ],
    [
      'an early clock',
      'GET',
      '/bullion/k',
      { date: new Date(Date.now() + 16 * 60_000) },
      403,
      'RequestTimeTooSkewed',
    ],
    [
      'an unsigned header',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'x-amz-meta-a': 'b' }, unsigned: ['x-amz-meta-a'] },
      403,
      'AccessDenied',
    ],
    ['another host', 'GET', '/bullion/k', { unsigned: ['host'] }, 403, 'AccessDenied'],
    ['a bucket that is not there', 'GET', '/other/k', {}, 404, 'NoSuchBucket'],
    ['the list of buckets', 'GET', '/', {}, 501, 'NotImplemented'],
    ['an object that is not there', 'GET', '/bullion/k', {}, 404, 'NoSuchKey'],
    ['an unknown method', 'PATCH', '/bullion/k', {}, 405, 'MethodNotAllowed'],
    ['a subresource', 'GET', '/bullion/k?acl=', {}, 501, 'NotImplemented'],
    ['a listing of the first kind', 'GET', '/bullion?list-type=1', {}, 501, 'NotImplemented'],
    [
      'a copy of a version',
      'PUT',
      '/bullion/k',
      { headers: { 'x-amz-copy-source': 'bullion/a?versionId=1' } },
      501,
      'NotImplemented',
    ],
    [
      'a checksum of another kind',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'x-amz-checksum-sha256': 'AAAAAA==' } },
      501,
      'NotImplemented',
    ],
    [
      'an encryption',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'x-amz-server-side-encryption': 'AES256' } },
      501,
      'NotImplemented',
    ],
    [
      'chunks with signatures',
      'PUT',
      '/bullion/k',
      { body: 'x', payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' },
      501,
      'NotImplemented',
    ],
    [
      'chunks of their own',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'content-encoding': 'aws-chunked' } },
      501,
      'NotImplemented',
    ],
    [
      'a body without its length',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'transfer-encoding': 'chunked' } },
      411,
      'MissingContentLength',
    ],
    [
      'another body than signed',
      'PUT',
      '/bullion/k',
      { body: 'x', payloadHash: sha256('y') },
      400,
      'XAmzContentSHA256Mismatch',
    ],
    [
      'a payload hash that is none',
      'PUT',
      '/bullion/k',
      { body: 'x', payloadHash: 'abc' },
      400,
      'InvalidArgument',
    ],
    [
      'another MD5',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'content-md5': md5('y') } },
      400,
      'BadDigest',
    ],
    [
      'another CRC-32',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } },
      400,
      'BadDigest',
    ],
    [
      'a CRC-32 that is none',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'x-amz-checksum-crc32': 'AA==' } },
      400,
      'InvalidDigest',
    ],
    [
      'an MD5 that is none',
      'PUT',
      '/bullion/k',
      { body: 'x', headers: { 'content-md5': 'abc' } },
      400,
      'InvalidDigest',
    ],
    ['a bad escape', 'GET', '/bullion/%ff', {}, 400, 'InvalidURI'],
    ['a cut escape', 'GET', '/bullion/%a', {}, 400, 'InvalidURI'],
    ['a key of 1,025 bytes', 'GET', `/bullion/${'k'.repeat(1025)}`, {}, 400, 'KeyTooLongError'],
    ['part 0', 'PUT', '/bullion/k?partNumber=0&uploadId=u', { body: 'x' }, 400, 'InvalidArgument'],
    ['part 10,001', 'PUT', '/bullion/k?partNumber=10001&uploadId=u', { body: 'x' }, 400, 'InvalidArgument'],
    ['a part of no upload', 'PUT', '/bullion/k?partNumber=1&uploadId=u', { body: 'x' }, 404, 'NoSuchUpload'],
    ['an upload id that climbs', 'GET', '/bullion/k?uploadId=..%2F..', {}, 404, 'NoSuchUpload'],
    ['a completion of nothing', 'POST', '/bullion/k?uploadId=u', { body: '' }, 400, 'MalformedXML'],
    [
      'a completion without parts',
      'POST',
      '/bullion/k?uploadId=u',
      { body: '<CompleteMultipartUpload/>' },
      400,
      'MalformedXML',
    ],
    [
      'a body that does not end',
      'POST',
      '/bullion/k?uploadId=u',
      { body: BIG_COMPLETE },
      400,
      'MaxMessageLengthExceeded',
    ],
    ['a deletion of nothing', 'POST', '/bullion?delete=', { body: '<Delete/>' }, 400, 'MalformedXML'],
    ['a foreign page token', 'GET', '/bullion?continuation-token=eA&list-type=2', {}, 400, 'InvalidArgument'],
    ['pages of -1', 'GET', '/bullion?list-type=2&max-keys=-1', {}, 400, 'InvalidArgument'],
    ['another encoding', 'GET', '/bullion?encoding-type=rot13&list-type=2', {}, 400, 'InvalidArgument'],
  ])('%s', async (_, method, target, attempt, status, code) => {
    expect(await send(method, target, attempt)).toMatchObject({ status, code });
  });

  test('a header that would end the header', async () => {
    expect((await send('PUT', '/bullion/split', { body: 'x' })).status).toBe(200);
    const target = '/bullion/split?response-content-type=a%0D%0Ax%3A%20y';
    expect(await send('GET', target)).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('a large body is read before the refusal is sent', async () => {
    const body = bytesOf(1, 32 * MIB);
    expect(await send('PUT', '/bullion/k', { body, secretAccessKey: 'x' })).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
      wholeRequestSent: true,
    });
  });
});

describe('a completion is refused as R2 refuses it', () => {
  test.each([
    ['a part under 5 MiB', [5 * MIB - 1, 5 * MIB - 1], 'EntityTooSmall'],
    ['parts of two lengths', [5 * MIB, 5 * MIB + 1, 1], 'InvalidPart'],
    ['a longer last part', [5 * MIB, 5 * MIB + 1], 'InvalidPart'],
  ])('%s', async (_, lengths, code) => {
    const store = openStore(local.settings);
    const key = 'layers/strict';
    const id = await store.openMultipart(key, 'text/plain');
    const parts = await putParts(
      store,
      key,
      id,
      lengths.map((length, index) => bytesOf(index + 1, length)),
    );
    expect(await store.completeMultipart(key, id, parts)).toEqual({ refused: code });
    expect(await store.completeMultipart(key, id, parts.slice(0, 1))).toBe('completed');
  });
});
