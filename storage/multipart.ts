import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import { type Connection, unquotedEtag } from './connection.ts';
import { refusedWith, StoreUnavailable } from './errors.ts';

/** A part that the store holds. */
export interface StoredPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** A part as `completeMultipart` names it. */
export interface NamedPart {
  readonly partNumber: number;
  readonly etag: string;
}

/**
 * What the store said to a completion. `unknown-upload`: it has no such upload, because it was aborted, expired, or
 * completed before. `refused`: the store's code, such as InvalidPart or EntityTooSmall; the upload stands as it was.
 * Only a HEAD of the object tells what is there now.
 */
export type CompleteOutcome = 'completed' | 'unknown-upload' | { readonly refused: string };

const UNKNOWN_UPLOAD = new Set(['NoSuchUpload', 'NoSuchKey', 'NotFound']);

/** Most parts that a store lists at once. */
const MAX_PAGE = 1000;

/** Codes that speak of the list of parts; every other refusal is a fault of the store or of the settings. */
const REFUSED_PARTS = new Set([
  'InvalidPart',
  'InvalidPartOrder',
  'EntityTooSmall',
  'EntityTooLarge',
  'InvalidArgument',
  'InvalidRequest',
  'MalformedXML',
]);

/** Opens an upload. out: the store's id for it. */
export async function openMultipart(
  connection: Connection,
  key: string,
  contentType: string,
): Promise<string> {
  const answer = await connection.call('CreateMultipartUpload', (client, options) =>
    client.send(
      new CreateMultipartUploadCommand({ Bucket: connection.bucket, Key: key, ContentType: contentType }),
      options,
    ),
  );
  return present('CreateMultipartUpload', answer.UploadId, 'UploadId');
}

/** Every part that the store holds, by number, asked for in pages. out: undefined when it has no such upload. */
export async function listParts(
  connection: Connection,
  key: string,
  storeUploadId: string,
  pageSize = MAX_PAGE,
): Promise<StoredPart[] | undefined> {
  const parts: StoredPart[] = [];
  let marker: string | undefined;
  try {
    do {
      const page = await connection.call('ListParts', (client, options) =>
        client.send(
          new ListPartsCommand({
            Bucket: connection.bucket,
            Key: key,
            UploadId: storeUploadId,
            PartNumberMarker: marker,
            MaxParts: pageSize,
          }),
          options,
        ),
      );
      for (const part of page.Parts ?? []) {
        parts.push({
          partNumber: present('ListParts', part.PartNumber, 'PartNumber'),
          etag: unquotedEtag(present('ListParts', part.ETag, 'ETag')),
          sizeBytes: present('ListParts', part.Size, 'Size'),
        });
      }
      marker = page.IsTruncated === true ? nextMarker(marker, page.NextPartNumberMarker) : undefined;
    } while (marker !== undefined);
  } catch (error) {
    if (refusedWith(error, 404, UNKNOWN_UPLOAD)) return undefined;
    throw error;
  }
  return parts;
}

/**
 * Joins the parts into the object. in: every part, in any order, numbers once each.
 * Repeating it with the same list is safe; with another list it is not: some stores replace the finished object.
 */
export async function completeMultipart(
  connection: Connection,
  key: string,
  storeUploadId: string,
  parts: readonly NamedPart[],
): Promise<CompleteOutcome> {
  const ascending = parts.toSorted((left, right) => left.partNumber - right.partNumber);
  try {
    await connection.call('CompleteMultipartUpload', (client, options) =>
      client.send(
        new CompleteMultipartUploadCommand({
          Bucket: connection.bucket,
          Key: key,
          UploadId: storeUploadId,
          MultipartUpload: {
            Parts: ascending.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: `"${etag}"` })),
          },
        }),
        options,
      ),
    );
    return 'completed';
  } catch (error) {
    if (refusedWith(error, 404, UNKNOWN_UPLOAD)) return 'unknown-upload';
    if (refusedWith(error, 400, REFUSED_PARTS)) return { refused: (error as StoreUnavailable).code };
    throw error;
  }
}

/** Ends an upload and frees its parts. One that is unknown needs nothing. */
export async function abortMultipart(
  connection: Connection,
  key: string,
  storeUploadId: string,
): Promise<void> {
  try {
    await connection.call('AbortMultipartUpload', (client, options) =>
      client.send(
        new AbortMultipartUploadCommand({ Bucket: connection.bucket, Key: key, UploadId: storeUploadId }),
        options,
      ),
    );
  } catch (error) {
    if (!refusedWith(error, 404, UNKNOWN_UPLOAD)) throw error;
  }
}

function present<Value>(operation: string, value: Value | undefined, field: string): Value {
  if (value === undefined) throw new StoreUnavailable(operation, 200, 'MissingField', `no ${field}`);
  return value;
}

/** A marker has to grow, or a store that repeats its pages would be asked for ever. */
function nextMarker(current: string | undefined, next: string | undefined): string {
  if (next === undefined || Number(next) <= Number(current ?? 0)) {
    throw new StoreUnavailable('ListParts', 200, 'BadPage', 'the page is cut but names no later part');
  }
  return next;
}
