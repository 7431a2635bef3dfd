import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ListedObject, type ListedUpload, openStore, StoreUnavailable } from '../../../storage/store.ts';
import { bytesOf, MIB, putObject } from '../content.ts';
import { openTarget, type Target } from '../target.ts';

const TYPE = 'application/octet-stream';
/** Clocks of a store and of this machine may differ. */
const SKEW_MS = 60_000;

let target: Target;
let prefix: string;
const keys: string[] = [];
const uploads: { key: string; storeUploadId: string }[] = [];
const began = Date.now();

beforeAll(async () => {
  target = await openTarget();
  prefix = `${target.newKey()}-`;
  // In the byte order of keys capitals come before small letters, and digits before both.
  for (const name of ['0', 'A', 'a', 'a-b', 'a.b', 'b']) keys.push(`${prefix}${name}`);
  for (const [index, key] of [...keys].reverse().entries()) {
    await putObject(target.store, key, [bytesOf(index + 1, 100 + index)]);
  }
  await putObject(target.store, `${prefix}large`, [bytesOf(8, 5 * MIB), bytesOf(9, 10)]);
  keys.push(`${prefix}large`);
  for (const key of [keys[1]!, keys[1]!, keys[3]!, keys[5]!]) {
    uploads.push({ key, storeUploadId: await target.store.openMultipart(key, TYPE) });
  }
});
afterAll(() => target.close());

async function allObjects(pageSize: number): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  for (let after: string | undefined; ; after = found.at(-1)!.key) {
    const page = await target.store.listObjects(prefix, after, pageSize);
    expect(page.items.length).toBeLessThanOrEqual(pageSize);
    found.push(...page.items);
    if (!page.more) return found;
  }
}

async function allUploads(pageSize: number): Promise<ListedUpload[]> {
  const found: ListedUpload[] = [];
  for (let after: ListedUpload | undefined; ; after = found.at(-1)) {
    const page = await target.store.listUploads(prefix, after, pageSize);
    expect(page.items.length).toBeLessThanOrEqual(pageSize);
    found.push(...page.items);
    if (!page.more) return found;
  }
}

describe('objects', () => {
  test.each([1, 2, 3, 7, 1000])('are listed by their keys, %s a page', async (pageSize) => {
    expect((await allObjects(pageSize)).map(({ key }) => key)).toEqual(keys);
  });

  test('are as a HEAD finds them, with the time of their making', async () => {
    for (const { key, sizeBytes, etag, modifiedAt } of await allObjects(1000)) {
      expect({ sizeBytes, etag }).toEqual(await target.store.head(key));
      expect(modifiedAt).toBeGreaterThan(began - SKEW_MS);
      expect(modifiedAt).toBeLessThan(Date.now() + SKEW_MS);
    }
  });

  test('go on behind a key that is not there', async () => {
    const { items, more } = await target.store.listObjects(prefix, `${prefix}a-c`, 1);
    expect([items.map(({ key }) => key), more]).toEqual([[`${prefix}a.b`], true]);
  });

  test('of a prefix that no key has are none', async () => {
    expect(await target.store.listObjects(`${prefix}nothing`)).toEqual({ items: [], more: false });
  });
});

describe('open uploads', () => {
  test.each([1, 2, 3, 1000])('are listed once each, by their keys, %s a page', async (pageSize) => {
    const found = await allUploads(pageSize);
    expect(found.map(({ key }) => key)).toEqual(uploads.map(({ key }) => key));
    const ids = (list: readonly { storeUploadId: string }[]) =>
      list.map(({ storeUploadId }) => storeUploadId).sort();
    expect(ids(found)).toEqual(ids(uploads));
    for (const { initiatedAt } of found) {
      expect(initiatedAt).toBeGreaterThan(began - SKEW_MS);
      expect(initiatedAt).toBeLessThan(Date.now() + SKEW_MS);
    }
  });

  test('that are ended while they are listed leave the others listed', async () => {
    const key = `${prefix}ended`;
    const ids = [await target.store.openMultipart(key, TYPE), await target.store.openMultipart(key, TYPE)];
    const first = (await target.store.listUploads(key, undefined, 1)).items[0]!;
    await target.store.abortMultipart(key, first.storeUploadId);
    await target.store.abortUploadsOf(key);
    expect(ids).toContain(first.storeUploadId);
    expect(await target.store.listUploads(key)).toEqual({ items: [], more: false });
  });
});

test('a store that cannot be asked is an outage, which says nothing secret', async () => {
  const wrong = openStore({ ...target.settings, secretAccessKey: 'not-the-secret' });
  for (const ask of [() => wrong.listObjects(prefix), () => wrong.listUploads(prefix)]) {
    const asked = ask();
    await expect(asked).rejects.toThrow(StoreUnavailable);
    await expect(asked).rejects.not.toThrow(/X-Amz|layers|not-the-secret/);
  }
});
