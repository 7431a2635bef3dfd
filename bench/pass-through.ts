/** Stands in front of an HTTP server and counts the bytes of bodies that pass. */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that passed, in the order in which they came. */
export interface Passed {
  readonly method: string;
  /** Bytes of its body, and of that of its answer. */
  sentBytes: number;
  receivedBytes: number;
}

export interface PassThrough {
  readonly url: string;
  readonly requests: readonly Passed[];
  close(): Promise<void>;
}

export async function startPassThrough(target: string): Promise<PassThrough> {
  const agent = new Agent({ keepAlive: true });
  const requests: Passed[] = [];
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000 }, (incoming, response) => {
    const passed: Passed = { method: incoming.method ?? '', sentBytes: 0, receivedBytes: 0 };
    requests.push(passed);
    pass(target, agent, incoming, response, passed).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function pass(
  target: string,
  agent: Agent,
  incoming: IncomingMessage,
  response: ServerResponse,
  passed: Passed,
): Promise<void> {
  const { method, url, headers } = incoming;
  // The Host header stays the client's: it is signed.
  const outgoing = request(new URL(url ?? '/', target), { agent, method, headers });
  incoming.on('data', (chunk: Buffer) => {
    passed.sentBytes += chunk.length;
  });
  incoming.pipe(outgoing);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.on('data', (chunk: Buffer) => {
    passed.receivedBytes += chunk.length;
  });
  answer.pipe(response);
}
