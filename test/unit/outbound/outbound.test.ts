import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FetchFailed, openOutbound, readAtMost } from '../../../outbound/outbound.ts';

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
  '/closes': (request) => request.socket.destroy(),
};

let server: Server;
let origin: string;
const paths: string[] = [];
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
