import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { type Connection, TRANSFER_TIMEOUT_MS, unquotedEtag } from './connection.ts';
import { ObjectChanged, refusedWith, StoreUnavailable } from './errors.ts';
import { type ListedPage, type ListedUpload, listUploads } from './listing.ts';
import { abortMultipart } from './multipart.ts';
import { head, type StoredObject } from './objects.ts';

/** The object that is copied, as it was recorded. */
export interface CopySource {
  readonly key: string;
  readonly etag: string;
}

/** A range of the source that becomes a part of an upload. */
export interface PartToCopy {
  readonly storeUploadId: string;
  readonly partNumber: number;
  readonly offset: number;
  readonly length: number;
}

const SOURCE_GONE = new Set(['NoSuchKey', 'NotFound']);
const SHORTER_SOURCE = new Set(['InvalidRange']);
const UNKNOWN_UPLOAD = new Set(['NoSuchUpload']);

/**
 * Copies a whole object of at most 5 GiB inside the store. out: what is there now, by a HEAD: the answer of a copy
 * is begun before its end is known, and stores write ETags into it in different ways.
 * Throws ObjectChanged when the source is not the one that was recorded.
 */
export async function copyObject(
  connection: Connection,
  source: CopySource,
  toKey: string,
): Promise<StoredObject> {
  await copying(connection, source, (ends) =>
    connection.call(
      'CopyObject',
      (client, options) =>
        client.send(
          new CopyObjectCommand({
            Bucket: connection.bucket,
            Key: toKey,
            CopySource: copySource(connection, source),
          }),
          options,
        ),
      ends,
    ),
  );
  const copy = await head(connection, toKey);
  if (copy === undefined) throw new StoreUnavailable('CopyObject', 200, 'NoObject', 'nothing was stored');
  return copy;
}

/**
 * Copies a range of an object into a part of an upload. out: the part's ETag; undefined when the upload is unknown.
 * Throws ObjectChanged when the source is not the one that was recorded.
 */
export async function copyPart(
  connection: Connection,
  source: CopySource,
  toKey: string,
  { storeUploadId, partNumber, offset, length }: PartToCopy,
): Promise<string | undefined> {
  try {
    const answer = await copying(connection, source, (ends) =>
      connection.call(
        'UploadPartCopy',
        (client, options) =>
          client.send(
            new UploadPartCopyCommand({
              Bucket: connection.bucket,
              Key: toKey,
              UploadId: storeUploadId,
              PartNumber: partNumber,
              CopySource: copySource(connection, source),
              CopySourceRange: `bytes=${offset}-${offset + length - 1}`,
            }),
            options,
          ),
        ends,
      ),
    );
    const etag = answer.CopyPartResult?.ETag;
    if (etag === undefined) throw new StoreUnavailable('UploadPartCopy', 200, 'MissingField', 'no ETag');
    return unquotedEtag(etag);
  } catch (error) {
    if (refusedWith(error, 404, UNKNOWN_UPLOAD)) return undefined;
    throw error;
  }
}

/**
 * Aborts every upload that is open for a key: one whose id was lost before it could be written down is found only so.
 */
export async function abortUploadsOf(connection: Connection, key: string): Promise<void> {
  let page: ListedPage<ListedUpload>;
  let last: ListedUpload | undefined;
  do {
    page = await listUploads(connection, key, last);
    last = page.items.at(-1);
    for (const upload of page.items) {
      if (upload.key === key) await abortMultipart(connection, key, upload.storeUploadId);
    }
  } while (page.more);
}

/** Keys need no encoding: they are ASCII without `%`. */
function copySource({ bucket }: Connection, { key }: CopySource): string {
  return `${bucket}/${key}`;
}

/**
 * Copies, looking at the source before and after: the same ETag both times means that it was what was copied. The
 * condition that S3 has for this is of no use: one store passes over it, another one never finds it fulfilled for an
 * object that was uploaded in parts. Ends after `TRANSFER_TIMEOUT_MS`, the first look included, so that no copy is
 * still asked for when the lease of its job is over.
 */
async function copying<Answer>(
  connection: Connection,
  source: CopySource,
  copy: (ends: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const ends = AbortSignal.timeout(TRANSFER_TIMEOUT_MS);
  await demandSource(connection, source);
  try {
    const answer = await copy(ends);
    await demandSource(connection, source);
    return answer;
  } catch (error) {
    const changed = refusedWith(error, 404, SOURCE_GONE) || refusedWith(error, 416, SHORTER_SOURCE);
    throw changed ? new ObjectChanged(source.key) : error;
  }
}

async function demandSource(connection: Connection, { key, etag }: CopySource): Promise<void> {
  const found = await head(connection, key);
  if (found?.etag !== etag) throw new ObjectChanged(key);
}
