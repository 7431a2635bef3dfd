import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../../dev/object-store/request.ts';
import { verifySignature } from '../../../dev/object-store/signature.ts';

/** The worked examples of "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API reference. */
const CREDENTIAL = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const NOW = Date.UTC(2013, 4, 24);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SCOPE = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';

interface Example {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly signed?: string;
  readonly signature?: string;
  readonly payload?: string;
}

function verify(
  { method = 'GET', url, headers = {}, signed, signature, payload = EMPTY }: Example,
  now = NOW,
) {
  const all: Record<string, string> = { Host: 'examplebucket.s3.amazonaws.com', ...headers };
  if (signature !== undefined) {
    all['x-amz-date'] = '20130524T000000Z';
    all['x-amz-content-sha256'] = payload;
    all.Authorization = `AWS4-HMAC-SHA256 Credential=${SCOPE},SignedHeaders=${signed},Signature=${signature}`;
  }
  const rawHeaders = Object.entries(all).flat();
  const request = parseRequest({ url, method, rawHeaders } as IncomingMessage);
  return verifySignature(request, [CREDENTIAL], 'us-east-1', now);
}

const PUT_SHA256 = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';
const EXAMPLES: [string, Example][] = [
  [
    'GET of an object with a range',
    {
      url: '/test.txt',
      headers: { Range: 'bytes=0-9' },
      signed: 'host;range;x-amz-content-sha256;x-amz-date',
      signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    },
  ],
  [
    'PUT of an object',
    {
      method: 'PUT',
      url: '/test%24file.text',
      headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      signed: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      payload: PUT_SHA256,
    },
  ],
  [
    'GET of a subresource',
    {
      url: '/?lifecycle',
      signed: 'host;x-amz-content-sha256;x-amz-date',
      signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    },
  ],
  [
    'GET of a listing',
    {
      url: '/?max-keys=2&prefix=J',
      signed: 'host;x-amz-content-sha256;x-amz-date',
      signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    },
  ],
];

describe("the examples of S3's reference", () => {
  test.each(EXAMPLES)('%s', (_, example) => {
    expect(verify(example)).toEqual({ sha256: example.payload ?? EMPTY });
  });

  test.each(EXAMPLES)('%s, a digit of the signature changed', (_, example) => {
    const signature = example.signature?.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) ?? '';
    expect(() => verify({ ...example, signature })).toThrow(
      expect.objectContaining({ code: 'SignatureDoesNotMatch' }),
    );
  });
});

describe('a presigned URL', () => {
  const signature = 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';
  const url = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(SCOPE)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}`;

  test.each([
    ['at once', 0],
    ['a moment before its time is over', 86_400_000],
    ['on a clock that is behind', -14 * 60_000],
  ])('holds %s', (_, later) => {
    expect(verify({ url }, NOW + later)).toBe('unsigned');
  });

  test('holds with an Authorization header of somebody else', () => {
    expect(verify({ url, headers: { Authorization: 'Bearer abc' } })).toBe('unsigned');
  });

  test.each<[string, string, number, string]>([
    ['after its time', url, 86_400_001, 'AccessDenied'],
    ['long before its time', url, -16 * 60_000, 'AccessDenied'],
    ['with another life', url.replace('86400', '86399'), 0, 'SignatureDoesNotMatch'],
    ['with another key', url.replace('test.txt', 'tess.txt'), 0, 'SignatureDoesNotMatch'],
    ['with a life of over a week', url.replace('86400', '604801'), 0, 'AuthorizationQueryParametersError'],
    ['with a life of nothing', url.replace('86400', '0'), 0, 'AuthorizationQueryParametersError'],
    ['without a life', url.replace('&X-Amz-Expires=86400', ''), 0, 'AuthorizationQueryParametersError'],
    ['of an unknown key', url.replace('AKIA', 'BKIA'), 0, 'InvalidAccessKeyId'],
    ['for another region', url.replace('us-east-1', 'eu-west-1'), 0, 'AuthorizationQueryParametersError'],
    ['for another service', url.replace('%2Fs3%2F', '%2Fsqs%2F'), 0, 'AuthorizationQueryParametersError'],
    ['for another day', url.replace('%2F20130524', '%2F20130525'), 0, 'AuthorizationQueryParametersError'],
    ['that signs no host', url.replace('=host&', '=range&'), 0, 'AccessDenied'],
    ['by another algorithm', url.replace('SHA256&', 'SHA1&'), 0, 'AuthorizationQueryParametersError'],
    ['with a short signature', url.slice(0, -1), 0, 'SignatureDoesNotMatch'],
  ])('is refused %s', (_, changed, later, code) => {
    expect(() => verify({ url: changed }, NOW + later)).toThrow(expect.objectContaining({ code }));
  });
});
