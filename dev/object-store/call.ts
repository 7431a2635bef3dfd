import type { Blobs } from './blobs.ts';
import type { Bucket, StoredObject } from './bucket.ts';
import { checkCopySource } from './conditions.ts';
import { S3Error } from './errors.ts';
import type { Reply } from './reply.ts';
import { parseCopySource, type RequestHeaders, type S3Request } from './request.ts';
import type { ExpectedPayload } from './signature.ts';

/** A request whose signature holds, and what it is about. */
export interface Call {
  readonly request: S3Request;
  readonly payload: ExpectedPayload;
  readonly bucket: Bucket;
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly blobs: Blobs;
}

export type Operation = (call: Call) => Promise<Reply>;

/** Headers of a PUT that are kept and answered again; `x-amz-meta-*` besides. */
const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

export function keptHeaders(headers: RequestHeaders): Record<string, string> {
  if (headers.get('content-encoding')?.includes('aws-chunked')) {
    throw new S3Error('NotImplemented', 'Bodies in chunks of their own (aws-chunked) are not taken.');
  }
  const kept: Record<string, string> = { 'content-type': 'application/octet-stream' };
  for (const name of headers.names()) {
    if (KEPT_HEADERS.includes(name) || name.startsWith('x-amz-meta-')) kept[name] = headers.get(name)!;
  }
  return kept;
}

/** The object of `x-amz-copy-source`, its conditions checked. Throws NoSuchBucket, NoSuchKey, PreconditionFailed. */
export function copySource({ request, buckets }: Call): StoredObject {
  const { bucket, key } = parseCopySource(request.headers.get('x-amz-copy-source') ?? '');
  const from = buckets.get(bucket);
  if (from === undefined) throw new S3Error('NoSuchBucket');
  const source = from.object(key);
  if (source === undefined) throw new S3Error('NoSuchKey');
  checkCopySource(request.headers, source);
  return source;
}

/** A whole number of the query between two bounds. Throws InvalidArgument. */
export function wholeNumber(request: S3Request, name: string, min: number, max: number): number | undefined {
  const text = request.query.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new S3Error('InvalidArgument', `${name} has to be a whole number from ${min} to ${max}.`);
  }
  return value;
}
