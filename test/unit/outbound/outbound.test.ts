import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FetchFailed, openOutbound, readAtMost } from '../../../outbound/outbound.ts';

/** Nothing answers there. */
const STORE = 'http://127.0.0.1:9';
const SECRET = 'signature-that-stays-here';

/** What the server answers, by path; a path that is missing is never answered. */
const ANSWERS: Readonly<Record<string, RequestListener>> = {
  '/body': (request, response) => response.end(`${request.method} ${request.headers['x-asked']}`),
  '/moved': (_, response) => response.writeHead(302, { Location: '/body' }).end(),
  '/long': (_, response) => response.end('x'.repeat(100_000)),
  '/stalls': (_, response) => {
    response.writeHead(200, { 'Content-Length': '10' });
    response.write('five.');
  },
  '/breaks': (request, response) => {
    response.writeHead(200, { 'Content-Length': '10' });
    response.write('five.', () => request.socket.destroy());
  },
  '/echo': (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(`${request.headers['user-agent']} ${request.headers['x-asked']} ${Buffer.concat(chunks)}`);
      response.writeHead(202).end('x'.repeat(100));
    });
  },
  '/endless': (_, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384))) endless += 16_384;
    };
    response.on('drain', more);
    more();
  },
  '/closes': (request) => request.socket.destroy(),
};

let server: Server;
let origin: string;
const paths: string[] = [];
const bodies: string[] = [];
let endless = 0;
const sentBy: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url!.replace(/\?.*/, '');
    paths.push(path);
    ANSWERS[path]?.(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const open = (trustedOrigins = [origin]) =>
  openOutbound({
    userAgent: 'Registry/1',
    storeOrigins: [STORE],
    trustedOrigins,
    direct: (url, init) => {
      sentBy.push('direct');
      return fetch(url, init);
    },
    reachPublic: (url, init) => {
      sentBy.push('public');
      return fetch(url, init);
    },
  });

const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FetchFailed);
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain(SECRET);
  expect((error as Error).cause).toBeUndefined();
  return (error as FetchFailed).reason;
};

const get = (path: string, timeoutMs = 5_000) =>
  open().get(`${origin}${path}?sig=${SECRET}`, { timeoutMs, headers: { 'X-Asked': 'yes' } });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('a GET', () => {
  test('carries its headers and comes back with a body', async () => {
    expect(text(await readAtMost(await get('/body'), 100, 5_000))).toBe('GET yes');
  });

  test('follows no redirect', async () => {
    paths.length = 0;
    const response = await get('/moved');
    expect([response.status, response.headers.get('Location')]).toEqual([302, '/body']);
    expect(paths).toEqual(['/moved']);
  });

  test('goes directly to a trusted origin, and to every other one only by public addresses', async () => {
    sentBy.length = 0;
    await get('/body');
    await failure(open().get(`https://localhost:1/?sig=${SECRET}`, { timeoutMs: 5_000 }));
    expect(sentBy).toEqual(['direct', 'public']);
  });

  test.each([
    ['unreachable', '/closes'],
    ['timeout', '/never'],
  ])('fails as %s without a word of the URL but its origin', async (reason, path) => {
    expect(await failure(get(path, 100))).toBe(reason);
  });

  test('is not sent to what may not be fetched from', async () => {
    paths.length = 0;
    const untrusting = open([]);
    expect(await failure(untrusting.get(`${origin}/body?sig=${SECRET}`, { timeoutMs: 5_000 }))).toBe(
      'forbidden',
    );
    expect(untrusting.judge(`${origin}/body`)).toEqual({ fault: 'must begin with https://' });
    expect(paths).toEqual([]);
  });

  test('ends with the signal of its caller, its body as well', async () => {
    const ending = new AbortController();
    const response = await open().get(`${origin}/stalls`, { timeoutMs: 5_000, signal: ending.signal });
    const body = readAtMost(response, 100, 5_000);
    ending.abort();
    expect(await failure(body)).toBe('unreachable');
  });
});

describe('a POST', () => {
  const post = (path: string, timeoutMs = 5_000) =>
    open().post(`${origin}${path}?sig=${SECRET}`, { timeoutMs, headers: { 'X-Asked': 'yes' }, body: 'told' });

  test('carries the name of the registry, its headers and its body, and answers the status', async () => {
    bodies.length = 0;
    expect(await post('/echo')).toBe(202);
    expect(bodies).toEqual(['Registry/1 yes told']);
  });

  test('follows no redirect', async () => {
    paths.length = 0;
    expect(await post('/moved')).toBe(302);
    expect(paths).toEqual(['/moved']);
  });

  test.each(['/stalls', '/breaks', '/long'])('looks at no body, such as that of %s', async (path) => {
    expect(await post(path, 200)).toBe(200);
  });

  test('ends an answer without end', async () => {
    endless = 0;
    expect(await post('/endless')).toBe(200);
    // What lies in the buffers of the connection was sent as well.
    expect(endless).toBeLessThan(64 * 2 ** 20);
  });

  test.each([
    ['unreachable', '/closes'],
    ['timeout', '/never'],
  ])('fails as %s without a word of the URL but its origin', async (reason, path) => {
    expect(await failure(post(path, 100))).toBe(reason);
  });

  test('goes to a trusted origin directly, and to every other one only by public addresses', async () => {
    sentBy.length = 0;
    await post('/echo');
    const options = { timeoutMs: 5_000, headers: {}, body: '' };
    await failure(open().post(`https://localhost:1/?sig=${SECRET}`, options));
    expect(sentBy).toEqual(['direct', 'public']);
  });

  test.each([
    ['http://127.0.0.1:8/', 'must begin with https://'],
    [`${STORE}/bucket`, 'must begin with https://'],
  ])('is not sent to %s', async (url, fault) => {
    sentBy.length = 0;
    expect(open().judgeReceiver(url)).toEqual({ fault });
    expect(await failure(open().post(url, { timeoutMs: 5_000, headers: {}, body: '' }))).toBe('forbidden');
    expect(sentBy).toEqual([]);
  });

  test('is not sent to the object store, whatever is trusted', async () => {
    const trusting = open([origin, STORE]);
    expect(trusting.judge(`${STORE}/bucket`).fault).toBeUndefined();
    expect(trusting.judgeReceiver(`${STORE}/bucket`)).toEqual({ fault: 'must not lead to the object store' });
  });
});

describe('a body', () => {
  test.each([
    ['too-long', '/long', 99_999],
    ['timeout', '/stalls', 100],
    ['unreachable', '/breaks', 100],
  ])('fails as %s', async (reason, path, maxBytes) => {
    expect(await failure(readAtMost(await get(path), maxBytes, 200))).toBe(reason);
  });

  test('of exactly the most that is read is whole', async () => {
    expect((await readAtMost(await get('/long'), 100_000, 5_000)).length).toBe(100_000);
  });
});
