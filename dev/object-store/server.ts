/**
 * An S3 store over files for one machine: what `npm start` and the tests use where a deployment has R2 or another
 * store. It is never deployed. It is as strict as R2 (part sizes, checksums, signed lengths), so that what works
 * here works there; what it does not implement it refuses by name.
 *
 * `<dir>/tmp/`      what is being written
 * `<dir>/blobs/`    bytes
 * `<dir>/buckets/`  records, see `bucket.ts`
 */
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Blobs } from './blobs.ts';
import { drain } from './body.ts';
import { Bucket } from './bucket.ts';
import { corsHeaders, preflight } from './cors.ts';
import { S3Error } from './errors.ts';
import { DurableFiles } from './files.ts';
import { errorReply, type Reply, send } from './reply.ts';
import { parseRequest, RequestHeaders } from './request.ts';
import { findOperation } from './routes.ts';
import { type Credential, verifySignature } from './signature.ts';

export interface ObjectStoreSettings {
  /** Folder of the state; made when it is new. One running store has it for itself. */
  readonly dir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Region that signatures have to name. */
  readonly region: string;
  /** Buckets that are there; those that are new are made. */
  readonly buckets: readonly string[];
  readonly credentials: readonly Credential[];
  /** Origins of pages that may read and write with presigned URLs. */
  readonly corsOrigins: readonly string[];
}

export interface ObjectStore {
  readonly url: string;
  readonly port: number;
  /** Ends every connection; resolves when nothing of this store runs any more. */
  close(): Promise<void>;
}

/** Clients keep connections open and reuse them; one that the server closes first looks like an outage. */
const KEEP_ALIVE_MS = 75_000;

/** Rejects when the port is taken or a record cannot be read. */
export async function startObjectStore(settings: ObjectStoreSettings): Promise<ObjectStore> {
  const state = await openState(settings);
  const running = new Set<Promise<void>>();
  const server = createServer(
    { requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS },
    (incoming, response) => {
      const handled = handle(settings, state, incoming, response).finally(() => running.delete(handled));
      running.add(handled);
    },
  );
  const { port } = await listen(server, settings);
  return {
    url: `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`,
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, ...running]);
    },
  };
}

interface State {
  readonly blobs: Blobs;
  readonly buckets: ReadonlyMap<string, Bucket>;
}

async function openState({ dir, buckets: names }: ObjectStoreSettings): Promise<State> {
  await mkdir(dir, { recursive: true });
  const files = await DurableFiles.open(dir);
  const blobs = await Blobs.open(files);
  const buckets = new Map<string, Bucket>();
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
      throw new Error(`"${name}" is no bucket name: 3 to 63 of a-z, 0-9, "." and "-"`);
    }
  }
  // Buckets that are no longer named keep their objects, so their uses of blobs are counted too.
  for (const name of new Set([...names, ...(await Bucket.names(files))])) {
    const bucket = await Bucket.open(files, blobs, name);
    if (names.includes(name)) buckets.set(name, bucket);
  }
  await blobs.removeUnused();
  return { blobs, buckets };
}

function listen(server: Server, { host, port }: ObjectStoreSettings): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** One request from its first byte to the last of its answer. Never rejects. */
async function handle(
  settings: ObjectStoreSettings,
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = incoming.method ?? 'GET';
  const headers = new RequestHeaders(incoming.rawHeaders);
  try {
    const reply =
      method === 'OPTIONS'
        ? preflight(headers, settings.corsOrigins)
        : await answer(settings, state, incoming).catch((error: unknown) => refusal(error, incoming));
    if (reply.status >= 400) await drain(incoming);
    await send(
      { ...reply, headers: { ...corsHeaders(headers, settings.corsOrigins), ...reply.headers } },
      method,
      response,
    );
  } catch (error) {
    // The answer has begun: cutting it off is the only way left to say that it is not whole.
    if (!response.destroyed && !clientLeft(error)) console.error('Object store:', error);
    response.destroy();
  }
}

async function answer(
  settings: ObjectStoreSettings,
  state: State,
  incoming: IncomingMessage,
): Promise<Reply> {
  const request = parseRequest(incoming);
  const payload = verifySignature(request, settings.credentials, settings.region, Date.now());
  const bucket = state.buckets.get(request.bucket);
  if (request.bucket === '') throw new S3Error('NotImplemented', 'Buckets are not listed.');
  if (bucket === undefined) throw new S3Error('NoSuchBucket');
  const operation = findOperation(request);
  return await operation({ request, payload, bucket, buckets: state.buckets, blobs: state.blobs });
}

function refusal(error: unknown, incoming: IncomingMessage): Reply {
  const path = (incoming.url ?? '').replace(/\?.*$/s, '');
  if (error instanceof S3Error) return errorReply(error, path);
  if (!clientLeft(error)) console.error('Object store:', error);
  return errorReply(new S3Error('InternalError'), path);
}

/** Connections that end in the middle are the client's choice, not a fault. */
function clientLeft(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}
