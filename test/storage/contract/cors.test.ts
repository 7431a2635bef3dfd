import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytesOf, putObject } from '../content.ts';
import { put, raw } from '../http.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
});
afterAll(() => target.close());

const OTHER_ORIGIN = 'http://elsewhere.example';

function exposed(headers: Record<string, string | string[] | undefined>): string[] {
  return String(headers['access-control-expose-headers'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
}

async function preflight(origin: string) {
  const key = target.newKey();
  const { url } = await target.store.presignPart(key, 'an-upload', 1, 10, 60);
  return await raw(url, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'content-type',
    },
  });
}

test('a page of the allowed origin may ask', async () => {
  const answer = await preflight(target.origin);
  expect([200, 204]).toContain(answer.status);
  expect(answer.headers['access-control-allow-origin']).toBe(target.origin);
  expect(answer.headers['access-control-allow-methods']).toContain('PUT');
  expect(String(answer.headers['access-control-allow-headers']).toLowerCase()).toContain('content-type');
});

test('a page of another origin may not', async () => {
  const answer = await preflight(OTHER_ORIGIN);
  expect([401, 403]).toContain(answer.status);
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
});

test('a part that a page uploads shows its ETag to the allowed origin only', async () => {
  const key = target.newKey();
  const uploadId = await target.store.openMultipart(key, 'application/octet-stream');
  const { url, headers } = await target.store.presignPart(key, uploadId, 1, 10, 60);
  const allowed = await put(url, bytesOf(1, 10), { ...headers, Origin: target.origin });
  expect(allowed).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': target.origin } });
  expect(exposed(allowed.headers)).toContain('etag');
  const other = await put(url, bytesOf(1, 10), { ...headers, Origin: OTHER_ORIGIN });
  expect(other.headers['access-control-allow-origin']).toBeUndefined();
});

test('a page may read a download', async () => {
  const key = target.newKey();
  await putObject(target.store, key, [bytesOf(1, 10)]);
  const url = await target.store.presignDownload(key, { fileName: 'x', contentType: 'text/plain' }, 60);
  const answer = await raw(url, { headers: { Origin: target.origin } });
  expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': target.origin } });
});
