import type { Operation } from './call.ts';
import { S3Error } from './errors.ts';
import { headBucket, listObjects, listUploads } from './listing.ts';
import { abortUpload, completeUpload, createUpload, listParts, uploadPart } from './multipart.ts';
import { deleteObject, deleteObjects, putObject, readObject } from './objects.ts';
import type { S3Request } from './request.ts';

/** S3 tells operations apart by the query. The first route whose `needs` are all there is meant. */
interface Route {
  readonly method: string;
  readonly on: 'bucket' | 'object';
  readonly needs: readonly string[];
  readonly may: readonly string[];
  readonly run: Operation;
}

const READ = ['response-cache-control', 'response-content-disposition', 'response-content-type'];
const LIST = ['prefix', 'delimiter', 'start-after', 'continuation-token', 'max-keys', 'encoding-type'];
const UPLOADS = ['prefix', 'key-marker', 'upload-id-marker', 'max-uploads', 'encoding-type'];

const ROUTES: readonly Route[] = [
  { method: 'HEAD', on: 'bucket', needs: [], may: [], run: headBucket },
  { method: 'GET', on: 'bucket', needs: ['uploads'], may: UPLOADS, run: listUploads },
  { method: 'GET', on: 'bucket', needs: ['list-type'], may: LIST, run: listObjects },
  { method: 'POST', on: 'bucket', needs: ['delete'], may: [], run: deleteObjects },
  { method: 'POST', on: 'object', needs: ['uploads'], may: [], run: createUpload },
  { method: 'POST', on: 'object', needs: ['uploadId'], may: [], run: completeUpload },
  { method: 'PUT', on: 'object', needs: ['uploadId', 'partNumber'], may: [], run: uploadPart },
  { method: 'PUT', on: 'object', needs: [], may: [], run: putObject },
  {
    method: 'GET',
    on: 'object',
    needs: ['uploadId'],
    may: ['max-parts', 'part-number-marker'],
    run: listParts,
  },
  { method: 'GET', on: 'object', needs: [], may: READ, run: readObject },
  { method: 'HEAD', on: 'object', needs: [], may: READ, run: readObject },
  { method: 'DELETE', on: 'object', needs: ['uploadId'], may: [], run: abortUpload },
  { method: 'DELETE', on: 'object', needs: [], may: [], run: deleteObject },
];

/** Query parameters of any request: the SDK's own name for it, and the signature. */
const ALWAYS = [
  'x-id',
  'X-Amz-Algorithm',
  'X-Amz-Content-Sha256',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
];

const HEADERS = [
  'x-amz-checksum-crc32',
  'x-amz-checksum-mode',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-none-match',
  'x-amz-copy-source-if-unmodified-since',
  'x-amz-copy-source-range',
  'x-amz-date',
  'x-amz-metadata-directive',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-user-agent',
];

/**
 * The operation that a request asks for. What is not implemented is refused by name, never passed over: a checksum
 * or an encryption that is asked for and silently left out would be a lie. Throws MethodNotAllowed, NotImplemented.
 */
export function findOperation(request: S3Request): Operation {
  const on = request.key === '' ? 'bucket' : 'object';
  const route = ROUTES.find(
    (candidate) =>
      candidate.method === request.method &&
      candidate.on === on &&
      candidate.needs.every((name) => request.query.has(name)),
  );
  if (route === undefined) {
    const known = ROUTES.some((candidate) => candidate.method === request.method && candidate.on === on);
    throw new S3Error(known ? 'NotImplemented' : 'MethodNotAllowed');
  }
  for (const name of request.query.keys()) {
    if (![...ALWAYS, ...route.needs, ...route.may].includes(name)) {
      throw new S3Error('NotImplemented', `The query parameter ${name} is not implemented here.`);
    }
  }
  for (const name of request.headers.names()) {
    if (name.startsWith('x-amz-') && !name.startsWith('x-amz-meta-') && !HEADERS.includes(name)) {
      throw new S3Error('NotImplemented', `The header ${name} is not implemented.`);
    }
  }
  return route.run;
}
