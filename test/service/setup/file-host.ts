import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { atEnd } from './registry.ts';

/** What every link of a host is signed with: it must be seen nowhere but in requests to the host. */
export const SIGNATURE = 'X-Signature=4f1c0ffee5ec2e7';

/** One request for a range, before it is answered. */
export interface Asked {
  readonly path: string;
  /** First and last byte; undefined without a range that can be read. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface ServedFile {
  bytes: Uint8Array;
  /** Undefined sends none. */
  etag?: string | undefined;
  lastModified?: string;
  /** Answers in its own way and says so with true; otherwise the range is sent. */
  instead?(asked: Asked, file: ServedFile): boolean;
}

/** A host of files on this machine, which can misbehave. It ends with the test file. */
export interface FileHost {
  readonly origin: string;
  readonly port: number;
  /** Every request so far, as `path first-last`. */
  readonly requests: string[];
  /** Connections so far, with or without a request. */
  readonly connections: () => number;
  /** Serves a file, instead of one served there before; out: the signed link to it. */
  serve(path: string, file: ServedFile): string;
}

export async function startFileHost(): Promise<FileHost> {
  const files = new Map<string, ServedFile>();
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    requests.push(`${path} ${first}-${last}`);
    const file = files.get(path);
    const asked = {
      path,
      first: first === undefined ? undefined : Number(first),
      last: last === undefined ? undefined : Number(last),
      request,
      response,
    };
    if (file === undefined || !request.url?.includes(SIGNATURE)) response.writeHead(403).end('no');
    else if (file.instead?.(asked, file) !== true) sendRange(file, asked);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  atEnd(
    () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  );
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    port,
    requests,
    connections: () => connections,
    serve(path, file) {
      files.set(path, file);
      return `${origin}${path}?${SIGNATURE}`;
    },
  };
}

/** The headers of an honest answer to a request for a range. */
export function rangeHeaders(file: ServedFile, first: number, last: number): Record<string, string> {
  return {
    ...(file.etag !== undefined && { ETag: file.etag }),
    ...(file.lastModified !== undefined && { 'Last-Modified': file.lastModified }),
    'Content-Range': `bytes ${first}-${last}/${file.bytes.length}`,
    'Content-Length': String(last - first + 1),
  };
}

function sendRange(file: ServedFile, { first, last, request, response }: Asked): void {
  const condition = request.headers['if-match'];
  const unmodified = request.headers['if-unmodified-since'];
  if (condition !== undefined && condition !== file.etag) response.writeHead(412).end();
  else if (unmodified !== undefined && unmodified !== file.lastModified) response.writeHead(412).end();
  else if (first === undefined || last === undefined || first >= file.bytes.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${file.bytes.length}` }).end();
  } else {
    const end = Math.min(last, file.bytes.length - 1);
    response.writeHead(206, rangeHeaders(file, first, end)).end(file.bytes.subarray(first, end + 1));
  }
}
