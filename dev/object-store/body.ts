import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Blobs, Slice } from './blobs.ts';
import { crc32 } from './crc32.ts';
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import type { ExpectedPayload } from './signature.ts';

/** Most that one PUT may carry. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;

/** A body that was stored. Its slice comes with one use, for the caller to release. */
export interface ReceivedBlob {
  readonly slice: Slice;
  readonly md5: string;
}

/**
 * Stores the body of a PUT while it comes in, at the pace of the disk, and checks its digests.
 * Throws MissingContentLength, EntityTooLarge, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch; then, and when
 * the client goes away, nothing is left.
 */
export async function receiveBlob(
  request: S3Request,
  payload: ExpectedPayload,
  blobs: Blobs,
): Promise<ReceivedBlob> {
  const length = request.headers.get('content-length');
  if (length === undefined) throw new S3Error('MissingContentLength');
  if (Number(length) > MAX_PUT_BYTES) throw new S3Error('EntityTooLarge');
  const digests = new Digests(request, payload);
  const { slice, result } = await blobs.create(async (file) => {
    for await (const chunk of chunks(request.incoming)) {
      const written = writeAll(file, chunk);
      digests.update(chunk);
      await written;
    }
    return digests.check();
  });
  return { slice, md5: result };
}

/** Reads a small body as text. Throws MaxMessageLengthExceeded and the errors of the digests. */
export async function readText(
  request: S3Request,
  payload: ExpectedPayload,
  maxBytes: number,
): Promise<string> {
  const digests = new Digests(request, payload);
  const parts: Buffer[] = [];
  let total = 0;
  for await (const chunk of chunks(request.incoming)) {
    total += chunk.length;
    if (total > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
    digests.update(chunk);
    parts.push(chunk);
  }
  digests.check();
  return Buffer.concat(parts).toString('utf8');
}

/**
 * Reads a body to its end and forgets it. An answer that comes while the client still sends is lost to most clients:
 * they see a broken connection instead of the error.
 */
export async function drain(incoming: IncomingMessage): Promise<void> {
  if (incoming.readableEnded || incoming.destroyed) return;
  await new Promise<void>((resolve) => {
    incoming
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    incoming.resume();
  });
}

/** The chunks of a body; leaving the loop early leaves the rest to `drain`. */
function chunks(incoming: IncomingMessage): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) };
}

/** The digests that the request names, compared at the end of the body. */
class Digests {
  readonly #md5: Hash = createHash('md5');
  readonly #sha256: Hash | undefined;
  readonly #expectedMd5: Buffer | undefined;
  readonly #expectedSha256: string | undefined;
  readonly #expectedCrc32: number | undefined;
  #crc32 = 0;

  constructor(request: S3Request, payload: ExpectedPayload) {
    const md5 = request.headers.get('content-md5');
    if (md5 !== undefined) {
      this.#expectedMd5 = Buffer.from(md5, 'base64');
      if (this.#expectedMd5.length !== 16) throw new S3Error('InvalidDigest');
    }
    const crc = request.headers.get('x-amz-checksum-crc32');
    if (crc !== undefined) {
      const bytes = Buffer.from(crc, 'base64');
      if (bytes.length !== 4) throw new S3Error('InvalidDigest', 'x-amz-checksum-crc32 is not four bytes.');
      this.#expectedCrc32 = bytes.readUInt32BE();
    }
    if (payload !== 'unsigned') {
      this.#expectedSha256 = payload.sha256;
      this.#sha256 = createHash('sha256');
    }
  }

  update(chunk: Buffer): void {
    this.#md5.update(chunk);
    this.#sha256?.update(chunk);
    if (this.#expectedCrc32 !== undefined) this.#crc32 = crc32(chunk, this.#crc32);
  }

  /** out: the MD5 in hexadecimal. */
  check(): string {
    const md5 = this.#md5.digest();
    if (this.#expectedMd5 !== undefined && !md5.equals(this.#expectedMd5)) throw new S3Error('BadDigest');
    if (this.#expectedCrc32 !== undefined && this.#crc32 !== this.#expectedCrc32) {
      throw new S3Error('BadDigest', 'The x-amz-checksum-crc32 is not that of the body.');
    }
    if (this.#sha256 !== undefined && this.#sha256.digest('hex') !== this.#expectedSha256) {
      throw new S3Error('XAmzContentSHA256Mismatch');
    }
    return md5.toString('hex');
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}
