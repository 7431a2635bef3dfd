import { describe, expect, test } from 'vitest';
import {
  type FileJudgement,
  judgeFirstAnswer,
  judgePartAnswer,
  type LinkedFile,
  versionCondition,
} from '../../../core/linked-file.ts';

type Headers = Readonly<Record<string, string>>;

const DATE = 'Sat, 21 Nov 2026 12:00:00 GMT';
const FILE: LinkedFile = { sizeBytes: 1000, version: '"one"' };
const ETAG = { ETag: '"one"' };

const answer = (status: number, headers: Headers) => ({
  status,
  header: (name: string) => headers[name] ?? null,
});

/** A judgement in one line: the code of a refusal, or why to wait, or the file. */
const brief = (judgement: FileJudgement): string => {
  if (judgement.kind === 'unavailable') return `wait: ${judgement.reason}`;
  if (judgement.kind === 'refused') return `${judgement.error.code}: ${judgement.error.message}`;
  return `${judgement.file.sizeBytes} bytes, ${judgement.file.version}`;
};

const EVERY_RANGE: readonly [number, Headers, string][] = [
  [302, { Location: 'https://inner.example/' }, 'FAILED_PRECONDITION: .*redirect \\(302\\)'],
  [307, {}, 'FAILED_PRECONDITION: .*redirect \\(307\\)'],
  [304, {}, 'FAILED_PRECONDITION: .*redirect \\(304\\)'],
  [401, {}, 'FAILED_PRECONDITION: .*401: it has expired'],
  [403, {}, 'FAILED_PRECONDITION: .*403'],
  [404, {}, 'FAILED_PRECONDITION: .*404'],
  [410, {}, 'FAILED_PRECONDITION: .*410'],
  [408, {}, 'wait: answered with 408'],
  [425, {}, 'wait: answered with 425'],
  [429, {}, 'wait: answered with 429'],
  [500, {}, 'wait: answered with 500'],
  [503, {}, 'wait: answered with 503'],
  [400, {}, 'INVALID_ARGUMENT: .*was answered with 400'],
  [405, {}, 'INVALID_ARGUMENT: .*was answered with 405'],
  [204, {}, 'INVALID_ARGUMENT: .*was answered with 204'],
];

describe('the first answer', () => {
  test.each<[number, Headers, string]>([
    ...EVERY_RANGE,
    [206, { ...ETAG, 'Content-Range': 'bytes 0-0/1' }, '1 bytes, "one"'],
    [
      206,
      { ...ETAG, 'Content-Range': 'bytes 0-0/1000', 'Content-Encoding': 'identity' },
      '1000 bytes, "one"',
    ],
    [206, { ...ETAG, 'Last-Modified': DATE, 'Content-Range': 'bytes 0-0/9' }, '9 bytes, "one"'],
    [206, { ETag: 'W/"one"', 'Last-Modified': DATE, 'Content-Range': 'bytes 0-0/9' }, `9 bytes, ${DATE}`],
    [206, { ETag: 'one', 'Last-Modified': DATE, 'Content-Range': 'bytes 0-0/9' }, `9 bytes, ${DATE}`],
    [206, { 'Last-Modified': DATE, 'Content-Range': 'bytes 0-0/9' }, `9 bytes, ${DATE}`],
    [206, { 'Content-Range': 'bytes 0-0/9' }, 'INVALID_ARGUMENT: .*neither a strong ETag nor'],
    [206, { 'Last-Modified': 'yesterday', 'Content-Range': 'bytes 0-0/9' }, 'INVALID_ARGUMENT: .*neither'],
    [206, { ETag: `"${'x'.repeat(257)}"`, 'Content-Range': 'bytes 0-0/9' }, 'INVALID_ARGUMENT: .*neither'],
    [206, { ETag: '"a"b"', 'Content-Range': 'bytes 0-0/9' }, 'INVALID_ARGUMENT: .*neither'],
    [206, { ETag: 'W/"one"', 'Content-Range': 'bytes 0-0/9' }, 'INVALID_ARGUMENT: .*neither'],
    [206, { ...ETAG, 'Content-Range': 'bytes 0-0/5497558138880' }, '5497558138880 bytes'],
    [206, { ...ETAG, 'Content-Range': 'bytes 0-0/5497558138881' }, 'INVALID_ARGUMENT: .*5 TiB'],
    [
      206,
      { ...ETAG, 'Content-Range': 'bytes 0-0/99999999999999999999' },
      'INVALID_ARGUMENT: .*another range',
    ],
    [206, { ...ETAG, 'Content-Range': 'bytes 0-0/*' }, 'INVALID_ARGUMENT: .*how long'],
    [206, { ...ETAG, 'Content-Range': 'bytes 0-8/9' }, 'INVALID_ARGUMENT: .*another range'],
    [206, { ...ETAG, 'Content-Range': 'bytes 1-1/9' }, 'INVALID_ARGUMENT: .*another range'],
    [206, { ...ETAG, 'Content-Range': 'items 0-0/9' }, 'INVALID_ARGUMENT: .*another range'],
    [206, ETAG, 'INVALID_ARGUMENT: .*another range'],
    [
      206,
      { ...ETAG, 'Content-Range': 'bytes 0-0/9', 'Content-Encoding': 'gzip' },
      'INVALID_ARGUMENT: .*Encoding',
    ],
    [416, { 'Content-Range': 'bytes */0' }, 'INVALID_ARGUMENT: .*empty file'],
    [200, { 'Content-Length': '0' }, 'INVALID_ARGUMENT: .*empty file'],
    [200, { 'Content-Length': '9', ...ETAG }, 'INVALID_ARGUMENT: .*ignores ranges'],
    [200, {}, 'INVALID_ARGUMENT: .*ignores ranges'],
    [412, {}, 'INVALID_ARGUMENT: .*was answered with 412'],
  ])('%i %j: %s', (status, headers, expected) => {
    expect(brief(judgeFirstAnswer(answer(status, headers)))).toMatch(new RegExp(`^${expected}`));
  });
});

describe('the answer to bytes 100 to 199 of 1000', () => {
  const RANGE = { 'Content-Range': 'bytes 100-199/1000' };
  test.each<[number, Headers, string]>([
    ...EVERY_RANGE,
    [206, { ...ETAG, ...RANGE }, '1000 bytes'],
    [206, { ...ETAG, ...RANGE, 'Content-Length': '100' }, '1000 bytes'],
    [206, { ...ETAG, ...RANGE, 'Content-Length': '101' }, 'wait: announced a body of another length'],
    [206, { ETag: '"two"', ...RANGE }, 'FAILED_PRECONDITION: .*changed while it was copied'],
    [206, { ETag: 'W/"one"', ...RANGE }, 'FAILED_PRECONDITION: .*changed while'],
    [206, RANGE, 'FAILED_PRECONDITION: .*changed while'],
    [206, { ...ETAG, 'Content-Range': 'bytes 100-199/1001' }, 'FAILED_PRECONDITION: .*changed while'],
    [206, { ...ETAG, 'Content-Range': 'bytes 100-199/*' }, 'INVALID_ARGUMENT: .*another range'],
    [206, { ...ETAG, 'Content-Range': 'bytes 100-200/1000' }, 'INVALID_ARGUMENT: .*another range'],
    [206, { ...ETAG, 'Content-Range': 'bytes 0-99/1000' }, 'INVALID_ARGUMENT: .*another range'],
    [206, ETAG, 'INVALID_ARGUMENT: .*another range'],
    [206, { ...ETAG, ...RANGE, 'Content-Encoding': 'br' }, 'INVALID_ARGUMENT: .*Encoding'],
    [200, ETAG, 'INVALID_ARGUMENT: .*ignores ranges'],
    [200, { ETag: '"two"' }, 'FAILED_PRECONDITION: .*changed while'],
    [412, {}, 'FAILED_PRECONDITION: .*changed while'],
    [416, {}, 'FAILED_PRECONDITION: .*changed while'],
  ])('%i %j: %s', (status, headers, expected) => {
    expect(brief(judgePartAnswer(answer(status, headers), FILE, 100, 100))).toMatch(
      new RegExp(`^${expected}`),
    );
  });
});

test('other versions are refused by the header that fits', () => {
  expect(versionCondition(FILE)).toEqual({ 'If-Match': '"one"' });
  expect(versionCondition({ sizeBytes: 1, version: DATE })).toEqual({ 'If-Unmodified-Since': DATE });
});
