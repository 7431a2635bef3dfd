/** Uploads: parts straight to the store, in any order, again when one fails, and what completes them. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { put, raw } from '../storage/http.ts';
import {
  type Client,
  type Fields,
  findingCodes,
  IMAGES,
  imageIdOf,
  type Operation,
  partCountOf,
  partOf,
  type SignedPart,
  sendPart,
  sha256,
} from './client.ts';
import { rawDisk, sample } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from './tenant.ts';

const MIB = 2 ** 20;
const PART = 8 * MIB;
const { local } = await startOwn();
const { api, folderId, cloudId } = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local);
const eightMib = await sample('gpt-bios-uefi.img');
const threeParts = rawDisk(2 * PART + 12345, 'three parts');

const path = (imageId: string, method: string) => `${IMAGES}/${imageId}:${method}`;
const begin = (size: number) => api.create({ folderId, upload: { size } });
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('base64');
const refusedComplete = (imageId: string, body: Fields = {}) =>
  api.refused('POST', path(imageId, 'completeUpload'), body);

/** An open upload of `bytes` with its parts signed. */
async function opened(bytes: Uint8Array, fields: Fields = {}, caller: Client = api) {
  const operation = await caller.create({ folderId, upload: { size: bytes.length }, ...fields });
  const imageId = imageIdOf(operation);
  const numbers = Array.from({ length: partCountOf(operation) }, (_, index) => index + 1);
  return { operation, imageId, parts: await caller.sign(imageId, numbers) };
}

/** Completes an upload whose disk is accepted; answers the READY image. */
async function accepted(imageId: string, body: Fields = {}) {
  const ended = await api.finished(await api.complete(imageId, body));
  expect(ended.error).toBeUndefined();
  return await api.image(imageId);
}

describe('the plan of an upload', () => {
  test.each([
    [1, PART, 1],
    [PART, PART, 1],
    [PART + 1, PART, 2],
    [8000 * MIB, PART, 1000],
    [8000 * MIB + 1, 16 * MIB, 501],
    [128_000 * MIB, 128 * MIB, 1000],
    [128_000 * MIB + 1, 128 * MIB, 1001],
    [1_280_000 * MIB, 128 * MIB, 10_000],
    [1_280_000 * MIB + 1, 256 * MIB, 5001],
    [5 * 2 ** 40, 1024 * MIB, 5120],
  ])('of %d bytes has parts of %d, %d of them', async (size, partSize, partCount) => {
    const operation = await begin(size);
    expect(operation.metadata.upload).toMatchObject({ partSize: String(partSize), partCount });
    const [last] = await api.sign(imageIdOf(operation), [partCount]);
    const offset = (partCount - 1) * partSize;
    expect(last).toMatchObject({ offset: String(offset), size: String(size - offset) });
    expect(last?.headers['Content-Length']).toBe(last?.size);
    await api.call('POST', path(imageIdOf(operation), 'abortUpload'));
  });
});

describe('an upload', () => {
  test('of one byte is sent and refused as too small', async () => {
    const ended = await api.finished(await api.push(new Uint8Array([0x51]), { folderId }));
    expect(findingCodes(ended)).toEqual(['TOO_SMALL']);
  });

  test.each([
    ['exactly one part', eightMib],
    ['one part and a byte', Buffer.concat([eightMib, Buffer.of(1)])],
    ['three parts', threeParts],
  ])('of %s is accepted', async (_, bytes) => {
    const image = await api.ready(bytes, { folderId, upload: { sha256: sha256(bytes) } });
    expect(image).toMatchObject({
      status: 'READY',
      size: String(bytes.length),
      digest: `sha256:${sha256(bytes)}`,
    });
  });

  test('takes its parts in any order, at once, and again', async () => {
    const bytes = rawDisk(threeParts.length, 'again');
    const { imageId, parts } = await opened(bytes, {
      upload: { size: bytes.length, sha256: sha256(bytes) },
    });
    const other = new Uint8Array(bytes.length).fill(7);
    await sendPart(parts[1]!, other);
    await Promise.all([...parts].reverse().map((part) => sendPart(part, bytes)));
    await sendPart(parts[0]!, bytes);
    expect((await accepted(imageId)).digest).toBe(`sha256:${sha256(bytes)}`);
  });

  test('tells what has arrived, so that anybody can go on', async () => {
    const { operation, imageId, parts } = await opened(threeParts);
    const empty = await api.upload(imageId);
    expect(empty).toMatchObject({ state: 'OPEN', partCount: 3, receivedBytes: '0', parts: [] });
    expect(empty).toMatchObject({
      ...(operation.metadata.upload as object),
      size: String(threeParts.length),
    });
    const sent = [await sendPart(parts[2]!, threeParts), await sendPart(parts[0]!, threeParts)];
    const some = await api.upload(imageId);
    expect(some.parts).toEqual(
      sent.reverse().map(({ partNumber, etag }) => ({
        partNumber,
        size: parts[partNumber - 1]!.size,
        etag: etag.replaceAll('"', ''),
      })),
    );
    expect(some.receivedBytes).toBe(String(PART + 12345));
    // What is missing can be signed anew and completed by what the answer says.
    const [again] = await api.sign(imageId, [2]);
    await sendPart(again!, threeParts);
    const { parts: all } = await api.upload(imageId);
    await accepted(imageId, { parts: all.map(({ partNumber, etag }) => ({ partNumber, etag })) });
    expect(await api.upload(imageId)).toMatchObject({
      state: 'COMPLETED',
      receivedBytes: String(threeParts.length),
    });
  });

  test('is completed with the list that the client kept, quotes and all', async () => {
    const { imageId, parts } = await opened(eightMib);
    const sent = await Promise.all(parts.map((part) => sendPart(part, eightMib)));
    expect(sent[0]?.etag).toMatch(/^".+"$/);
    await accepted(imageId, { parts: sent });
  });

  test('is completed once, however often that is asked for', async () => {
    const { imageId, operation, parts } = await opened(eightMib);
    await sendPart(parts[0]!, eightMib);
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.complete(imageId)));
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([operation.id]));
    const ended = await api.finished(operation);
    expect(await api.complete(imageId)).toEqual(ended);
    expect(ended.response).toMatchObject({ status: 'READY' });
  });

  test('shows how far its operation is', async () => {
    const { imageId, operation, parts } = await opened(eightMib);
    await sendPart(parts[0]!, eightMib);
    const completed = await api.complete(imageId);
    expect(completed.id).toBe(operation.id);
    expect(['INSPECTING', undefined]).toContain(completed.metadata.stage);
    expect((await api.finished(operation)).metadata).not.toHaveProperty('stage');
  });
});

describe('completing an upload', () => {
  test('names the parts that are missing', async () => {
    const { imageId, parts } = await opened(threeParts);
    expect((await refusedComplete(imageId)).message).toContain('missing: 1-3');
    await sendPart(parts[1]!, threeParts);
    const refused = await refusedComplete(imageId);
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['parts'] });
    expect(refused.message).toContain('missing: 1, 3');
    expect((await api.upload(imageId)).state).toBe('OPEN');
  });

  test('names parts that the list leaves out, adds, repeats, or has with another ETag', async () => {
    const { imageId, parts } = await opened(threeParts);
    const sent = await Promise.all(parts.map((part) => sendPart(part, threeParts)));
    const [one, two, three] = sent as [(typeof sent)[0], (typeof sent)[0], (typeof sent)[0]];
    const lists: readonly [readonly Fields[], string][] = [
      [[one, three], 'missing: 2'],
      [[], 'missing: 1-3'],
      [[...sent, { partNumber: 4, etag: one.etag }], 'not part of this upload or named twice: 4'],
      [[...sent, two], 'not part of this upload or named twice: 2'],
      [[one, { ...two, etag: one.etag }, three], 'stored with another ETag: 2'],
    ];
    for (const [list, fault] of lists) {
      const refused = await refusedComplete(imageId, { parts: list });
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['parts'] });
      expect(refused.message).toContain(fault);
    }
    await accepted(imageId, { parts: [three, one, two] });
  });

  test.each([
    ['parts', 7],
    ['parts[0].etag', [{ partNumber: 1 }]],
    ['parts[0].part_number', [{ etag: 'x' }]],
    ['parts[0].part_number', [{ partNumber: 0, etag: 'x' }]],
    ['parts[0].etag', [{ partNumber: 1, etag: '' }]],
  ])('refuses a malformed list at %s', async (field, list) => {
    const { imageId } = await opened(eightMib);
    const refused = await refusedComplete(imageId, { parts: list });
    expect(refused).toMatchObject({ status: 400, code: 3, fields: [field] });
  });

  test('is for who may write the image', async () => {
    const { imageId } = await opened(eightMib);
    const calls: [string, string, Fields?][] = [
      ['POST', 'signParts', { partNumbers: [1] }],
      ['GET', 'upload'],
      ['POST', 'completeUpload', {}],
      ['POST', 'abortUpload', {}],
      ['GET', 'download'],
    ];
    for (const [method, verb, body] of calls) {
      const refused = await stranger.api.refused(method, path(imageId, verb), body);
      expect(refused).toMatchObject({ status: 404, code: 5, message: `Image "${imageId}" not found` });
    }
    expect((await api.upload(imageId)).state).toBe('OPEN');
  });

  test.each(['signParts', 'upload', 'completeUpload', 'abortUpload', 'download'])(
    'and %s of an unknown image are not found',
    async (verb) => {
      const method = ['upload', 'download'].includes(verb) ? 'GET' : 'POST';
      const body = method === 'POST' ? { partNumbers: [1] } : undefined;
      const refused = await api.refused(method, path('fd800000000000000000', verb), body);
      expect(refused).toMatchObject({ status: 404, code: 5 });
    },
  );
});

describe('ending an upload', () => {
  test('rolls the creation back and takes away what was sent', async () => {
    const before = await quotaUse(local, cloudId);
    const { operation, imageId, parts } = await opened(threeParts, { name: 'aborted' });
    await sendPart(parts[0]!, threeParts);
    const aborted = await api.call<Operation>('POST', path(imageId, 'abortUpload'));
    expect(aborted).toMatchObject({ id: operation.id, done: true, error: { code: 1 } });
    for (const gone of [`${IMAGES}/${imageId}`, path(imageId, 'upload')]) {
      expect(await api.refused('GET', gone)).toMatchObject({ status: 404 });
    }
    const again = await api.refused('POST', path(imageId, 'abortUpload'));
    expect(again).toMatchObject({ status: 404 });
    expect(await quotaUse(local, cloudId)).toEqual(before);
    await eventually('the end of the upload in the store', async () => {
      const answer = await put(parts[1]!.url, partOf(parts[1]!, threeParts));
      return answer.code === 'NoSuchUpload';
    });
    await api.create({ folderId, name: 'aborted', upload: { size: 1 } });
  });

  test('is refused once the image is READY', async () => {
    const { id } = await api.ready(eightMib, { folderId });
    expect(await api.refused('POST', path(id, 'abortUpload'))).toMatchObject({ status: 400, code: 9 });
    const signed = await api.refused('POST', path(id, 'signParts'), { partNumbers: [1] });
    expect(signed).toMatchObject({ status: 400, code: 9 });
    expect((await api.image(id)).status).toBe('READY');
  });

  test('happens by itself when its time is over', async () => {
    const { operation, imageId, parts } = await opened(eightMib, { name: 'late' });
    await sendPart(parts[0]!, eightMib);
    const database = await local.database();
    await database.prepare('UPDATE uploads SET expires_at = 1 WHERE image_id = ?').bind(imageId).run();
    await local.runScheduled();
    expect(await api.finished(operation)).toMatchObject({ error: { code: 4 } });
    expect(await api.refused('GET', `${IMAGES}/${imageId}`)).toMatchObject({ status: 404 });
    expect(await api.images(folderId, { filter: 'name = late' })).toEqual([]);
  });
});

describe('signing parts', () => {
  test.each([
    ['part_numbers[0]', { partNumbers: [0] }],
    ['part_numbers[0]', { partNumbers: [-1] }],
    ['part_numbers[0]', { partNumbers: [1.5] }],
    ['part_numbers[1]', { partNumbers: [1, 'one'] }],
    ['part_numbers[0]', { partNumbers: [10_001] }],
    ['part_numbers', { partNumbers: [1, 4] }],
    ['part_numbers', { partNumbers: [] }],
    ['part_numbers', {}],
    ['part_numbers', { partNumbers: 1 }],
    ['part_numbers', { partNumbers: [2, 2] }],
    ['part_numbers', { partNumbers: Array.from({ length: 1001 }, (_, index) => index + 1) }],
    ['parts', { partNumbers: [1], parts: [{ partNumber: 2 }] }],
    ['parts[0].part_number', { parts: [{}] }],
    ['parts[0].md5', { parts: [{ partNumber: 1, md5: 'short' }] }],
    ['parts[0].md5', { parts: [{ partNumber: 1, md5: 'd41d8cd98f00b204e9800998ecf8427e' }] }],
  ])('is refused at %s', async (field, body) => {
    const operation = await begin(threeParts.length);
    const refused = await api.refused('POST', path(imageIdOf(operation), 'signParts'), body);
    expect(refused).toMatchObject({ status: 400, code: 3, fields: [field] });
  });

  test('names the numbers that the upload does not have', async () => {
    const operation = await begin(threeParts.length);
    const refused = await api.refused('POST', path(imageIdOf(operation), 'signParts'), {
      partNumbers: [4, 2, 9],
    });
    expect(refused.message).toContain('4, 9: this upload has the parts 1..3');
  });

  test('gives a thousand at once', async () => {
    const operation = await begin(8000 * MIB);
    const numbers = Array.from({ length: 1000 }, (_, index) => index + 1);
    const parts = await api.sign(imageIdOf(operation), numbers);
    expect(parts.map(({ partNumber }) => partNumber)).toEqual(numbers);
    await api.call('POST', path(imageIdOf(operation), 'abortUpload'));
  });

  test('by several at once opens one upload in the store', async () => {
    const imageId = imageIdOf(await begin(threeParts.length));
    const signed = await Promise.all(Array.from({ length: 6 }, () => api.sign(imageId, [1, 2, 3])));
    const uploads = signed.flat().map(({ url }) => new URL(url).searchParams.get('uploadId'));
    expect(new Set(uploads).size).toBe(1);
  });
});

describe('the URL of a part', () => {
  const signMd5 = async (imageId: string, digest: string) => {
    const body = { parts: [{ partNumber: 1, md5: digest }] };
    const { parts } = await api.call<{ parts: SignedPart[] }>('POST', path(imageId, 'signParts'), body);
    return parts[0]!;
  };

  test('takes its exact length and no other', async () => {
    const { parts } = await opened(threeParts);
    const [part] = parts as [SignedPart];
    for (const length of [0, 1, PART - 1, PART + 1]) {
      const answer = await put(part.url, threeParts.subarray(0, length));
      expect([length, answer.status]).toEqual([length, 403]);
    }
    const chunked = await raw(part.url, {
      method: 'PUT',
      headers: { 'Transfer-Encoding': 'chunked' },
      body: partOf(part, threeParts),
    });
    expect(chunked.status).toBeGreaterThanOrEqual(400);
    expect((await put(part.url, partOf(part, threeParts))).status).toBe(200);
  });

  test('is for its part, its upload and a PUT', async () => {
    const { parts } = await opened(threeParts);
    const [one, two] = parts as [SignedPart, SignedPart];
    const changed = one.url.replace('partNumber=1', 'partNumber=2');
    expect((await put(changed, partOf(two, threeParts))).status).toBe(403);
    const elsewhere = one.url.replace(/\/layers\/\w+/, '/layers/other');
    expect((await put(elsewhere, partOf(one, threeParts))).status).toBe(403);
    for (const method of ['GET', 'DELETE', 'POST']) {
      expect((await raw(one.url, { method })).status).toBe(403);
    }
  });

  test('takes only the bytes of its MD5 when it was signed with one', async () => {
    const { imageId } = await opened(eightMib);
    const part = await signMd5(imageId, md5(eightMib));
    expect(part.headers['Content-MD5']).toBe(md5(eightMib));
    const damaged = Uint8Array.from(eightMib);
    damaged[1_000_000]! ^= 1;
    const { 'Content-Length': _, ...headers } = part.headers;
    expect(await put(part.url, damaged, headers)).toMatchObject({ status: 400, code: 'BadDigest' });
    const other = { 'Content-MD5': md5(damaged) };
    expect(await put(part.url, damaged, other)).toMatchObject({ status: 403 });
    expect((await put(part.url, damaged)).status).toBe(403);
    expect((await api.upload(imageId)).parts).toEqual([]);
    expect((await put(part.url, eightMib, headers)).status).toBe(200);
    await accepted(imageId);
  });

  test('does nothing once the upload is completed', async () => {
    const { imageId, parts } = await opened(eightMib);
    await sendPart(parts[0]!, eightMib);
    const image = await accepted(imageId);
    const late = await put(parts[0]!.url, new Uint8Array(PART));
    expect(late).toMatchObject({ status: 404, code: 'NoSuchUpload' });
    const { url } = await api.get<{ url: string }>(path(imageId, 'download'), {
      headers: { Accept: 'application/json' },
    });
    expect(sha256((await raw(url)).body)).toBe(sha256(eightMib));
    // The digest, and the tag that tells of it, may have come meanwhile.
    const { digest: _, etag: __, ...later } = await api.image(imageId);
    expect(image).toMatchObject(later);
  });

  test('works for the time that is set, and no longer', async () => {
    // A signature counts from the whole second in which it was made, so one second could be over at once.
    const { local: brief } = await startOwn({ env: { BULLION_URL_TTL_SECONDS: '3' } });
    const tenant = await newTenant(brief);
    const disk = await sample('qcow2-empty.qcow2');
    const image = await tenant.api.ready(disk, { folderId: tenant.folderId });
    const { url, expiresAt } = await tenant.api.get<{ url: string; expiresAt: string }>(
      path(image.id, 'download'),
      { headers: { Accept: 'application/json' } },
    );
    const { parts } = await opened(disk, { folderId: tenant.folderId }, tenant.api);
    expect(Date.parse(parts[0]!.expiresAt) - Date.now()).toBeLessThanOrEqual(3000);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(3000);
    await eventually('the end of the URLs', async () => {
      const [get, sent] = [await raw(url), await put(parts[0]!.url, disk)];
      return get.status === 403 && sent.status === 403;
    });
  });
});
