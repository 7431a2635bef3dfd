import { describe, expect, test } from 'vitest';
import { unquotedEtag } from '../../../storage/connection.ts';
import { attachmentDisposition } from '../../../storage/content-disposition.ts';
import { refusedWith, StoreUnavailable, unavailable, withoutUrls } from '../../../storage/errors.ts';

describe('the name of a download', () => {
  test.each([
    ['disk.qcow2', 'attachment; filename="disk.qcow2"'],
    ['my disk (1).img', 'attachment; filename="my disk (1).img"'],
    ['a"b\\c.img', `attachment; filename="a_b_c.img"; filename*=UTF-8''a%22b%5Cc.img`],
    ['über.img', `attachment; filename="_ber.img"; filename*=UTF-8''%C3%BCber.img`],
    ['😀.img', `attachment; filename="_.img"; filename*=UTF-8''%F0%9F%98%80.img`],
    ['100%.img', `attachment; filename="100_.img"; filename*=UTF-8''100%25.img`],
    ['a\r\nX-Evil: 1', `attachment; filename="a__X-Evil: 1"; filename*=UTF-8''a%0D%0AX-Evil%3A%201`],
    ['../x', `attachment; filename=".._x"; filename*=UTF-8''..%2Fx`],
    ["it's*é", `attachment; filename="it's*_"; filename*=UTF-8''it%27s%2A%C3%A9`],
    ['\ud800.img', `attachment; filename="_.img"; filename*=UTF-8''%EF%BF%BD.img`],
  ])('%j', (name, header) => {
    expect(attachmentDisposition(name)).toBe(header);
  });
});

test.each([
  ['"abc"', 'abc'],
  ['abc-2', 'abc-2'],
  ['W/"abc"', 'abc'],
  ['', ''],
])('the ETag %s is kept as "%s"', (given, kept) => {
  expect(unquotedEtag(given)).toBe(kept);
});

test.each([
  ['connect ECONNREFUSED 127.0.0.1:9', 'connect ECONNREFUSED 127.0.0.1:9'],
  ['GET https://s3.example:1/b/k?X-Amz-Signature=ab failed', 'GET https://s3.example:1/… failed'],
  ['at "HTTP://h?x=1", http://i/y', 'at "HTTP://h/…", http://i/…'],
])('a message without addresses: %s', (message, safe) => {
  expect(withoutUrls(message)).toBe(safe);
});

describe('a failure', () => {
  test('with an answer keeps status and code, and nothing of what the SDK adds', () => {
    const thrown = Object.assign(new Error('The signature of https://h/b?X-Amz-Signature=1 is wrong'), {
      name: 'SignatureDoesNotMatch',
      $metadata: { httpStatusCode: 403 },
      StringToSign: 'AWS4-HMAC-SHA256 …',
    });
    const error = unavailable('PutObject', thrown);
    expect(error.message).toBe('Object store, PutObject: 403 SignatureDoesNotMatch');
    expect({ ...error }).toEqual({
      name: 'StoreUnavailable',
      operation: 'PutObject',
      status: 403,
      code: 'SignatureDoesNotMatch',
    });
    expect(error.cause).toBeUndefined();
  });

  test('without an answer names the reason', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    expect(unavailable('HeadObject', reset)).toMatchObject({ status: undefined, code: 'ECONNRESET' });
    expect(unavailable('HeadObject', 'text')).toBeInstanceOf(StoreUnavailable);
  });

  test.each([
    ['status and code', 404, 'NoSuchKey', true],
    ['another status', 400, 'NoSuchKey', false],
    ['another code', 404, 'NoSuchBucket', false],
  ])('is recognised by %s', (_, status, code, expected) => {
    const error = new StoreUnavailable('GetObject', status, code);
    expect(refusedWith(error, 404, new Set(['NoSuchKey', 'NotFound']))).toBe(expected);
  });
});
