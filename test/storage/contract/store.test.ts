import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../storage/connection.ts';
import { listParts } from '../../../storage/multipart.ts';
import { rangeReader } from '../../../storage/range-reader.ts';
import { ObjectChanged, openStore, StoreUnavailable } from '../../../storage/store.ts';
import { bytesOf, MIB, putObject, putParts } from '../content.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
});
afterAll(() => target.close());

const PARTS = [bytesOf(1, 5 * MIB), bytesOf(2, 5 * MIB), bytesOf(3, 1234)];

describe('an upload', () => {
  test('of three parts in parallel becomes the object', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    expect(await store.listParts(key, uploadId)).toEqual([]);
    const parts = await putParts(store, key, uploadId, PARTS);
    expect(await store.listParts(key, uploadId)).toEqual(
      parts.map((part, index) => ({ ...part, sizeBytes: PARTS[index]!.length })),
    );
    expect(await store.head(key)).toBeUndefined();
    expect(await store.completeMultipart(key, uploadId, parts.toReversed())).toBe('completed');
    const stored = await store.head(key);
    expect(stored?.sizeBytes).toBe(10 * MIB + 1234);
    expect(stored?.etag).toMatch(/^[^"]+$/);
    const bytes = await store.readRange(key, stored!.etag, 0, stored!.sizeBytes);
    expect(Buffer.concat(PARTS).equals(bytes)).toBe(true);
  });

  test('of one byte becomes the object', async () => {
    const stored = await putObject(target.store, target.newKey(), [new Uint8Array([7])]);
    expect(stored.sizeBytes).toBe(1);
  });

  test('has more parts than one page lists', async () => {
    const key = target.newKey();
    const uploadId = await target.store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(
      target.store,
      key,
      uploadId,
      [1, 2, 3, 4, 5].map((seed) => bytesOf(seed, seed)),
    );
    const connection = connect(target.settings);
    const listed = await listParts(connection, key, uploadId, 2);
    expect(listed).toEqual(parts.map((part, index) => ({ ...part, sizeBytes: index + 1 })));
    expect(connection.requestCount).toBe(3);
  });

  test('can be completed twice with the same list', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(store, key, uploadId, PARTS);
    expect(await store.completeMultipart(key, uploadId, parts)).toBe('completed');
    const first = await store.head(key);
    expect(['completed', 'unknown-upload']).toContain(await store.completeMultipart(key, uploadId, parts));
    expect(await store.head(key)).toEqual(first);
  });

  test('survives completions at the same time', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(store, key, uploadId, PARTS);
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => store.completeMultipart(key, uploadId, parts)),
    );
    expect(outcomes).toContain('completed');
    for (const outcome of outcomes) expect(['completed', 'unknown-upload']).toContain(outcome);
    const stored = await store.head(key);
    expect(stored?.sizeBytes).toBe(10 * MIB + 1234);
    const tail = await store.readRange(key, stored!.etag, 10 * MIB, 1234);
    expect(PARTS[2]!.equals(tail)).toBe(true);
  });

  test('with a part that is not there is refused and goes on', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(store, key, uploadId, [PARTS[2]!]);
    const missing = [...parts, { partNumber: 2, etag: parts[0]!.etag }];
    expect(await store.completeMultipart(key, uploadId, missing)).toHaveProperty('refused');
    const wrongEtag = [{ partNumber: 1, etag: '0'.repeat(32) }];
    expect(await store.completeMultipart(key, uploadId, wrongEtag)).toEqual({ refused: 'InvalidPart' });
    expect(await store.completeMultipart(key, uploadId, parts)).toBe('completed');
  });

  test('with a part that is too small is refused', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(store, key, uploadId, [PARTS[2]!, PARTS[2]!]);
    expect(await store.completeMultipart(key, uploadId, parts)).toEqual({ refused: 'EntityTooSmall' });
    expect(await store.head(key)).toBeUndefined();
  });

  test('that is aborted is unknown, however often', async () => {
    const { store } = target;
    const key = target.newKey();
    const uploadId = await store.openMultipart(key, 'application/octet-stream');
    const parts = await putParts(store, key, uploadId, [PARTS[2]!]);
    await store.abortMultipart(key, uploadId);
    await store.abortMultipart(key, uploadId);
    expect(await store.listParts(key, uploadId)).toBeUndefined();
    expect(await store.completeMultipart(key, uploadId, parts)).toBe('unknown-upload');
    expect(await store.head(key)).toBeUndefined();
  });
});

describe('reading', () => {
  let key: string;
  let object: Awaited<ReturnType<typeof putObject>>;
  beforeAll(async () => {
    key = target.newKey();
    object = await putObject(target.store, key, PARTS);
  });

  test.each([
    ['the first byte', 0, 1],
    ['nothing', 17, 0],
    ['across two parts', 5 * MIB - 3, 7],
    ['the last bytes', 10 * MIB + 1230, 4],
    ['everything', 0, 10 * MIB + 1234],
  ])('%s', async (_, offset, length) => {
    const bytes = await target.store.readRange(key, object.etag, offset, length);
    expect(object.content.subarray(offset, offset + length).equals(bytes)).toBe(true);
  });

  test('through a range reader', async () => {
    const reader = rangeReader(target.store, key, object.etag, object.sizeBytes);
    expect(reader.size).toBe(object.sizeBytes);
    const bytes = await reader.read(5 * MIB, 16);
    expect(PARTS[1]!.subarray(0, 16).equals(bytes)).toBe(true);
  });

  test.each([
    ['another ETag', () => [key, 'f'.repeat(32), 0, 1], ObjectChanged],
    ['no such object', () => [target.newKey(), object.etag, 0, 1], ObjectChanged],
    ['beyond the end', () => [key, object.etag, object.sizeBytes, 1], ObjectChanged],
    ['over the end', () => [key, object.etag, object.sizeBytes - 1, 2], StoreUnavailable],
  ] as const)('is refused: %s', async (_, argumentsOf, error) => {
    const [name, etag, offset, length] = argumentsOf();
    await expect(
      target.store.readRange(String(name), String(etag), Number(offset), Number(length)),
    ).rejects.toThrow(error);
  });

  test('an object that was replaced is refused', async () => {
    const replaced = target.newKey();
    const { etag } = await putObject(target.store, replaced, [bytesOf(4, 100)]);
    await putObject(target.store, replaced, [bytesOf(5, 100)]);
    await expect(target.store.readRange(replaced, etag, 0, 100)).rejects.toThrow(ObjectChanged);
  });

  test('deletes once and again', async () => {
    const doomed = target.newKey();
    const { etag } = await putObject(target.store, doomed, [bytesOf(6, 100)]);
    await target.store.delete(doomed);
    await target.store.delete(doomed);
    expect(await target.store.head(doomed)).toBeUndefined();
    await expect(target.store.readRange(doomed, etag, 0, 1)).rejects.toThrow(ObjectChanged);
  });
});

describe('the client', () => {
  test('counts its requests and none for URLs', async () => {
    const store = openStore(target.settings);
    await store.checkBucket();
    await store.head(target.newKey());
    await store.presignDownload('layers/x', { fileName: 'x', contentType: 'text/plain' }, 60);
    expect(store.calls).toBe(2);
  });

  test('signs URLs for the public address', async () => {
    const store = openStore({ ...target.settings, publicEndpoint: 'https://images.example:9443' });
    const { url, headers } = await store.presignPart(
      'layers/x',
      'an-upload',
      7,
      42,
      60,
      'AAAAAAAAAAAAAAAAAAAAAA==',
    );
    expect(url).toMatch(/^https:\/\/images\.example:9443\/[^/]+\/layers\/x\?/);
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;content-md5;host');
    expect(headers).toEqual({ 'Content-Length': '42', 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==' });
    await store.checkBucket();
  });

  test.each([
    '',
    '/x',
    'layers/../x',
    'layers//x',
    'layers/a%20b',
    'layers/é',
    'a b',
    `l/${'x'.repeat(1024)}`,
  ])('takes no key like "%s"', async (key) => {
    await expect(target.store.head(key)).rejects.toThrow(RangeError);
  });

  test.each([
    ['a wrong secret', { secretAccessKey: 'not-the-secret' }],
    ['an unknown key', { accessKeyId: 'nobody' }],
    ['a missing bucket', { bucket: 'no-such-bucket-here' }],
    ['no store', { endpoint: 'http://127.0.0.1:9' }],
  ])('says what failed and no secret with %s', async (_, changed) => {
    const settings = { ...target.settings, ...changed };
    const store = openStore(settings);
    const calls = [
      store.checkBucket(),
      store.openMultipart('layers/x', 'text/plain'),
      store.readRange('layers/x', 'e', 0, 1),
      store.completeMultipart('layers/x', 'u', [{ partNumber: 1, etag: 'e' }]),
    ];
    for (const settled of await Promise.allSettled(calls)) {
      if (settled.status === 'fulfilled') throw new Error(`The call was answered ${settled.value}`);
      expect(settled.reason).toBeInstanceOf(StoreUnavailable);
      const shown = inspect(settled.reason, { depth: 10, showHidden: true });
      expect(shown).not.toContain('X-Amz');
      expect(shown).not.toContain('layers/x');
      expect(shown).not.toContain(settings.secretAccessKey);
      expect(shown).not.toContain(settings.accessKeyId);
    }
  });
});
