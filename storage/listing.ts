import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Connection, unquotedEtag } from './connection.ts';
import { StoreUnavailable } from './errors.ts';
import type { StoredObject } from './objects.ts';

/** An object as a listing shows it. */
export interface ListedObject extends StoredObject {
  readonly key: string;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
}

/** An open upload as a listing shows it. */
export interface ListedUpload {
  readonly key: string;
  readonly storeUploadId: string;
  /** Epoch milliseconds. */
  readonly initiatedAt: number;
}

export interface ListedPage<T> {
  readonly items: readonly T[];
  /** Whether there is more behind the last of them. */
  readonly more: boolean;
}

/** Most entries that a store lists at once. */
const MAX_PAGE = 1000;

/** The objects whose keys begin with `prefix` and come behind `after`, in the byte order of their keys; one page. */
export async function listObjects(
  connection: Connection,
  prefix: string,
  after?: string,
  pageSize = MAX_PAGE,
): Promise<ListedPage<ListedObject>> {
  const answer = await connection.call('ListObjectsV2', (client, options) =>
    client.send(
      new ListObjectsV2Command({
        Bucket: connection.bucket,
        Prefix: prefix,
        StartAfter: after,
        MaxKeys: pageSize,
      }),
      options,
    ),
  );
  const items = (answer.Contents ?? []).map(({ Key, Size, ETag, LastModified }): ListedObject => {
    if (Key === undefined || Size === undefined || ETag === undefined || LastModified === undefined) {
      throw new StoreUnavailable('ListObjectsV2', 200, 'MissingField', 'no key, size, ETag or time');
    }
    return { key: Key, sizeBytes: Size, etag: unquotedEtag(ETag), modifiedAt: LastModified.getTime() };
  });
  return { items, more: goesOn('ListObjectsV2', answer.IsTruncated, items) };
}

/** The open uploads of keys that begin with `prefix`, from behind `after`, by key and then as the store has them; one page. */
export async function listUploads(
  connection: Connection,
  prefix: string,
  after?: Pick<ListedUpload, 'key' | 'storeUploadId'>,
  pageSize = MAX_PAGE,
): Promise<ListedPage<ListedUpload>> {
  const answer = await connection.call('ListMultipartUploads', (client, options) =>
    client.send(
      new ListMultipartUploadsCommand({
        Bucket: connection.bucket,
        Prefix: prefix,
        KeyMarker: after?.key,
        UploadIdMarker: after?.storeUploadId,
        MaxUploads: pageSize,
      }),
      options,
    ),
  );
  const items = (answer.Uploads ?? []).map(({ Key, UploadId, Initiated }): ListedUpload => {
    if (Key === undefined || UploadId === undefined || Initiated === undefined) {
      throw new StoreUnavailable('ListMultipartUploads', 200, 'MissingField', 'no key, id or time');
    }
    return { key: Key, storeUploadId: UploadId, initiatedAt: Initiated.getTime() };
  });
  return { items, more: goesOn('ListMultipartUploads', answer.IsTruncated, items) };
}

/** An empty page that says that more comes would be asked for again for ever. */
function goesOn(operation: string, truncated: boolean | undefined, items: readonly unknown[]): boolean {
  if (truncated !== true) return false;
  if (items.length === 0) throw new StoreUnavailable(operation, 200, 'BadPage', 'the page is cut and empty');
  return true;
}
