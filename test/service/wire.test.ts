/** What every answer has, and every path: request ids, methods, HEAD, origins, versions of HTTP's own rules. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { raw } from '../storage/http.ts';
import { Client, IMAGES } from './client.ts';
import { emptyDisk } from './disks.ts';
import { startOwn } from './setup/registry.ts';
import { newTenant } from './tenant.ts';

const ORIGINS = ['https://console.example', 'http://localhost:5173'];
const own = await startOwn({ env: { BULLION_CORS_ORIGINS: ORIGINS.join(' , ') } });
const { local } = own;
const { api, folderId, key } = await newTenant(local);
const image = await api.ready(await emptyDisk(), { folderId, family: 'wire' });
const one = `${IMAGES}/${image.id}`;
const list = `${IMAGES}?folderId=${folderId}`;

describe('the id of a request', () => {
  test.each([randomUUID(), 'a.b_c-12', 'x'.repeat(64)])('is the caller’s own: %s', async (id) => {
    for (const header of ['X-Request-Id', 'X-Client-Request-Id']) {
      const answer = await api.send('GET', one, undefined, { headers: { [header]: id } });
      expect(answer.headers.get('X-Request-Id')).toBe(id);
    }
    const refused = await api.refused('GET', `${IMAGES}/x`, undefined, { headers: { 'X-Request-Id': id } });
    expect(refused.headers.get('X-Request-Id')).toBe(id);
  });

  test.each(['short', 'x'.repeat(65), 'with space', 'quote"quote', '<script>alert</script>'])(
    'is a new one in the place of "%s"',
    async (id) => {
      const answer = await api.send('GET', one, undefined, { headers: { 'X-Request-Id': id } });
      expect(answer.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('differs from request to request, and is in the log', async () => {
    const [a, b] = [await api.send('GET', one), await api.send('GET', one)];
    const id = a.headers.get('X-Request-Id')!;
    expect(id).not.toBe(b.headers.get('X-Request-Id'));
    const line = own.logLines.map((text) => JSON.parse(text)).find(({ requestId }) => requestId === id);
    expect(line).toMatchObject({
      event: 'request',
      method: 'GET',
      route: `${IMAGES}/{imageId}`,
      status: 200,
      outcome: 'OK',
    });
  });
});

describe('the log', () => {
  test('holds no credential, no signature and no query', async () => {
    await api.sign((await api.create({ folderId, upload: { size: 1 } })).metadata.imageId as string, [1]);
    await api.send('GET', `${one}:download`);
    await api.refused('GET', `${list}&filter=secret-looking`);
    await new Client(local.url, 'Zm9vYmFy-unreadable').refused('GET', one);
    const text = own.logLines.join('\n');
    expect(own.logLines.length).toBeGreaterThan(10);
    for (const secret of [
      key,
      key.slice(key.indexOf('_', 'bln_'.length) + 1),
      'Zm9vYmFy',
      'X-Amz-Signature',
      'secret-looking',
    ]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('a path', () => {
  test.each([
    '/',
    '/nosuch',
    '/compute/v2/images',
    `${one}/nosuch`,
    `${one}:nosuch`,
    `${IMAGES}:nosuch`,
    `${IMAGES}:signParts`,
    `${IMAGES}/`,
  ])('%s that nothing is on is 404 in the form of every refusal', async (path) => {
    const refused = await api.refused('GET', path);
    expect(refused).toMatchObject({ status: 404, code: 5 });
    expect(refused.message).toContain('/openapi.json');
  });

  test.each([
    ['PUT', one, 'DELETE, GET, HEAD, PATCH'],
    ['POST', one, 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', IMAGES, 'GET, HEAD, POST'],
    ['GET', `${one}:signParts`, 'POST'],
    ['POST', `${one}:download`, 'GET, HEAD'],
    ['DELETE', '/operations/x:cancel', 'GET, HEAD, POST'],
    ['POST', `${IMAGES}:latestByFamily`, 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
  ])('has no method %s: %s', async (method, path, allow) => {
    const refused = await api.refused(method, path);
    expect(refused).toMatchObject({ status: 405, code: 12 });
    expect(refused.headers.get('Allow')).toBe(allow);
  });

  test('may have its colon percent-encoded', async () => {
    expect(await api.get(`${IMAGES}%3AlatestByFamily?folderId=${folderId}&family=wire`)).toEqual(image);
  });
});

describe('HEAD', () => {
  test.each([
    one,
    list,
    '/healthz',
    '/openapi.json',
    `${IMAGES}:latestByFamily?folderId=${folderId}&family=wire`,
  ])('of %s has the headers of GET and no body', async (path) => {
    const [get, head] = [await api.send('GET', path), await api.send('HEAD', path)];
    expect([head.status, head.text]).toEqual([200, '']);
    for (const header of ['Content-Type', 'ETag']) {
      expect(head.headers.get(header)).toBe(get.headers.get(header));
    }
  });

  test('of what is refused has its status', async () => {
    expect((await api.send('HEAD', `${IMAGES}/x`)).status).toBe(404);
    expect((await new Client(local.url, undefined).send('HEAD', one)).status).toBe(401);
  });
});

test('no answer may be stored or guessed at', async () => {
  for (const path of [one, list, '/nosuch']) {
    const { headers } = await api.send('GET', path);
    expect([headers.get('Cache-Control'), headers.get('X-Content-Type-Options')]).toEqual([
      'no-store',
      'nosniff',
    ]);
  }
});

describe('a credential', () => {
  const statusWith = async (authorization: string) =>
    (await raw(`${local.url}${one}`, { headers: { Authorization: authorization } })).status;

  test.each(['Api-Key', 'Bearer', 'api-key', 'BEARER'])('is taken as %s', async (scheme) => {
    expect(await statusWith(`${scheme} ${key}`)).toBe(200);
  });

  test('in any other form is refused', async () => {
    const changed = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A');
    const forms = [
      key,
      `Basic ${key}`,
      `Api-Key ${key} x`,
      `Api-Key`,
      `Api-Key ${changed}`,
      `Bearer ${key}x`,
    ];
    for (const form of [...forms, `Bearer ${key.toUpperCase()}`, 'Bearer a.b.c']) {
      expect([form, await statusWith(form)]).toEqual([form, 401]);
    }
  });

  test('that is missing or wrong is asked for', async () => {
    for (const client of [new Client(local.url, undefined), new Client(local.url, 'x')]) {
      const refused = await client.refused('GET', one);
      expect(refused).toMatchObject({ status: 401, code: 16 });
      expect(refused.headers.get('WWW-Authenticate')).toMatch(/^Api-Key .*Bearer /);
    }
  });
});

describe('an origin', () => {
  const from = (origin: string, headers = {}) => ({ headers: { Origin: origin, ...headers } });

  test.each(ORIGINS)('that is set may ask: %s', async (origin) => {
    const answer = await api.send('GET', one, undefined, from(origin));
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull();
    expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('ETag');
    expect(answer.headers.get('Vary')).toContain('Origin');
    const refused = await api.refused('GET', `${IMAGES}/x`, undefined, from(origin));
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe(origin);
  });

  test.each(ORIGINS)('that is set may ask whether it may: %s', async (origin) => {
    const answer = await new Client(local.url, undefined).send(
      'OPTIONS',
      one,
      undefined,
      from(origin, {
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization,if-match,idempotency-key',
      }),
    );
    expect(answer.status).toBe(204);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(answer.headers.get('Access-Control-Allow-Methods')).toContain('PATCH');
    for (const header of ['Authorization', 'If-Match', 'Idempotency-Key', 'Content-Type']) {
      expect(answer.headers.get('Access-Control-Allow-Headers')).toContain(header);
    }
  });

  test.each(['https://other.example', 'https://console.example.evil', 'null'])(
    'that is not set gets nothing: %s',
    async (origin) => {
      const answer = await api.send('GET', one, undefined, from(origin));
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
    },
  );

  test('may send parts to the store and read their ETags', async () => {
    const operation = await api.create({ folderId, upload: { size: 4 } });
    const [part] = await api.sign(operation.metadata.imageId as string, [1]);
    const origin = ORIGINS[0]!;
    const preflight = await raw(part!.url, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT' },
    });
    expect(preflight.headers['access-control-allow-origin']).toBe(origin);
    const sent = await raw(part!.url, {
      method: 'PUT',
      body: Buffer.from('disk'),
      headers: { Origin: origin, 'Content-Length': '4' },
    });
    expect(sent.status).toBe(200);
    expect(sent.headers['access-control-allow-origin']).toBe(origin);
    expect(sent.headers['access-control-expose-headers']).toMatch(/etag/i);
  });
});

test('health needs no credential', async () => {
  const anybody = new Client(local.url, undefined);
  expect(await anybody.get('/healthz')).toEqual({ status: 'ok', version: expect.stringMatching(/^\d/) });
  expect(await anybody.get('/readyz')).toEqual({
    status: 'ok',
    database: 'ok',
    bucket: 'ok',
    queue: 'ok',
    inspection: 'ok',
  });
});
