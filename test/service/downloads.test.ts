/** Downloads: the bytes of an image from the store, whoever follows the way there. */
import { describe, expect, test } from 'vitest';
import { raw } from '../storage/http.ts';
import { type Fields, IMAGES, imageIdOf, sha256 } from './client.ts';
import { rawDisk, sample } from './disks.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';

const { local } = await startOwn();
const { api, folderId, key } = await newTenant(local, { limits: AMPLE });
const disk = rawDisk(12 * 2 ** 20, 'download');
const small = await sample('qcow2-empty.qcow2');
const path = (imageId: string) => `${IMAGES}/${imageId}:download`;
const AS_JSON = { headers: { Accept: 'application/json' } };
const jsonForm = (imageId: string) =>
  api.get<{ url: string; expiresAt: string; size: string; sha256?: string }>(path(imageId), AS_JSON);
const ready = (bytes: Uint8Array, fields: Fields = {}) => api.ready(bytes, { folderId, ...fields });
const large = await ready(disk);
const plain = await ready(small);

describe('a download', () => {
  test('leads to the bytes as they were sent', async () => {
    const answer = await api.send('GET', path(large.id));
    expect([answer.status, answer.text]).toEqual([302, '']);
    const bytes = await raw(answer.headers.get('Location')!);
    expect([bytes.status, sha256(bytes.body)]).toEqual([200, sha256(disk)]);
    expect(bytes.headers['content-type']).toBe('application/octet-stream');
  });

  test('is a JSON object for who asks for one', async () => {
    const found = await jsonForm(plain.id);
    expect(found).toEqual({
      url: expect.stringMatching(/^http:/),
      expiresAt: expect.any(String),
      size: String(small.length),
      sha256: sha256(small),
    });
    expect(Date.parse(found.expiresAt)).toBeGreaterThan(Date.now() + 3_000_000);
  });

  test('tells its size to a HEAD', async () => {
    const head = await api.send('HEAD', path(large.id));
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('Content-Length')).toBe(String(disk.length));
    expect(head.headers.get('Accept-Ranges')).toBe('bytes');
    expect(head.headers.get('ETag')).toMatch(/^".+"$/);
  });

  test.each([
    ['bytes=0-511', 0, 512],
    ['bytes=1000000-1000009', 1_000_000, 1_000_010],
    ['bytes=-16', disk.length - 16, disk.length],
    [`bytes=${disk.length - 1}-`, disk.length - 1, disk.length],
  ])('answers the range %s', async (range, from, to) => {
    const { url } = await jsonForm(large.id);
    const part = await raw(url, { headers: { Range: range } });
    expect(part.status).toBe(206);
    expect(part.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${disk.length}`);
    expect(part.body.equals(disk.subarray(from, to))).toBe(true);
  });

  test('refuses a range behind the end', async () => {
    const { url } = await jsonForm(plain.id);
    expect((await raw(url, { headers: { Range: `bytes=${small.length}-` } })).status).toBe(416);
  });

  test.each([
    [{ upload: { fileName: 'Ünïted "disk".qcow2' } }, "filename*=UTF-8''%C3%9Cn%C3%AFted%20%22disk%22.qcow2"],
    [{ name: 'named' }, 'filename="named.qcow2"'],
  ])('has the file name of %j', async (fields, expected) => {
    const { url } = await jsonForm((await ready(small, fields)).id);
    expect((await raw(url)).headers['content-disposition']).toContain(expected);
  });

  test('has the id and the format as its file name when the image has no name', async () => {
    const { url } = await jsonForm(plain.id);
    const disposition = (await raw(url)).headers['content-disposition'];
    expect(disposition).toBe(`attachment; filename="${plain.id}.qcow2"`);
  });

  test.each(['Api-Key', 'Bearer'])('is not broken by an Authorization: %s that follows', async (scheme) => {
    const location = (await api.send('GET', path(plain.id))).headers.get('Location')!;
    const answer = await raw(location, { headers: { Authorization: `${scheme} ${key}` } });
    expect([answer.status, sha256(answer.body)]).toEqual([200, sha256(small)]);
    expect(location).not.toContain(key);
  });

  test('is refused while the image is being created', async () => {
    const id = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    expect(await api.refused('GET', path(id))).toMatchObject({ status: 400, code: 9 });
  });

  test('needs the right to use the image, not only to see it', async () => {
    const auditor = await newTenant(local, { role: 'compute.auditor' });
    const database = await local.database();
    const { id } = await ready(small);
    await database
      .prepare("INSERT INTO access_bindings VALUES ('image', ?, 'serviceAccount', ?, 'compute.auditor')")
      .bind(id, auditor.accountId)
      .run();
    expect((await auditor.api.image(id)).id).toBe(id);
    expect(await auditor.api.refused('GET', path(id))).toMatchObject({ status: 403, code: 7 });
  });
});
