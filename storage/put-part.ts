import { unquotedEtag } from './connection.ts';
import { StoreUnavailable, unavailable } from './errors.ts';
import type { Signer } from './presign.ts';

/** A part whose bytes pass through this process. */
export interface PartToPut {
  readonly storeUploadId: string;
  readonly partNumber: number;
  /** Exactly as many bytes as `body` gives. */
  readonly sizeBytes: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** Long enough for the request to be signed and begun. */
const URL_TTL_SECONDS = 300;

/** Enough of an answer for the code of an error. */
const MAX_REFUSAL_CHARACTERS = 4096;

type LengthenedStream = TransformStream<Uint8Array, Uint8Array>;

/**
 * PUTs one part from a stream, which is sent as it comes: nothing is kept, and so nothing is sent twice. Presigned,
 * because the SDK would read the whole body to sign its hash. out: the part's ETag.
 *
 * Throws StoreUnavailable, also when the body fails or has another length: who gives it remembers why it failed.
 */
export async function putPart(
  signer: Signer,
  key: string,
  part: PartToPut,
  signal: AbortSignal,
): Promise<string> {
  const { url, headers } = await signer.part(key, part, URL_TTL_SECONDS);
  try {
    const answer = await fetch(url, {
      method: 'PUT',
      headers,
      body: ofLength(part.sizeBytes, part.body),
      redirect: 'manual',
      signal,
      // Node demands it of streams; workerd sends a body and takes an answer independently anyway.
      ...{ duplex: 'half' },
    });
    if (answer.status !== 200) throw await refused(answer);
    await answer.body?.cancel();
    const etag = answer.headers.get('ETag');
    if (etag === null) throw new StoreUnavailable('UploadPart', 200, 'MissingField', 'no ETag');
    return unquotedEtag(etag);
  } catch (error) {
    throw unavailable('UploadPart', error);
  }
}

/** workerd sends a stream with a Content-Length only when the stream itself knows it; Node takes the header's word. */
function ofLength(sizeBytes: number, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const FixedLength = Reflect.get(globalThis, 'FixedLengthStream') as
    | (new (
        length: number,
      ) => LengthenedStream)
    | undefined;
  return FixedLength === undefined ? body : body.pipeThrough(new FixedLength(sizeBytes));
}

async function refused(answer: Response): Promise<StoreUnavailable> {
  const text = (await answer.text()).slice(0, MAX_REFUSAL_CHARACTERS);
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(text)?.[1] ?? 'UnknownError';
  return new StoreUnavailable('UploadPart', answer.status, code);
}
