import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { eventually } from './eventually.ts';
import { atEnd } from './registry.ts';

/** One request that came, with its body as it was sent. */
export interface Received {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a webhook is told. */
export interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly folderId: string;
  readonly operationId?: string;
  readonly requestId: string;
}

type Answer = (response: ServerResponse, received: Received) => void;

/** A receiver of webhooks on this machine, which can misbehave under each of its paths. It ends with the test file. */
export interface Receiver {
  readonly origin: string;
  readonly port: number;
  /** Connections so far, with or without a request. */
  readonly connections: () => number;
  /** Everything that came to a path. */
  received(path: string): readonly Received[];
  /** What came to a path, once there is so much of it. */
  told(path: string, count: number): Promise<readonly Told[]>;
  /** Answers under a path in some other way than 204. */
  answer(path: string, answer: Answer): void;
}

export async function startReceiver(): Promise<Receiver> {
  const requests = new Map<string, Received[]>();
  const answers = new Map<string, Answer>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const received = (path: string) => requests.get(path) ?? [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', headers } = request;
      const one = { method, headers, body: Buffer.concat(chunks).toString('utf8') };
      requests.set(path, [...received(path), one]);
      const answer = answers.get(path);
      if (answer === undefined) response.writeHead(204).end();
      else answer(response, one);
    });
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
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    received,
    async told(path, count) {
      const came = await eventually(`${count} events at ${path}`, () => {
        const all = received(path);
        return all.length >= count && all;
      });
      return came.map(({ body }) => JSON.parse(body) as Told);
    },
    answer: (path, answer) => void answers.set(path, answer),
  };
}

/** Which of the signatures of a request come from a secret, by the rules of Standard Webhooks. */
export function signaturesBy(secret: string, { headers, body }: Received): number {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', key).update(content).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((signature) => {
      const [version, text = ''] = signature.split(',');
      const bytes = Buffer.from(text, 'base64');
      return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
    }).length;
}
