/**
 * AWS Signature Version 4 for URLs of parts and nothing else, as short as it can be written: what presigning is
 * measured against.
 */
import type { StoreSettings } from '../storage/store.ts';

/** The parts of one upload, all equally long. */
export interface PartsToSign {
  readonly settings: StoreSettings;
  readonly key: string;
  readonly storeUploadId: string;
  readonly sizeBytes: number;
  readonly ttlSeconds: number;
  readonly firstPart: number;
  readonly partCount: number;
  /** As it stands in a signature: see `timeOf`. */
  readonly time: string;
}

/** A time as it stands in a signature. */
export function timeOf(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, '');
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' };
const text = new TextEncoder();

export async function minimalUrls(parts: PartsToSign): Promise<readonly string[]> {
  const { settings, key, storeUploadId, sizeBytes, ttlSeconds, firstPart, partCount, time } = parts;
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = settings;
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  let secret: Uint8Array<ArrayBuffer> | ArrayBuffer = text.encode(`AWS4${secretAccessKey}`);
  for (const step of scope.split('/')) secret = await hmac(await hmacKey(secret), step);
  const signingKey = await hmacKey(secret);
  const path = `/${bucket}/${key}`;
  const before = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    'X-Amz-Content-Sha256=UNSIGNED-PAYLOAD',
    `X-Amz-Credential=${encodeURIComponent(`${accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${time}`,
    `X-Amz-Expires=${ttlSeconds}`,
    'X-Amz-SignedHeaders=content-length%3Bhost',
    'partNumber=',
  ].join('&');
  const after = `&uploadId=${encodeURIComponent(storeUploadId)}`;
  const headers = `content-length:${sizeBytes}\nhost:${new URL(endpoint).host}\n\ncontent-length;host`;
  const urlOf = async (partNumber: number) => {
    const query = `${before}${partNumber}${after}`;
    const request = text.encode(`PUT\n${path}\n${query}\n${headers}\nUNSIGNED-PAYLOAD`);
    const digest = hex(await crypto.subtle.digest('SHA-256', request));
    const signature = hex(await hmac(signingKey, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`));
    return `${endpoint}${path}?${query}&X-Amz-Signature=${signature}`;
  };
  return await Promise.all(Array.from({ length: partCount }, (_, index) => urlOf(firstPart + index)));
}

function hmacKey(secret: Uint8Array<ArrayBuffer> | ArrayBuffer) {
  return crypto.subtle.importKey('raw', secret, HMAC, false, ['sign']);
}

function hmac(key: Awaited<ReturnType<typeof hmacKey>>, message: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign('HMAC', key, text.encode(message));
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
