/**
 * What the answers to ranged GETs (RFC 9110, section 14) say of the file behind a link: whether it can be copied, and
 * whether it is still the one of which the copy was begun.
 */
import { failedPrecondition, invalidField, type RegistryError } from './errors.ts';
import { MAX_UPLOAD_BYTES } from './upload-plan.ts';

/** One version of a file. */
export interface LinkedFile {
  readonly sizeBytes: number;
  /** Its strong entity tag with the quotes, or else its Last-Modified. */
  readonly version: string;
}

/** An answer without its body; names of headers in any case. */
export interface RangeAnswer {
  readonly status: number;
  header(name: string): string | null;
}

export type FileJudgement =
  | { readonly kind: 'file'; readonly file: LinkedFile }
  /** No repetition helps. */
  | { readonly kind: 'refused'; readonly error: RegistryError }
  /** May be otherwise later; `reason` completes "the host …". */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** For the first byte: enough to learn length and version without a HEAD, which a presigned link does not allow. */
export const FIRST_RANGE = 'bytes=0-0';

/** The header that has other versions of the file refused. */
export function versionCondition({ version }: LinkedFile): Record<string, string> {
  return version.startsWith('"') ? { 'If-Match': version } : { 'If-Unmodified-Since': version };
}

/** The answer to a GET of `FIRST_RANGE`. */
export function judgeFirstAnswer(answer: RangeAnswer): FileJudgement {
  const { status } = answer;
  const range = contentRange(answer);
  if (status === 416 || (status === 200 && answer.header('Content-Length') === '0')) {
    return refused('leads to an empty file; an image has at least one byte');
  }
  if (status !== 206) return withoutRange(status);
  if (isEncoded(answer)) return refused(ENCODED);
  if (range === undefined || range.first !== 0 || range.last !== 0) return refused(WRONG_RANGE);
  if (range.total === undefined) return refused('leads to a host that does not tell how long the file is');
  if (range.total > MAX_UPLOAD_BYTES) {
    return refused(`leads to a file of ${range.total} bytes; at most ${MAX_UPLOAD_BYTES} (5 TiB) are taken`);
  }
  const version = versionOf(answer);
  if (version === undefined) {
    return refused('leads to a host that gives the file neither a strong ETag nor a Last-Modified');
  }
  return { kind: 'file', file: { sizeBytes: range.total, version } };
}

/** The answer to a GET of `length` bytes from `offset` of the file, sent with its `versionCondition`. */
export function judgePartAnswer(
  answer: RangeAnswer,
  file: LinkedFile,
  offset: number,
  length: number,
): FileJudgement {
  const { status } = answer;
  if (status === 412 || status === 416) return CHANGED;
  if (status !== 200 && status !== 206) return withoutRange(status);
  if (versionOf(answer) !== file.version) return CHANGED;
  if (status === 200) return withoutRange(status);
  if (isEncoded(answer)) return refused(ENCODED);
  const range = contentRange(answer);
  if (range?.total !== undefined && range.total !== file.sizeBytes) return CHANGED;
  if (range?.first !== offset || range.last !== offset + length - 1 || range.total === undefined) {
    return refused(WRONG_RANGE);
  }
  const announced = answer.header('Content-Length');
  if (announced !== null && announced !== String(length)) {
    return { kind: 'unavailable', reason: 'announced a body of another length than its range' };
  }
  return { kind: 'file', file };
}

const ENCODED = 'leads to a host that sends the file with a Content-Encoding; link to the bytes themselves';
const WRONG_RANGE = 'leads to a host that answers with another range than the one asked for';

const CHANGED: FileJudgement = {
  kind: 'refused',
  error: failedPrecondition(
    'uri',
    'SOURCE_CHANGED',
    'The file behind the link was changed while it was copied; create the image again',
  ),
};

/** An answer that holds no range at all. */
function withoutRange(status: number): FileJudgement {
  if (status === 200) {
    return refused(
      'leads to a host that ignores ranges (200 instead of 206), so that nothing can be copied from it',
    );
  }
  if (status >= 300 && status < 400) {
    return precondition(
      'REDIRECT',
      `The link was answered with a redirect (${status}), which is not followed; give the address that it leads to`,
    );
  }
  if (status === 401 || status === 403 || status === 404 || status === 410) {
    return precondition(
      'LINK',
      `The link was answered with ${status}: it has expired, is not signed for reading, or leads to nothing; make a new one and create the image again`,
    );
  }
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return { kind: 'unavailable', reason: `answered with ${status}` };
  }
  return refused(`was answered with ${status}, where 206 was expected`);
}

function refused(description: string): FileJudgement {
  return { kind: 'refused', error: invalidField('uri', description) };
}

function precondition(type: string, description: string): FileJudgement {
  return { kind: 'refused', error: failedPrecondition('uri', type, description) };
}

function isEncoded(answer: RangeAnswer): boolean {
  const encoding = answer.header('Content-Encoding')?.trim().toLowerCase() ?? '';
  return encoding !== '' && encoding !== 'identity';
}

const STRONG_TAG = /^"[\x21\x23-\x7e]{0,256}"$/;
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** A weak entity tag does not promise the same bytes (RFC 9110, section 8.8.1). */
function versionOf(answer: RangeAnswer): string | undefined {
  const etag = answer.header('ETag') ?? '';
  if (STRONG_TAG.test(etag)) return etag;
  const date = answer.header('Last-Modified') ?? '';
  return HTTP_DATE.test(date) ? date : undefined;
}

/** `bytes 0-99/1234`; undefined for anything else. An unknown total is `*`. */
function contentRange(
  answer: RangeAnswer,
): { first: number; last: number; total: number | undefined } | undefined {
  const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(answer.header('Content-Range') ?? '');
  if (found === null) return undefined;
  const [, first, last, total] = found;
  return { first: Number(first), last: Number(last), total: total === '*' ? undefined : Number(total) };
}
