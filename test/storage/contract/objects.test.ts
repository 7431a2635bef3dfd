import {
  CopyObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf, MIB, putObject } from '../content.ts';
import { refusal } from '../http.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
let key: string;
let object: Awaited<ReturnType<typeof putObject>>;
beforeAll(async () => {
  target = await openTarget();
  key = target.newKey();
  object = await putObject(target.store, key, [bytesOf(1, 5 * MIB), bytesOf(2, 1000)]);
});
afterAll(() => target.close());

async function get(input: Partial<GetObjectCommandInput>) {
  const answer = await target.client.send(
    new GetObjectCommand({ Bucket: target.settings.bucket, Key: key, ...input }),
  );
  const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  return { status: answer.$metadata.httpStatusCode, range: answer.ContentRange, bytes };
}

const SIZE = 5 * MIB + 1000;

describe('a range', () => {
  test.each([
    ['of the first bytes', 'bytes=0-99', 0, 100],
    ['inside', 'bytes=1000-1999', 1000, 2000],
    ['across the parts', `bytes=${5 * MIB - 1}-${5 * MIB}`, 5 * MIB - 1, 5 * MIB + 1],
    ['that is open', `bytes=${SIZE - 10}-`, SIZE - 10, SIZE],
    ['of the last bytes', 'bytes=-10', SIZE - 10, SIZE],
    ['of more last bytes than there are', `bytes=-${SIZE + 5}`, 0, SIZE],
    ['that passes the end', `bytes=${SIZE - 10}-${SIZE + 10}`, SIZE - 10, SIZE],
  ])('%s', async (_, range, from, to) => {
    const answer = await get({ Range: range });
    expect(answer.status).toBe(206);
    expect(answer.range).toBe(`bytes ${from}-${to - 1}/${SIZE}`);
    expect(answer.bytes.equals(object.content.subarray(from, to))).toBe(true);
  });

  test('beyond the end is refused', async () => {
    expect(await refusal(get({ Range: `bytes=${SIZE}-` }))).toEqual({ status: 416, code: 'InvalidRange' });
  });
});

describe('a condition', () => {
  test.each<[string, () => Partial<GetObjectCommandInput>, number]>([
    ['If-Match holds', () => ({ IfMatch: `"${object.etag}"` }), 200],
    ['If-Match holds for a range', () => ({ IfMatch: `"${object.etag}"`, Range: 'bytes=0-0' }), 206],
    ['If-Match fails', () => ({ IfMatch: '"0"' }), 412],
    ['If-Match fails for a range', () => ({ IfMatch: '"0"', Range: 'bytes=0-0' }), 412],
    ['If-None-Match holds', () => ({ IfNoneMatch: '"0"' }), 200],
    ['If-None-Match fails', () => ({ IfNoneMatch: `"${object.etag}"` }), 304],
  ])('%s', async (_, conditions, status) => {
    const input = { Bucket: target.settings.bucket, Key: key, ...conditions() };
    const statuses = await Promise.all(
      [get(conditions()), target.client.send(new HeadObjectCommand(input))].map((call) =>
        (call as Promise<{ status?: number; $metadata?: { httpStatusCode?: number } }>).then(
          (answer) => answer.status ?? answer.$metadata?.httpStatusCode,
          (error) => error.$metadata?.httpStatusCode,
        ),
      ),
    );
    expect(statuses).toEqual([status, status]);
  });
});

test('what is not there is 404', async () => {
  expect(await refusal(get({ Key: target.newKey() }))).toEqual({ status: 404, code: 'NoSuchKey' });
  const missing = await refusal(get({ Bucket: 'no-such-bucket-here' }));
  expect([403, 404]).toContain(missing.status);
});

test('a copy lives on when its source is deleted', async () => {
  const { bucket } = target.settings;
  const [source, copy] = [target.newKey(), target.newKey()];
  await putObject(target.store, source, [bytesOf(3, 5000)]);
  await target.client.send(
    new CopyObjectCommand({ Bucket: bucket, Key: copy, CopySource: `${bucket}/${source}` }),
  );
  await target.store.delete(source);
  const stored = await target.store.head(copy);
  const bytes = await target.store.readRange(copy, stored!.etag, 0, 5000);
  expect(bytesOf(3, 5000).equals(bytes)).toBe(true);
});

test('objects are listed by prefix, in order, in pages', async () => {
  const base = target.newKey();
  const keys = ['a/1', 'a/2', 'b', 'c/1', 'd'].map((name) => `${base}/${name}`);
  for (const name of keys.toReversed()) await putObject(target.store, name, [bytesOf(1, 1)]);
  const list = async (more: object) =>
    await target.client.send(
      new ListObjectsV2Command({ Bucket: target.settings.bucket, Prefix: `${base}/`, ...more }),
    );
  const found: (string | undefined)[][] = [];
  let token: string | undefined;
  do {
    const page = await list({ MaxKeys: 2, ContinuationToken: token });
    found.push((page.Contents ?? []).map((entry) => entry.Key));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined && found.length < 10);
  expect(found.flat()).toEqual(keys);
  expect(found.every((page) => page.length <= 2)).toBe(true);

  const later = await list({ StartAfter: keys[2] });
  expect(later.Contents?.map((entry) => entry.Key)).toEqual(keys.slice(3));

  const folders = await list({ Delimiter: '/' });
  expect(folders.CommonPrefixes?.map((entry) => entry.Prefix)).toEqual([`${base}/a/`, `${base}/c/`]);
  expect(folders.Contents?.map((entry) => entry.Key)).toEqual([keys[2], keys[4]]);
});
