import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startObjectStore } from '../../../dev/object-store/server.ts';
import { s3Client } from '../../../storage/connection.ts';
import { bytesOf, MIB } from '../content.ts';
import { breakOff, raw, refusal } from '../http.ts';
import { type LocalStore, startLocal } from '../target.ts';

let local: LocalStore;
let client: S3Client;
beforeAll(async () => {
  local = await startLocal();
  client = s3Client(local.settings);
});
afterAll(async () => {
  await local.server.close();
  await rm(local.dir, { recursive: true });
});

const BUCKET = 'bullion';

async function put(key: string, body: string | Uint8Array, more: object = {}): Promise<string> {
  const command = new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, ...more });
  return (await client.send(command)).ETag ?? '';
}

async function text(key: string): Promise<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

describe('a key may be', () => {
  const KEYS = [
    '..',
    '../../../../tmp/x',
    'a/../b',
    './a',
    'a//b',
    '/a',
    'a/',
    'a\u0000b',
    'a\nb',
    'a%2Fb',
    '%',
    'ü/ß/😀',
    'a b+c&d=e?f#g',
    "(it's!*)",
    '<&>"',
    'k'.repeat(1024),
    'CON',
    'x.json',
    '\uffff\u{1f600}',
  ];

  test('anything that is UTF-8, before and after a restart', async () => {
    for (const key of KEYS) {
      const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: 'second', Key: key }));
      // A URL object folds dots in its path; what goes over the wire here is the key as it was signed.
      const path = `/second/${key.split('/').map(strictlyEncoded).join('/')}${new URL(url).search}`;
      const headers = { 'Content-Length': String(Buffer.byteLength(key)) };
      const answer = await raw(url, { method: 'PUT', path, headers, body: Buffer.from(key) });
      expect([key, answer.status]).toEqual([key, 200]);
    }
    await local.server.close();
    local = await startLocal(local.dir);
    client = s3Client(local.settings);
    const list = new ListObjectsV2Command({ Bucket: 'second', EncodingType: 'url' });
    const listed = (await client.send(list)).Contents?.map((entry) => decodeURIComponent(entry.Key ?? ''));
    const sorted = KEYS.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    expect(listed).toEqual(sorted);
    expect((await readdir(local.dir)).toSorted()).toEqual(['blobs', 'buckets', 'tmp']);
  });

  function strictlyEncoded(segment: string): string {
    return encodeURIComponent(segment).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  }
});

describe('headers of a PUT', () => {
  test('come back, and a copy replaces them', async () => {
    const kept = {
      ContentType: 'text/x-a',
      CacheControl: 'no-store',
      ContentDisposition: 'inline',
      Metadata: { one: '1' },
    };
    await put('headers', 'x', kept);
    const head = (key: string) => client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
    expect(await head('headers')).toMatchObject({ ...kept, ContentLength: 1, AcceptRanges: 'bytes' });
    const CopySource = `${BUCKET}/headers`;
    await client.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'copied', CopySource }));
    expect(await head('copied')).toMatchObject(kept);
    const replaced = {
      ContentType: 'text/x-b',
      Metadata: { two: '2' },
      MetadataDirective: 'REPLACE',
    } as const;
    await client.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'headers', CopySource, ...replaced }));
    expect(await head('headers')).toMatchObject({ ContentType: 'text/x-b', Metadata: { two: '2' } });
    expect((await head('headers')).CacheControl).toBeUndefined();
    expect(await text('headers')).toBe('x');
  });

  test('a copy onto itself changes something or is refused', async () => {
    await put('self', 'x');
    const command = new CopyObjectCommand({ Bucket: BUCKET, Key: 'self', CopySource: `${BUCKET}/self` });
    expect(await refusal(client.send(command))).toEqual({ status: 400, code: 'InvalidRequest' });
  });
});

describe('a conditional PUT', () => {
  test.each<[string, (etag: string) => object, number]>([
    ['of a new object only', () => ({ IfNoneMatch: '*' }), 412],
    ['of this version', (etag) => ({ IfMatch: etag }), 200],
    ['of another version', () => ({ IfMatch: '"0"' }), 412],
    ['unless this version', (etag) => ({ IfNoneMatch: etag }), 412],
    ['unless another version', () => ({ IfNoneMatch: '"0"' }), 200],
  ])('%s', async (_, conditions, status) => {
    const etag = await put('conditional', 'old');
    const outcome = put('conditional', 'new', conditions(etag));
    if (status === 200) await outcome;
    else expect(await refusal(outcome)).toEqual({ status, code: 'PreconditionFailed' });
    expect(await text('conditional')).toBe(status === 200 ? 'new' : 'old');
  });

  test('one of many writers makes a new object', async () => {
    const attempts = Array.from({ length: 10 }, (_, index) => put('raced', `${index}`, { IfNoneMatch: '*' }));
    const settled = await Promise.allSettled(attempts);
    const winners = settled.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(await text('raced')).toBe(`${winners[0]}`);
  });

  test.each<[string, (etag: string) => object, boolean]>([
    ['that match', (etag) => ({ CopySourceIfMatch: etag }), true],
    ['that do not', () => ({ CopySourceIfMatch: '"0"' }), false],
    ['that exclude it', (etag) => ({ CopySourceIfNoneMatch: etag }), false],
    ['that exclude another', () => ({ CopySourceIfNoneMatch: '"0"' }), true],
    ['of an older day', () => ({ CopySourceIfUnmodifiedSince: new Date('2020-01-01') }), false],
    ['since an older day', () => ({ CopySourceIfModifiedSince: new Date('2020-01-01') }), true],
  ])('a copy on conditions of its source %s', async (_, conditions, holds) => {
    const etag = await put('source', 'x');
    const command = { Bucket: BUCKET, Key: 'target', CopySource: `${BUCKET}/source`, ...conditions(etag) };
    const copied = client.send(new CopyObjectCommand(command));
    if (holds) expect((await copied).CopyObjectResult?.ETag).toBe(etag);
    else expect(await refusal(copied)).toEqual({ status: 412, code: 'PreconditionFailed' });
  });
});

test('many objects are deleted at once', async () => {
  await Promise.all(['many/1', 'many/2'].map((key) => put(key, 'x')));
  const Objects = ['many/1', 'many/2', 'many/3'].map((Key) => ({ Key }));
  const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
  expect(Deleted).toEqual(Objects);
  const { KeyCount } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'many/' }));
  expect(KeyCount).toBe(0);
});

test('a reader goes on with what it began when the object is replaced and deleted', async () => {
  const body = bytesOf(1, 24 * MIB);
  await put('read', body);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'read' }));
  await put('read', 'other');
  expect(await text('read')).toBe('other');
  await client.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects: [{ Key: 'read' }] } }));
  expect(body.equals((await Body?.transformToByteArray()) ?? new Uint8Array())).toBe(true);
});

test('bytes that nothing names any more are gone, those of broken uploads too', async () => {
  const own = await startLocal();
  const ownClient = s3Client(own.settings);
  const broken = new PutObjectCommand({ Bucket: BUCKET, Key: 'broken' });
  await breakOff(await getSignedUrl(ownClient, broken), { 'Content-Length': `${MIB}` }, bytesOf(1, MIB / 2));
  for (const Body of ['x', 'y']) {
    await ownClient.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'short-lived', Body }));
  }
  await ownClient.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'short-lived' }));
  const left = async () => [
    ...(await readdir(join(own.dir, 'tmp'))),
    ...(await readdir(join(own.dir, 'blobs'))),
  ];
  await expect.poll(left, { timeout: 5000 }).toEqual([]);
  await own.server.close();
  await rm(own.dir, { recursive: true });
});

test('a port that is taken is an error', async () => {
  const settings = { dir: join(local.dir, 'taken'), host: '127.0.0.1', region: 'auto' };
  const rest = { buckets: [], credentials: [], corsOrigins: [] };
  await expect(startObjectStore({ ...settings, ...rest, port: local.server.port })).rejects.toThrow(
    'EADDRINUSE',
  );
  await rm(settings.dir, { recursive: true });
});
