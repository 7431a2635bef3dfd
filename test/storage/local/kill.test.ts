import { cp, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { s3Client } from '../../../storage/connection.ts';
import { openStore, type Store } from '../../../storage/store.ts';
import { bytesOf, MIB, putParts } from '../content.ts';
import { put } from '../http.ts';
import { openWorkshop, type StoreProcess, type Workshop } from './child.ts';

let workshop: Workshop;
beforeEach(async () => {
  workshop = await openWorkshop();
});
afterEach(() => workshop.remove());

const files = (folder: string) => readdir(join(workshop.stateDir, folder));

test('parts survive a kill in the middle of an upload, and the broken one leaves nothing', async () => {
  const key = 'layers/killed';
  const bodies = [bytesOf(1, 5 * MIB), bytesOf(2, 5 * MIB), bytesOf(3, 5 * MIB)];
  let process = await workshop.start();
  let store = openStore(process.settings);
  const id = await store.openMultipart(key, 'application/octet-stream');
  const parts = await putParts(store, key, id, bodies.slice(0, 2));

  const third = await store.presignPart(key, id, 3, 5 * MIB, 600);
  const outgoing = request(third.url, { method: 'PUT', headers: third.headers, agent: false });
  const broken = new Promise<void>((resolve) => {
    outgoing.on('error', () => {}).once('close', resolve);
  });
  outgoing.write(bodies[2]!.subarray(0, 2 * MIB));
  await expect.poll(writtenBytes, { timeout: 5000, message: 'the store writes the part' }).toBeGreaterThan(0);
  await process.kill();
  await broken;

  process = await workshop.start();
  store = openStore(process.settings);
  expect(await files('tmp')).toEqual([]);
  expect(await files('blobs')).toHaveLength(2);
  expect(await store.listParts(key, id)).toEqual(parts.map((part) => ({ ...part, sizeBytes: 5 * MIB })));

  const again = await store.presignPart(key, id, 3, 5 * MIB, 600);
  expect((await put(again.url, bodies[2]!, again.headers)).status).toBe(200);
  const all = (await store.listParts(key, id)) ?? [];
  expect(await store.completeMultipart(key, id, all)).toBe('completed');
  const completed = await store.head(key);
  await process.kill();

  process = await workshop.start();
  store = openStore(process.settings);
  expect(await store.head(key)).toEqual(completed);
  expect(await store.completeMultipart(key, id, all)).toBe('completed');
  const bytes = await store.readRange(key, completed!.etag, 0, 15 * MIB);
  expect(Buffer.concat(bodies).equals(bytes)).toBe(true);
});

test('what a kill may leave half done is put right at the next start', async () => {
  const key = 'layers/half-done';
  const first = await workshop.start();
  const before = openStore(first.settings);
  const id = await before.openMultipart(key, 'text/plain');
  const parts = await putParts(before, key, id, [bytesOf(1, 1000)]);
  const upload = join(workshop.stateDir, 'buckets/bullion/uploads', id);
  await cp(upload, `${workshop.stateDir}/kept`, { recursive: true });
  expect(await before.completeMultipart(key, id, parts)).toBe('completed');
  const completed = await before.head(key);
  await first.kill();

  // The object was written and its upload not yet removed.
  await rename(`${workshop.stateDir}/kept`, upload);
  // An upload was removed and its folder not yet; an upload's folder was made and its record not yet.
  await mkdir(`${upload}-removed`);
  await writeFile(`${upload}-removed/1.json`, '{}');
  // Bytes were stored and no record named them yet.
  await writeFile(join(workshop.stateDir, 'blobs/unnamed'), 'x');
  await writeFile(join(workshop.stateDir, 'tmp/unfinished'), 'x');

  const next = await workshop.start();
  const store = openStore(next.settings);
  expect(await store.head(key)).toEqual(completed);
  expect(await store.listParts(key, id)).toBeUndefined();
  expect(await files('buckets/bullion/uploads')).toEqual([]);
  expect(await files('blobs')).toHaveLength(1);
  expect(await files('tmp')).toEqual([]);
  expect(await store.completeMultipart(key, id, parts)).toBe('completed');
  expect(bytesOf(1, 1000).equals(await store.readRange(key, completed!.etag, 0, 1000))).toBe(true);
});

async function writtenBytes(): Promise<number> {
  const names = await files('tmp');
  const sizes = await Promise.all(
    names.map((name) => stat(join(workshop.stateDir, 'tmp', name)).catch(() => undefined)),
  );
  return Math.max(0, ...sizes.map((file) => file?.size ?? 0));
}

/** What a key may hold after a kill: its last acknowledged state, or the one that was on its way. `''` is nothing. */
interface Expected {
  acknowledged: string;
  underway: string | undefined;
}

test('whatever was acknowledged before a kill is there after it', async () => {
  const model = new Map<string, Expected>();
  for (let round = 1; round <= 6; round += 1) {
    const process = await workshop.start();
    await work(process, model, round);
    const next = await workshop.start();
    await compare(next, model);
    await next.kill();
  }
  expect([...model.values()].filter(({ acknowledged }) => acknowledged !== '').length).toBeGreaterThan(5);
});

/** Four writers that write, replace, complete and delete, until the store is killed between two of their steps. */
async function work(process: StoreProcess, model: Map<string, Expected>, round: number): Promise<void> {
  const store = openStore(process.settings);
  let steps = 0;
  let killed: Promise<void> | undefined;
  const writers = [0, 1, 2, 3].map(async (writer) => {
    for (let step = 0; killed === undefined; step += 1) {
      const key = `layers/writer-${writer}-${(step * 7 + round) % 5}`;
      const expected = model.get(key) ?? { acknowledged: '', underway: undefined };
      model.set(key, expected);
      const content = step % 4 === 3 ? '' : `round ${round}, writer ${writer}, step ${step}`;
      expected.underway = content;
      try {
        await change(process, store, key, content, step);
      } catch (error) {
        if (killed === undefined) throw error;
        return;
      }
      expected.acknowledged = content;
      expected.underway = undefined;
      steps += 1;
      if (steps === 20 + round * 3) killed = process.kill();
    }
  });
  await Promise.all(writers);
  await killed;
}

async function change(
  process: StoreProcess,
  store: Store,
  key: string,
  content: string,
  step: number,
): Promise<void> {
  if (content === '') {
    await store.delete(key);
  } else if (step % 2 === 0) {
    const client = s3Client(process.settings);
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: 'bullion', Key: key }));
    const answer = await put(url, Buffer.from(content));
    if (answer.status !== 200) throw new Error(`PUT: ${answer.status}`);
  } else {
    const id = await store.openMultipart(key, 'text/plain');
    const parts = await putParts(store, key, id, [Buffer.from(content)]);
    if ((await store.completeMultipart(key, id, parts)) !== 'completed') throw new Error('not completed');
  }
}

async function compare(process: StoreProcess, model: Map<string, Expected>): Promise<void> {
  const store = openStore(process.settings);
  for (const [key, expected] of model) {
    const stored = await store.head(key);
    const content =
      stored === undefined
        ? ''
        : Buffer.from(await store.readRange(key, stored.etag, 0, stored.sizeBytes)).toString();
    expect([expected.acknowledged, expected.underway ?? expected.acknowledged]).toContain(content);
    expected.acknowledged = content;
    expected.underway = undefined;
    const id = await store.openMultipart(key, 'text/plain');
    await store.abortMultipart(key, id);
  }
  const client = s3Client(process.settings);
  const { KeyCount } = await client.send(new ListObjectsV2Command({ Bucket: 'bullion' }));
  const uploads = await files('buckets/bullion/uploads');
  const parts = await Promise.all(uploads.map((id) => files(`buckets/bullion/uploads/${id}`)));
  const partCount = parts.flat().filter((name) => name !== 'upload.json').length;
  expect(await files('tmp')).toEqual([]);
  expect(await files('blobs')).toHaveLength((KeyCount ?? 0) + partCount);
}
