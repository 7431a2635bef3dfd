import { ListMultipartUploadsCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NamedPart, ObjectChanged, openStore, StoreUnavailable } from '../../../storage/store.ts';
import { bytesOf, MIB, putObject } from '../content.ts';
import { refusal } from '../http.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
let source: { key: string } & Awaited<ReturnType<typeof putObject>>;
beforeAll(async () => {
  target = await openTarget();
  const key = target.newKey();
  source = { key, ...(await putObject(target.store, key, [bytesOf(1, 5 * MIB), bytesOf(2, 3 * MIB)])) };
});
afterAll(() => target.close());

const TYPE = 'application/octet-stream';

async function contentOf(key: string): Promise<Buffer> {
  const { etag, sizeBytes } = (await target.store.head(key))!;
  return Buffer.from(await target.store.readRange(key, etag, 0, sizeBytes));
}

describe('a copy', () => {
  test('holds the same bytes, and goes on without its source', async () => {
    const store = openStore(target.settings);
    const doomed = target.newKey();
    const key = target.newKey();
    const { etag, content } = await putObject(target.store, doomed, [bytesOf(3, 5 * MIB), bytesOf(4, 1234)]);
    const copy = await store.copy(doomed, etag, key);
    expect(store.calls).toBe(4);
    expect(copy).toEqual(await store.head(key));
    expect(copy.sizeBytes).toBe(content.length);
    expect(copy.etag).toMatch(/^[^"]+$/);
    await store.delete(doomed);
    expect(content.equals(await contentOf(key))).toBe(true);
  });

  test('can be made again', async () => {
    const key = target.newKey();
    const first = await target.store.copy(source.key, source.etag, key);
    expect(await target.store.copy(source.key, source.etag, key)).toEqual(first);
  });

  test.each([
    ['of an object that is not there', () => [target.newKey(), source.etag] as const],
    ['of an object with another ETag', () => [source.key, 'f'.repeat(32)] as const],
  ])('%s is refused and leaves nothing', async (_, argumentsOf) => {
    const [from, etag] = argumentsOf();
    const key = target.newKey();
    await expect(target.store.copy(from, etag, key)).rejects.toThrow(ObjectChanged);
    expect(await target.store.head(key)).toBeUndefined();
  });

  test('that cannot be made says nothing secret', async () => {
    const wrong = openStore({ ...target.settings, secretAccessKey: 'not-the-secret' });
    const failed = wrong.copy(source.key, source.etag, target.newKey());
    await expect(failed).rejects.toThrow(StoreUnavailable);
    await expect(failed).rejects.not.toThrow(/X-Amz|layers|not-the-secret/);
  });
});

describe('a copied part', () => {
  async function open() {
    const key = target.newKey();
    return { key, id: await target.store.openMultipart(key, TYPE) };
  }

  test('holds its range, and the parts become the object', async () => {
    const { store } = target;
    const { key, id } = await open();
    const ranges = [
      [1_000_000, 5 * MIB],
      [0, 10],
    ] as const;
    const parts: NamedPart[] = [];
    for (const [index, [offset, length]] of ranges.entries()) {
      const etag = await store.copyPart(source.key, source.etag, key, id, index + 1, offset, length);
      parts.push({ partNumber: index + 1, etag: etag! });
    }
    expect(await store.listParts(key, id)).toEqual(
      parts.map((part, index) => ({ ...part, sizeBytes: ranges[index]![1] })),
    );
    expect(await store.completeMultipart(key, id, parts)).toBe('completed');
    const expected = Buffer.concat(
      ranges.map(([offset, length]) => source.content.subarray(offset, offset + length)),
    );
    expect(expected.equals(await contentOf(key))).toBe(true);
  });

  test('replaces an earlier one of its number', async () => {
    const { key, id } = await open();
    await target.store.copyPart(source.key, source.etag, key, id, 1, 0, 5 * MIB);
    const etag = await target.store.copyPart(source.key, source.etag, key, id, 1, 10, 5 * MIB);
    expect(await target.store.listParts(key, id)).toEqual([{ partNumber: 1, etag, sizeBytes: 5 * MIB }]);
  });

  test.each([
    ['of an object that is not there', () => [target.newKey(), source.etag] as const],
    ['of an object with another ETag', () => [source.key, 'f'.repeat(32)] as const],
  ])('%s is refused', async (_, argumentsOf) => {
    const [from, etag] = argumentsOf();
    const { key, id } = await open();
    await expect(target.store.copyPart(from, etag, key, id, 1, 0, 10)).rejects.toThrow(ObjectChanged);
    expect(await target.store.listParts(key, id)).toEqual([]);
  });

  test('of an upload that was aborted is none', async () => {
    const { key, id } = await open();
    await target.store.abortMultipart(key, id);
    expect(await target.store.copyPart(source.key, source.etag, key, id, 1, 0, 10)).toBeUndefined();
  });
});

test('all open uploads of a key are ended, and those of no other one', async () => {
  const { store } = target;
  const key = target.newKey();
  const other = target.newKey();
  // A key that begins like the first one.
  const longer = `${key}-longer`;
  for (const name of [key, key, other, longer]) await store.openMultipart(name, TYPE);
  await store.abortUploadsOf(key);
  const openKeys = async (prefix: string) => {
    const command = new ListMultipartUploadsCommand({ Bucket: target.settings.bucket, Prefix: prefix });
    return ((await target.client.send(command)).Uploads ?? []).map(({ Key }) => Key);
  };
  expect(await openKeys(key)).toEqual([longer]);
  expect(await openKeys(other)).toEqual([other]);
  await store.abortUploadsOf(key);
});

/** A copy of a part as the store itself takes it, without a look at the source. */
async function rawCopy(range: string, condition?: string) {
  const key = target.newKey();
  const id = await target.store.openMultipart(key, TYPE);
  const sent = target.client.send(
    new UploadPartCopyCommand({
      Bucket: target.settings.bucket,
      Key: key,
      UploadId: id,
      PartNumber: 1,
      CopySource: `${target.settings.bucket}/${source.key}`,
      CopySourceIfMatch: condition,
      CopySourceRange: range,
    }),
  );
  return { sent, parts: () => target.store.listParts(key, id) };
}

test('a copy on condition of an ETag', async () => {
  const made = await Promise.all(
    [source.etag, 'f'.repeat(32)].map(async (etag) => {
      const { sent } = await rawCopy('bytes=0-9', `"${etag}"`);
      return await sent.then(
        () => true,
        () => false,
      );
    }),
  );
  const expected = { works: [true, false], ignored: [true, true], refused: [false, false] };
  expect(made).toEqual(expected[target.capabilities.conditionalCopy]);
});

test('a range that ends behind the object', async () => {
  const { sent, parts } = await rawCopy(`bytes=${8 * MIB - 5}-${8 * MIB + 4}`);
  if (target.capabilities.copyPastEnd === 'clipped') {
    await sent;
    expect(await parts()).toMatchObject([{ partNumber: 1, sizeBytes: 5 }]);
  } else {
    expect([400, 416]).toContain((await refusal(sent)).status);
    expect(await parts()).toEqual([]);
  }
});
