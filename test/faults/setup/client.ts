import { corpusEntry, corpusReader } from '../../corpus.ts';
import { eventually } from '../../service/setup/eventually.ts';

export interface Operation {
  readonly id: string;
  readonly done: boolean;
  readonly metadata: {
    readonly imageId: string;
    readonly stage?: string;
    readonly progress?: { readonly bytesDone: string; readonly bytesTotal: string };
    readonly upload?: { readonly uploadId: string; readonly partSize: string; readonly partCount: number };
  };
  readonly error?: { readonly code: number; readonly message: string; readonly details?: unknown[] };
  readonly response?: { readonly status?: string };
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface SignedPart {
  readonly partNumber: number;
  readonly offset: string;
  readonly size: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** A caller of one registry. */
export interface Client {
  call<Body = Operation>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>;
  create(sizeBytes: number, more?: Record<string, unknown>): Promise<Answer<Operation>>;
  sign(imageId: string, partNumbers: readonly number[]): Promise<Answer<{ parts: readonly SignedPart[] }>>;
  complete(imageId: string): Promise<Answer<Operation>>;
  /** Creates an image and PUTs all its parts; throws unless every step succeeds. */
  upload(bytes: Uint8Array, more?: Record<string, unknown>): Promise<Operation>;
  /** As `upload`, completed as well. */
  push(bytes: Uint8Array, more?: Record<string, unknown>): Promise<Operation>;
  operation(id: string): Promise<Operation>;
  /** Waits until an operation is done. */
  ended(id: string, timeoutMs?: number): Promise<Operation>;
}

export const IMAGES = '/compute/v1/images';

/** Answers are read as JSON whatever their status. */
export function openClient(urlOf: () => string, key: string): Client {
  const client: Client = {
    async call<Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
      const answer = await fetch(`${urlOf()}${path}`, {
        method,
        // A connection that idled while the registry was at work may be closed just when it is used again.
        headers: { Authorization: `Api-Key ${key}`, Connection: 'close', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body };
    },
    create: (sizeBytes, more) =>
      client.call('POST', IMAGES, { folderId: 'default', upload: { size: String(sizeBytes) }, ...more }),
    sign: (imageId, partNumbers) => client.call('POST', `${IMAGES}/${imageId}:signParts`, { partNumbers }),
    complete: (imageId) => client.call('POST', `${IMAGES}/${imageId}:completeUpload`, {}),
    async upload(bytes, more) {
      const operation = accepted(await client.create(bytes.length, more));
      const { imageId, upload } = operation.metadata;
      const numbers = Array.from({ length: upload?.partCount ?? 0 }, (_, index) => index + 1);
      const { parts } = accepted(await client.sign(imageId, numbers));
      for (const part of parts) {
        const status = await putPart(part, bytes);
        if (status !== 200) throw new Error(`part ${part.partNumber} was answered with ${status}`);
      }
      return operation;
    },
    async push(bytes, more) {
      const operation = await client.upload(bytes, more);
      return accepted(await client.complete(operation.metadata.imageId));
    },
    operation: async (id) => accepted(await client.call('GET', `/operations/${id}`)),
    ended: (id, timeoutMs) =>
      eventually(
        `the end of operation ${id}`,
        async () => {
          const operation = await client.operation(id);
          return operation.done && operation;
        },
        timeoutMs,
      ),
  };
  return client;
}

/** The body of a 200; anything else is thrown with what it says. */
export function accepted<Body>(answer: Answer<Body>): Body {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** PUTs the bytes of one part of a file; out: the status. */
export async function putPart(part: SignedPart, file: Uint8Array): Promise<number> {
  const offset = Number(part.offset);
  const body = file.subarray(offset, offset + Number(part.size));
  const answer = await fetch(part.url, { method: 'PUT', body: new Uint8Array(body) });
  await answer.arrayBuffer();
  return answer.status;
}

async function sample(file: string): Promise<Uint8Array> {
  const entry = corpusEntry(file);
  return await corpusReader(entry).read(0, entry.bytes);
}

/** One part, accepted. */
export const smallDisk = await sample('qcow2-cluster-512.qcow2');
/** Three parts, accepted. */
export const disk = await sample('gpt-uefi-aa64-xfs.img');
/** One part, refused. */
export const brokenDisk = await sample('qcow2-crypt-luks.qcow2');
