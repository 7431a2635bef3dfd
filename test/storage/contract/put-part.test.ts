import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, StoreUnavailable } from '../../../storage/store.ts';
import { bytesOf, MIB } from '../content.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
});
afterAll(() => target.close());

const CHUNK_BYTES = 64 * 1024;

/** A stream of these bytes in pieces; with `failure` it breaks off where it would end. */
function streamOf(bytes: Uint8Array, failure?: Error): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset < bytes.length) {
        controller.enqueue(new Uint8Array(bytes.subarray(offset, offset + CHUNK_BYTES)));
        offset += CHUNK_BYTES;
      } else if (failure === undefined) controller.close();
      else controller.error(failure);
    },
  });
}

test('parts are sent from streams and become the object', async () => {
  const store = openStore(target.settings);
  const key = target.newKey();
  const uploadId = await store.openMultipart(key, 'application/octet-stream');
  const bodies = [bytesOf(1, 5 * MIB), bytesOf(2, 12_345)];
  const before = store.calls;
  const parts = [];
  for (const [index, body] of bodies.entries()) {
    const etag = await store.putPart(key, uploadId, index + 1, body.length, streamOf(body));
    expect(etag).toMatch(/^[^"]+$/);
    parts.push({ partNumber: index + 1, etag });
  }
  expect(store.calls - before).toBe(2);
  expect(await store.listParts(key, uploadId)).toEqual(
    parts.map((part, index) => ({ ...part, sizeBytes: bodies[index]!.length })),
  );
  expect(await store.completeMultipart(key, uploadId, parts)).toBe('completed');
  const stored = await store.head(key);
  const bytes = await store.readRange(key, stored!.etag, 0, stored!.sizeBytes);
  expect(Buffer.concat(bodies).equals(bytes)).toBe(true);
});

test('a part goes to the address that this process uses', async () => {
  const store = openStore({ ...target.settings, publicEndpoint: 'http://images.example:9' });
  const key = target.newKey();
  const uploadId = await store.openMultipart(key, 'application/octet-stream');
  const etag = await store.putPart(key, uploadId, 1, 10, streamOf(bytesOf(3, 10)));
  expect(await store.listParts(key, uploadId)).toEqual([{ partNumber: 1, etag, sizeBytes: 10 }]);
});

test.each([
  ['a stream that is too short', () => streamOf(bytesOf(4, 99_999))],
  ['a stream that is too long', () => streamOf(bytesOf(4, 100_001))],
  ['a stream that fails', () => streamOf(bytesOf(4, 65_536), new Error('the far end is gone'))],
])('%s leaves no part', async (_, body) => {
  const { store } = target;
  const key = target.newKey();
  const uploadId = await store.openMultipart(key, 'application/octet-stream');
  await expect(store.putPart(key, uploadId, 1, 100_000, body())).rejects.toThrow(StoreUnavailable);
  expect(await store.listParts(key, uploadId)).toEqual([]);
});

test('a signal ends a part that is under way', async () => {
  const { store } = target;
  const key = target.newKey();
  const uploadId = await store.openMultipart(key, 'application/octet-stream');
  const ending = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(CHUNK_BYTES));
      ending.abort();
    },
  });
  await expect(store.putPart(key, uploadId, 1, 100 * MIB, endless, ending.signal)).rejects.toMatchObject({
    name: 'StoreUnavailable',
    code: 'AbortError',
  });
  expect(await store.listParts(key, uploadId)).toEqual([]);
});

test('a refused part says the status and the code of the store, and nothing secret', async () => {
  const key = target.newKey();
  const store = openStore({ ...target.settings, secretAccessKey: 'not-the-secret' });
  const failed = store.putPart(key, 'an-upload', 1, 10, streamOf(bytesOf(5, 10)));
  await expect(failed).rejects.toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  await expect(failed).rejects.not.toThrow(/X-Amz|layers|not-the-secret/);
  await expect(target.store.putPart(key, 'an-upload', 1, 10, streamOf(bytesOf(5, 10)))).rejects.toMatchObject(
    { status: 404, code: 'NoSuchUpload' },
  );
  const unheard = openStore({ ...target.settings, endpoint: 'http://127.0.0.1:9' });
  await expect(unheard.putPart(key, 'an-upload', 1, 10, streamOf(bytesOf(5, 10)))).rejects.toMatchObject({
    name: 'StoreUnavailable',
    status: undefined,
  });
});
