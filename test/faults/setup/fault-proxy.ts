import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { eventually } from '../../service/setup/eventually.ts';

export type S3Operation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CopyObject'
  | 'ListMultipartUploads'
  | 'ListParts'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'HeadObject'
  | 'GetObject'
  | 'DeleteObject'
  | 'other';

/**
 * What happens to a request. Before the store has it: `refuse` closes the connection, `deny` answers 503, `hold`
 * keeps it until the fault is lifted. After it took effect: `lose-answer` closes the connection, `deny-answer`
 * answers 503, `cut-answer` sends the head and half of the body, `hold-answer` keeps the answer.
 */
export type FaultKind =
  | 'refuse'
  | 'deny'
  | 'hold'
  | 'lose-answer'
  | 'deny-answer'
  | 'cut-answer'
  | 'hold-answer';

export interface FaultTarget {
  /** Any operation unless given. */
  readonly operations?: readonly S3Operation[];
  /** The key of the object ends like this. */
  readonly key?: string;
  /** So many requests pass before the first one is met. */
  readonly after?: number;
  /** Only so many requests are met; all unless given. */
  readonly times?: number;
}

export interface Fault {
  /** Requests that met it so far. */
  readonly hits: number;
  /** Waits until `hits` requests met it. */
  reached(hits?: number): Promise<void>;
  /** No request meets it any more; what it holds goes on. */
  lift(): void;
}

export interface FaultProxy {
  readonly url: string;
  /** Of several faults that fit a request the first counts. */
  inject(kind: FaultKind, target?: FaultTarget): Fault;
  /** Requests for an operation that the store has had so far. */
  passed(operation: S3Operation): number;
  /** Lifts every fault. */
  lift(): void;
  close(): Promise<void>;
}

interface ActiveFault extends Fault {
  readonly kind: FaultKind;
  readonly lifted: Promise<void>;
  meets(operation: S3Operation, path: string): boolean;
}

/** Stands on a port of its own between a client and the object store at `target`, and breaks what it is told to. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const faults: ActiveFault[] = [];
  const passed = new Map<S3Operation, number>();
  const lift = () => {
    for (const fault of faults) fault.lift();
  };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000 }, (incoming, response) => {
    const operation = operationOf(incoming);
    const fault = faults.find((one) => one.meets(operation, pathOf(incoming)));
    const count = () => passed.set(operation, (passed.get(operation) ?? 0) + 1);
    pass(target, agent, fault, incoming, response, count).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject(kind, given = {}) {
      const fault = openFault(kind, given);
      faults.push(fault);
      return fault;
    },
    passed: (operation) => passed.get(operation) ?? 0,
    lift,
    async close() {
      lift();
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function openFault(kind: FaultKind, target: FaultTarget) {
  const { operations, key, after = 0, times = Number.POSITIVE_INFINITY } = target;
  let left = after;
  let hits = 0;
  let active = true;
  let release = () => {};
  const lifted = new Promise<void>((resolve) => {
    release = resolve;
  });
  const fault: ActiveFault = {
    kind,
    lifted,
    get hits() {
      return hits;
    },
    meets(operation, path) {
      if (!active || hits >= times) return false;
      if (operations !== undefined && !operations.includes(operation)) return false;
      if (key !== undefined && !path.endsWith(key)) return false;
      if (left > 0) {
        left -= 1;
        return false;
      }
      hits += 1;
      return true;
    },
    async reached(count = 1) {
      await eventually(`${count} requests that meet "${kind}"`, () => hits >= count);
    },
    lift() {
      active = false;
      release();
    },
  };
  return fault;
}

async function pass(
  target: string,
  agent: Agent,
  fault: ActiveFault | undefined,
  incoming: IncomingMessage,
  response: ServerResponse,
  count: () => void,
): Promise<void> {
  if (fault?.kind === 'refuse') {
    response.destroy();
    return;
  }
  if (fault?.kind === 'deny') {
    incoming.resume();
    await once(incoming, 'end');
    deny(response);
    return;
  }
  if (fault?.kind === 'hold') {
    await fault.lifted;
    // A client that died meanwhile had not sent it.
    if (response.destroyed) return;
  }
  count();
  const { port, hostname } = new URL(target);
  // The Host header stays the client's: it is signed.
  const outgoing = request({
    agent,
    hostname,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
  });
  incoming.pipe(outgoing);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (fault === undefined || fault.kind === 'hold') {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    return;
  }
  const body = await buffer(answer);
  if (fault.kind === 'hold-answer') await fault.lifted;
  if (fault.kind === 'lose-answer') response.destroy();
  else if (fault.kind === 'deny-answer') deny(response);
  else {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (fault.kind === 'hold-answer') response.end(body);
    else {
      await new Promise((written) => response.write(body.subarray(0, body.length >> 1), written));
      response.destroy();
    }
  }
}

function deny(response: ServerResponse): void {
  const body = '<?xml version="1.0"?><Error><Code>ServiceUnavailable</Code><Message>Later</Message></Error>';
  response.writeHead(503, { 'Content-Type': 'application/xml', 'Content-Length': body.length });
  response.end(body);
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.replace(/\?.*$/s, '');
}

function operationOf({ method, url = '/', headers }: IncomingMessage): S3Operation {
  const query = new URL(url, 'http://store').searchParams;
  const keyed = /^\/[^/]+\/./.test(url.replace(/\?.*$/s, ''));
  if (!keyed) return method === 'GET' && query.has('uploads') ? 'ListMultipartUploads' : 'other';
  if (method === 'PUT' && headers['x-amz-copy-source'] !== undefined) {
    return query.has('partNumber') ? 'UploadPartCopy' : 'CopyObject';
  }
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'PUT' && query.has('partNumber')) return 'UploadPart';
  if (method === 'GET' && query.has('uploadId')) return 'ListParts';
  if (method === 'POST' && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'DELETE' && query.has('uploadId')) return 'AbortMultipartUpload';
  if (method === 'HEAD') return 'HeadObject';
  if (method === 'GET') return 'GetObject';
  if (method === 'DELETE') return 'DeleteObject';
  return 'other';
}
