import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';

/** AWS Signature Version 4, by header and by query, for one region and the service s3. */

export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What the body has to be: anything, or bytes with this SHA-256 in hexadecimal. */
export type ExpectedPayload = { readonly sha256: string } | 'unsigned';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRY_SECONDS = 7 * 86_400;

/** What a signature claims, wherever it stands. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly timestamp: string;
  readonly payloadHash: string;
  readonly malformed: 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError';
  /** Life in seconds; undefined for a signature in the header, which lives as long as the clocks may differ. */
  readonly expires: string | undefined;
}

/**
 * Checks who sent the request and that nothing signed was changed.
 * A signature in the query wins over an Authorization header: a client that follows a redirect to a presigned URL
 * may still carry the credential of the server it came from.
 * Throws S3Error with a 4xx code; out: what the body has to be.
 */
export function verifySignature(
  request: S3Request,
  credentials: readonly Credential[],
  region: string,
  nowMs: number,
): ExpectedPayload {
  const claim = request.query.has('X-Amz-Signature') ? claimOfQuery(request) : claimOfHeader(request);
  const [accessKeyId, day, ...rest] = splitCredential(claim);
  const known = credentials.find((credential) => credential.accessKeyId === accessKeyId);
  if (known === undefined) throw new S3Error('InvalidAccessKeyId');
  checkScope(claim, day, rest, region);
  checkTime(claim, nowMs);
  checkSignedHeaders(request, claim.signedHeaders);
  const scope = [day, ...rest].join('/');
  const toSign = [ALGORITHM, claim.timestamp, scope, sha256(canonicalRequest(request, claim))].join('\n');
  const expected = createHmac('sha256', signingKey(known.secretAccessKey, day, region))
    .update(toSign)
    .digest();
  const given = /^[0-9a-f]{64}$/.test(claim.signature)
    ? Buffer.from(claim.signature, 'hex')
    : Buffer.alloc(32);
  if (!timingSafeEqual(expected, given)) throw new S3Error('SignatureDoesNotMatch');
  return expectedPayload(claim.payloadHash);
}

function claimOfQuery({ query, headers }: S3Request): Claim {
  const malformed = 'AuthorizationQueryParametersError';
  const parameter = (name: string): string => {
    const value = query.get(name);
    if (value === undefined) throw new S3Error(malformed, `${name} is missing.`);
    return value;
  };
  if (parameter('X-Amz-Algorithm') !== ALGORITHM) {
    throw new S3Error(malformed, `X-Amz-Algorithm has to be ${ALGORITHM}.`);
  }
  return {
    credential: parameter('X-Amz-Credential'),
    signedHeaders: parameter('X-Amz-SignedHeaders').split(';'),
    signature: parameter('X-Amz-Signature'),
    timestamp: parameter('X-Amz-Date'),
    payloadHash: query.get('X-Amz-Content-Sha256') ?? headers.get('x-amz-content-sha256') ?? UNSIGNED_PAYLOAD,
    malformed,
    expires: parameter('X-Amz-Expires'),
  };
}

function claimOfHeader({ headers }: S3Request): Claim {
  const malformed = 'AuthorizationHeaderMalformed';
  const authorization = headers.get('authorization');
  if (authorization === undefined) throw new S3Error('AccessDenied', 'The request is not signed.');
  if (!authorization.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidArgument', `The Authorization header has to be ${ALGORITHM}.`);
  }
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => [field.split('=', 1)[0]!.trim(), field.slice(field.indexOf('=') + 1).trim()]),
  );
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new S3Error(malformed, `${name} is missing.`);
    return value;
  };
  const payloadHash = headers.get('x-amz-content-sha256');
  if (payloadHash === undefined) throw new S3Error('InvalidRequest', 'x-amz-content-sha256 is missing.');
  const timestamp = headers.get('x-amz-date');
  if (timestamp === undefined) throw new S3Error('AccessDenied', 'x-amz-date is missing.');
  return {
    credential: field('Credential'),
    signedHeaders: field('SignedHeaders').split(';'),
    signature: field('Signature'),
    timestamp,
    payloadHash,
    malformed,
    expires: undefined,
  };
}

/** An access key id may hold slashes; the four fields after it may not. */
function splitCredential(claim: Claim): [string, string, string, string, string] {
  const match = /^(.+)\/([^/]*)\/([^/]*)\/([^/]*)\/([^/]*)$/.exec(claim.credential);
  if (match === null) throw new S3Error(claim.malformed, 'The credential has to have five fields.');
  return [match[1]!, match[2]!, match[3]!, match[4]!, match[5]!];
}

function checkScope(claim: Claim, day: string, rest: readonly string[], region: string): void {
  const [scopeRegion, service, terminator] = rest;
  if (day !== claim.timestamp.slice(0, 8)) {
    throw new S3Error(claim.malformed, 'The day of the credential is not that of the request.');
  }
  if (scopeRegion !== region) {
    throw new S3Error(claim.malformed, `The region '${scopeRegion}' is wrong; expecting '${region}'.`);
  }
  if (service !== 's3' || terminator !== 'aws4_request') {
    throw new S3Error(claim.malformed, 'The credential has to be for s3/aws4_request.');
  }
}

function checkTime(claim: Claim, nowMs: number): void {
  const signedMs = parseTimestamp(claim);
  if (claim.expires === undefined) {
    if (Math.abs(nowMs - signedMs) > MAX_SKEW_MS) throw new S3Error('RequestTimeTooSkewed');
    return;
  }
  const seconds = /^\d{1,6}$/.test(claim.expires) ? Number(claim.expires) : 0;
  if (seconds < 1 || seconds > MAX_EXPIRY_SECONDS) {
    throw new S3Error(
      claim.malformed,
      `X-Amz-Expires has to be between 1 and ${MAX_EXPIRY_SECONDS} seconds.`,
    );
  }
  if (signedMs - nowMs > MAX_SKEW_MS) throw new S3Error('AccessDenied', 'Request is not yet valid');
  if (nowMs > signedMs + seconds * 1000) throw new S3Error('AccessDenied', 'Request has expired');
}

function parseTimestamp(claim: Claim): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(claim.timestamp);
  const iso =
    match === null ? '' : `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`;
  const milliseconds = Date.parse(iso);
  if (Number.isNaN(milliseconds)) throw new S3Error(claim.malformed, 'The date has to be YYYYMMDDTHHMMSSZ.');
  return milliseconds;
}

/** Headers that change what the request does have to be signed, or whoever holds a URL could add one to it. */
function checkSignedHeaders(request: S3Request, signedHeaders: readonly string[]): void {
  if (!signedHeaders.includes('host')) throw new S3Error('AccessDenied', 'The host header has to be signed.');
  for (const name of request.headers.names()) {
    if (name.startsWith('x-amz-') && !signedHeaders.includes(name)) {
      throw new S3Error('AccessDenied', `There is a header that was not signed: ${name}.`);
    }
  }
}

function canonicalRequest(request: S3Request, claim: Claim): string {
  const query = request.pairs
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort(byNameThenValue)
    .join('&');
  // A header that was signed and did not come counts as empty, which no signer has signed.
  const headers = claim.signedHeaders.map(
    (name) => `${name}:${(request.headers.get(name) ?? '').trim().replace(/[ \t]+/g, ' ')}\n`,
  );
  return [
    request.method,
    request.path,
    query,
    headers.join(''),
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n');
}

/** `a=1` before `a-b=1`: names are compared before the equals sign takes part. */
function byNameThenValue(left: string, right: string): number {
  const [leftName, leftValue] = left.split('=') as [string, string];
  const [rightName, rightValue] = right.split('=') as [string, string];
  if (leftName !== rightName) return leftName < rightName ? -1 : 1;
  return leftValue < rightValue ? -1 : Number(leftValue > rightValue);
}

function expectedPayload(payloadHash: string): ExpectedPayload {
  if (payloadHash === UNSIGNED_PAYLOAD) return 'unsigned';
  if (/^[0-9a-f]{64}$/.test(payloadHash)) return { sha256: payloadHash };
  if (payloadHash.startsWith('STREAMING-')) {
    throw new S3Error(
      'NotImplemented',
      'Bodies in signed chunks (aws-chunked) are not taken; sign the whole body.',
    );
  }
  throw new S3Error('InvalidArgument', `x-amz-content-sha256 has to be ${UNSIGNED_PAYLOAD} or a SHA-256.`);
}

function signingKey(secretAccessKey: string, day: string, region: string): Buffer {
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  return mac(mac(mac(mac(`AWS4${secretAccessKey}`, day), region), 's3'), 'aws4_request');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Percent-encoding of RFC 3986, where `encodeURIComponent` leaves five characters more. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
