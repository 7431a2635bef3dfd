import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exactBody } from '../../../outbound/exact-body.ts';

const SIZE = 300_000;
const whole = Uint8Array.from({ length: SIZE }, (_, index) => index % 251);

/** How each path sends its body. */
const BODIES: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/whole': (response) => void response.end(whole),
  '/announced': (response) => void response.setHeader('Content-Length', SIZE).end(whole),
  '/short': (response) => void response.end(whole.subarray(1)),
  '/empty': (response) => void response.end(),
  '/long': (response) => {
    response.write(whole);
    response.end('x');
  },
  '/breaks': (response) => {
    response.setHeader('Content-Length', SIZE);
    response.write(whole.subarray(0, 1000), () => response.socket?.destroy());
  },
  '/stalls': (response) => void response.write(whole.subarray(0, 1000)),
  '/never-ends': (response) => void response.write(whole),
  '/drips': (response) => {
    const timer = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
  },
};

let server: Server;
let origin: string;
const open = new Set<ServerResponse>();

beforeAll(async () => {
  server = createServer((request, response) => {
    open.add(response);
    response.on('close', () => open.delete(response));
    BODIES[request.url!]?.(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function body(path: string, { stallMs = 5_000, limitMs = 10_000 } = {}) {
  const signal = AbortSignal.timeout(limitMs);
  const response = await fetch(origin + path, { signal });
  return exactBody(response, { origin, sizeBytes: SIZE, stallMs, signal });
}

async function drained(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe('a body of an exact length', () => {
  test.each(['/whole', '/announced'])('comes as it is: %s', async (path) => {
    const { stream, fault } = await body(path);
    expect(Buffer.compare(await drained(stream), whole)).toBe(0);
    expect(fault()).toBeUndefined();
  });

  test.each([
    ['short', '/short', {}],
    ['short', '/empty', {}],
    ['long', '/long', {}],
    ['unreachable', '/breaks', {}],
    ['stalled', '/stalls', { stallMs: 50 }],
    ['stalled', '/never-ends', { stallMs: 50 }],
    ['slow', '/drips', { limitMs: 100 }],
  ])('fails as %s: %s', async (reason, path, options) => {
    const { stream, fault } = await body(path, options);
    await expect(drained(stream)).rejects.toThrow();
    expect(fault()).toMatchObject({ name: 'FetchFailed', reason, origin });
  });

  test('is not read before it is asked for, and let go of when nobody wants it', async () => {
    const { stream, fault } = await body('/never-ends', { stallMs: 50 });
    await stream.cancel();
    await expect.poll(() => open.size).toBe(0);
    expect(fault()).toBeUndefined();
  });
});
