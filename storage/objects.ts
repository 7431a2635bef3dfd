import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { type Connection, unquotedEtag } from './connection.ts';
import { ObjectChanged, refusedWith, StoreUnavailable } from './errors.ts';

/** What a HEAD tells of an object. */
export interface StoredObject {
  readonly sizeBytes: number;
  readonly etag: string;
}

const NOTHING_THERE = new Set(['NotFound', 'NoSuchKey']);
const OTHER_OBJECT = new Set(['PreconditionFailed']);
const SHORTER_OBJECT = new Set(['InvalidRange']);

/** out: undefined when there is no such object. */
export async function head(connection: Connection, key: string): Promise<StoredObject | undefined> {
  try {
    const answer = await connection.call('HeadObject', (client, options) =>
      client.send(new HeadObjectCommand({ Bucket: connection.bucket, Key: key }), options),
    );
    if (answer.ContentLength === undefined || answer.ETag === undefined) {
      throw new StoreUnavailable('HeadObject', 200, 'MissingField', 'no length or no ETag');
    }
    return { sizeBytes: answer.ContentLength, etag: unquotedEtag(answer.ETag) };
  } catch (error) {
    if (refusedWith(error, 404, NOTHING_THERE)) return undefined;
    throw error;
  }
}

/**
 * Reads exactly `length` bytes from `offset` of the object that has this ETag.
 * Throws ObjectChanged when it is gone, replaced or shorter. An answer that is not that range byte for byte (a whole
 * object, another length, a compressed body) is refused before its body is read.
 */
export async function readRange(
  connection: Connection,
  key: string,
  etag: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  const last = offset + length - 1;
  try {
    return await connection.call('GetObject', async (client, options) => {
      const reading = new AbortController();
      const answer = await client.send(
        new GetObjectCommand({
          Bucket: connection.bucket,
          Key: key,
          Range: `bytes=${offset}-${last}`,
          IfMatch: `"${etag}"`,
        }),
        { abortSignal: AbortSignal.any([options.abortSignal, reading.signal]) },
      );
      const status = answer.$metadata.httpStatusCode;
      const range = answer.ContentRange ?? '';
      const encoding = answer.ContentEncoding || 'identity';
      if (
        status !== 206 ||
        answer.ContentLength !== length ||
        !range.startsWith(`bytes ${offset}-${last}/`) ||
        encoding !== 'identity' ||
        answer.Body === undefined
      ) {
        reading.abort();
        const got = `range "${range}", length ${answer.ContentLength}, encoding ${encoding}`;
        throw new StoreUnavailable('GetObject', status, 'WrongRange', `asked ${offset}-${last}, got ${got}`);
      }
      const bytes = await answer.Body.transformToByteArray();
      if (bytes.length !== length) {
        throw new StoreUnavailable(
          'GetObject',
          status,
          'ShortBody',
          `${bytes.length} of ${length} bytes came`,
        );
      }
      return bytes;
    });
  } catch (error) {
    const changed =
      refusedWith(error, 404, NOTHING_THERE) ||
      refusedWith(error, 412, OTHER_OBJECT) ||
      refusedWith(error, 416, SHORTER_OBJECT);
    throw changed ? new ObjectChanged(key) : error;
  }
}

/** Deletes an object. Nothing there is fine. */
export async function deleteObject(connection: Connection, key: string): Promise<void> {
  try {
    await connection.call('DeleteObject', (client, options) =>
      client.send(new DeleteObjectCommand({ Bucket: connection.bucket, Key: key }), options),
    );
  } catch (error) {
    if (!refusedWith(error, 404, NOTHING_THERE)) throw error;
  }
}

/** Resolves when the store answers and the credentials may use the bucket. */
export async function checkBucket(connection: Connection): Promise<void> {
  await connection.call('HeadBucket', (client, options) =>
    client.send(new HeadBucketCommand({ Bucket: connection.bucket }), options),
  );
}
