/**
 * The object store: the only place that speaks S3.
 *
 * Layout: one bucket, one object for each layer under `layers/<id>`, never overwritten once it is complete.
 * Keys are ASCII without `%` (`checkedKey`), because stores treat other keys differently.
 *
 * Permissions the credential needs: on the bucket ListBucket (HeadBucket, and a 404 instead of a 403 for a missing
 * object) and ListBucketMultipartUploads; on its objects PutObject (which covers opening and completing an upload,
 * writing its parts, and the target of a copy), GetObject (which covers the source of a copy), ListMultipartUploadParts,
 * AbortMultipartUpload and DeleteObject. None to administer the bucket.
 *
 * Limits that S3 sets: 10,000 parts an upload, 5 MiB to 5 GiB a part (the last may be shorter), 5 GiB a copy in one
 * request, 5 TiB an object, a presigned URL at most seven days. R2 also wants all parts but the last to be equally
 * long.
 *
 * ETags go in and out without quotes. They name a version of an object and are not a digest of its bytes.
 * Every method may throw StoreUnavailable. Clients PUT to presigned URLs; the only bodies that are sent through here
 * are those of `putPart`.
 */
import { type Connection, connect, type StoreSettings, TRANSFER_TIMEOUT_MS } from './connection.ts';
import { abortUploadsOf, copyObject, copyPart } from './copies.ts';
import {
  type ListedObject,
  type ListedPage,
  type ListedUpload,
  listObjects,
  listUploads,
} from './listing.ts';
import {
  abortMultipart,
  type CompleteOutcome,
  completeMultipart,
  listParts,
  type NamedPart,
  openMultipart,
  type StoredPart,
} from './multipart.ts';
import { checkBucket, deleteObject, head, readRange, type StoredObject } from './objects.ts';
import { type DownloadName, openSigner, type PresignedPut, type Signer } from './presign.ts';
import { putPart } from './put-part.ts';

export type { StoreSettings } from './connection.ts';
export { ObjectChanged, StoreUnavailable } from './errors.ts';
export type { ListedObject, ListedPage, ListedUpload } from './listing.ts';
export type { CompleteOutcome, NamedPart, StoredPart } from './multipart.ts';
export type { StoredObject } from './objects.ts';
export type { DownloadName, PresignedPut } from './presign.ts';

export interface Store {
  /** Requests sent to the store so far, each attempt counted; presigning sends none. */
  readonly calls: number;

  /** Opens a multipart upload. out: the store's id for it. */
  openMultipart(key: string, contentType: string): Promise<string>;
  /** All parts that the store holds, by number; undefined when the upload is unknown. */
  listParts(key: string, storeUploadId: string): Promise<StoredPart[] | undefined>;
  /** Joins the parts. After any outcome, and after StoreUnavailable, `head` tells what is there. */
  completeMultipart(
    key: string,
    storeUploadId: string,
    parts: readonly NamedPart[],
  ): Promise<CompleteOutcome>;
  /** Ends an upload and frees its parts; an unknown upload is fine. */
  abortMultipart(key: string, storeUploadId: string): Promise<void>;

  /**
   * PUTs a part from a stream of exactly `sizeBytes`, at most four minutes long and until `signal` says no. out: its
   * ETag. Never tried again, because the stream is used up; a stream that fails is a StoreUnavailable as well.
   */
  putPart(
    key: string,
    storeUploadId: string,
    partNumber: number,
    sizeBytes: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<string>;

  /**
   * Copies an object of at most 5 GiB inside the store, in at most four minutes. out: the copy as a HEAD finds it.
   * ObjectChanged when there is no object with this ETag under `fromKey`.
   */
  copy(fromKey: string, fromEtag: string, toKey: string): Promise<StoredObject>;
  /**
   * Copies `length` bytes from `offset` of an object into a part of an upload, as `copy` does. out: the part's ETag;
   * undefined when the upload is unknown. Some stores cut a range that ends behind the object: `listParts` tells.
   */
  copyPart(
    fromKey: string,
    fromEtag: string,
    toKey: string,
    storeUploadId: string,
    partNumber: number,
    offset: number,
    length: number,
  ): Promise<string | undefined>;
  /** Ends every upload that is open for a key, whoever knows its id. */
  abortUploadsOf(key: string): Promise<void>;

  /** Size and ETag, or undefined when there is no such object. */
  head(key: string): Promise<StoredObject | undefined>;
  /** Exactly `length` bytes from `offset` of the object with this ETag; ObjectChanged when it is not there as such. */
  readRange(key: string, etag: string, offset: number, length: number): Promise<Uint8Array>;
  /** Deletes an object; nothing there is fine. */
  delete(key: string): Promise<void>;

  /** Objects by the byte order of their keys, a page from behind the key `after`; 1,000 unless `pageSize` is less. */
  listObjects(prefix: string, after?: string, pageSize?: number): Promise<ListedPage<ListedObject>>;
  /** Open uploads, a page from behind `after`. */
  listUploads(
    prefix: string,
    after?: Pick<ListedUpload, 'key' | 'storeUploadId'>,
    pageSize?: number,
  ): Promise<ListedPage<ListedUpload>>;

  /** A PUT of one part with its exact length, and its MD5 when given, signed in. */
  presignPart(
    key: string,
    storeUploadId: string,
    partNumber: number,
    sizeBytes: number,
    ttlSeconds: number,
    md5Base64?: string,
  ): Promise<PresignedPut>;
  /** A GET that saves the object as `fileName`. */
  presignDownload(key: string, name: DownloadName, ttlSeconds: number): Promise<string>;

  /** Resolves when the store answers and the credential may use the bucket. */
  checkBucket(): Promise<void>;
}

/**
 * Opens one store. Sends nothing, and sets nothing up before it is used: open one for each invocation, so that `calls`
 * counts that invocation.
 */
export function openStore(settings: StoreSettings): Store {
  let opened: Connection | undefined;
  const connection = () => {
    opened ??= connect(settings);
    return opened;
  };
  const { bucket, endpoint, publicEndpoint = endpoint } = settings;
  const signers = new Map<string, Signer>();
  const signerFor = (address: string) => {
    const signer = signers.get(address) ?? openSigner(connection().config, address, bucket);
    signers.set(address, signer);
    return signer;
  };
  return {
    get calls() {
      return opened?.requestCount ?? 0;
    },
    openMultipart: async (key, contentType) => openMultipart(connection(), checkedKey(key), contentType),
    listParts: async (key, storeUploadId) => listParts(connection(), checkedKey(key), storeUploadId),
    completeMultipart: async (key, storeUploadId, parts) =>
      completeMultipart(connection(), checkedKey(key), storeUploadId, parts),
    abortMultipart: async (key, storeUploadId) =>
      abortMultipart(connection(), checkedKey(key), storeUploadId),
    putPart: async (key, storeUploadId, partNumber, sizeBytes, body, signal) => {
      const part = { storeUploadId, partNumber, sizeBytes, body };
      const ends = [AbortSignal.timeout(TRANSFER_TIMEOUT_MS), ...(signal === undefined ? [] : [signal])];
      return connection().send(() =>
        putPart(signerFor(endpoint), checkedKey(key), part, AbortSignal.any(ends)),
      );
    },
    copy: async (fromKey, fromEtag, toKey) =>
      copyObject(connection(), { key: checkedKey(fromKey), etag: fromEtag }, checkedKey(toKey)),
    copyPart: async (fromKey, fromEtag, toKey, storeUploadId, partNumber, offset, length) =>
      copyPart(connection(), { key: checkedKey(fromKey), etag: fromEtag }, checkedKey(toKey), {
        storeUploadId,
        partNumber,
        offset,
        length,
      }),
    abortUploadsOf: async (key) => abortUploadsOf(connection(), checkedKey(key)),
    head: async (key) => head(connection(), checkedKey(key)),
    readRange: async (key, etag, offset, length) =>
      readRange(connection(), checkedKey(key), etag, offset, length),
    listObjects: (prefix, after, pageSize) => listObjects(connection(), prefix, after, pageSize),
    listUploads: (prefix, after, pageSize) => listUploads(connection(), prefix, after, pageSize),
    delete: async (key) => deleteObject(connection(), checkedKey(key)),
    presignPart: async (key, storeUploadId, partNumber, sizeBytes, ttlSeconds, md5Base64) =>
      signerFor(publicEndpoint).part(
        checkedKey(key),
        { storeUploadId, partNumber, sizeBytes, md5Base64 },
        ttlSeconds,
      ),
    presignDownload: async (key, name, ttlSeconds) =>
      signerFor(publicEndpoint).download(checkedKey(key), name, ttlSeconds),
    checkBucket: () => checkBucket(connection()),
  };
}

/** Keys are made by the registry from its own ids, so a bad one is a fault of the program. */
function checkedKey(key: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(key) || key.length > 1024) {
    throw new RangeError(`"${key}" is not a key: ASCII letters, digits, ". _ -" in segments, 1,024 at most`);
  }
  return key;
}
