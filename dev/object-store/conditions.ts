import type { StoredObject, WriteCondition } from './bucket.ts';
import { S3Error } from './errors.ts';
import type { RequestHeaders } from './request.ts';

/** Bytes `first` to `last`, both included. */
export interface ByteSpan {
  readonly first: number;
  readonly last: number;
}

/**
 * If-Match, If-None-Match and their dates on a read (RFC 9110, section 13.2.2: an ETag goes before its date).
 * Throws PreconditionFailed or NotModified.
 */
export function checkRead(headers: RequestHeaders, object: StoredObject): void {
  const outcome = evaluate(headers, '', object);
  if (outcome === 'failed') throw new S3Error('PreconditionFailed');
  if (outcome === 'unchanged') {
    throw new S3Error('NotModified', undefined, {
      ETag: `"${object.etag}"`,
      'Last-Modified': new Date(object.modifiedMs).toUTCString(),
    });
  }
}

/** The conditions of a copy on its source. Throws PreconditionFailed. */
export function checkCopySource(headers: RequestHeaders, source: StoredObject): void {
  if (evaluate(headers, 'x-amz-copy-source-', source) !== 'holds') throw new S3Error('PreconditionFailed');
}

/** The conditions of a write on what it replaces. The result throws PreconditionFailed or NoSuchKey. */
export function writeCondition(headers: RequestHeaders): WriteCondition {
  const match = headers.get('if-match');
  const noneMatch = headers.get('if-none-match');
  return (existing) => {
    if (match !== undefined) {
      if (existing === undefined) throw new S3Error('NoSuchKey');
      if (!names(match, existing.etag)) throw new S3Error('PreconditionFailed');
    }
    if (noneMatch !== undefined && existing !== undefined && names(noneMatch, existing.etag)) {
      throw new S3Error('PreconditionFailed');
    }
  };
}

function evaluate(
  headers: RequestHeaders,
  prefix: string,
  object: StoredObject,
): 'holds' | 'failed' | 'unchanged' {
  const match = headers.get(`${prefix}if-match`);
  const noneMatch = headers.get(`${prefix}if-none-match`);
  const seconds = Math.floor(object.modifiedMs / 1000);
  if (match !== undefined) {
    if (!names(match, object.etag)) return 'failed';
  } else if (seconds > secondsOf(headers.get(`${prefix}if-unmodified-since`))) {
    return 'failed';
  }
  if (noneMatch !== undefined) return names(noneMatch, object.etag) ? 'unchanged' : 'holds';
  return seconds <= secondsOf(headers.get(`${prefix}if-modified-since`)) ? 'unchanged' : 'holds';
}

/** NaN for a date that is absent or not one: no comparison with it is true, so it changes nothing. */
function secondsOf(date: string | undefined): number {
  return Date.parse(date ?? '') / 1000;
}

function names(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const name = item.trim();
    return name === '*' || name === etag || name === `"${etag}"`;
  });
}

/**
 * The Range of a read. out: undefined when the whole object is meant: without a range, or with one that is not
 * understood, or with several, which S3 does not send. Throws InvalidRange.
 */
export function parseRange(range: string | undefined, sizeBytes: number): ByteSpan | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const first = match[1] === '' ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const last = match[1] === '' || match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[1] !== '' && match[2] !== '' && Number(match[2]) < first) return undefined;
  if (first > last) throw new S3Error('InvalidRange', undefined, { 'Content-Range': `bytes */${sizeBytes}` });
  return { first, last };
}

/** `bytes=first-last` of a part that is copied; unlike a read's, it has to lie inside. Throws InvalidArgument. */
export function parseCopyRange(range: string | undefined, sizeBytes: number): ByteSpan {
  if (range === undefined) return { first: 0, last: sizeBytes - 1 };
  const match = /^bytes=(\d+)-(\d+)$/.exec(range);
  const span = { first: Number(match?.[1]), last: Number(match?.[2]) };
  if (match === null || span.first > span.last || span.last >= sizeBytes) {
    throw new S3Error(
      'InvalidArgument',
      `Range specified is not valid for source object of size: ${sizeBytes}`,
    );
  }
  return span;
}
