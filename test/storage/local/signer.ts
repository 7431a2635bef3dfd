import { createHash, createHmac } from 'node:crypto';

/** A request to sign by hand: the SDK refuses to make most of what a store has to refuse. */
export interface ToSign {
  readonly method: string;
  /** Encoded path with the query, which has to be sorted and encoded as S3 wants it. */
  readonly target: string;
  readonly host: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region?: string;
  readonly service?: string;
  readonly date?: Date;
  /** Headers that are sent and not signed. */
  readonly unsigned?: readonly string[];
}

/** Signature Version 4 in the Authorization header. out: all headers to send. */
export function signedHeaders(request: ToSign): Record<string, string> {
  const timestamp = (request.date ?? new Date()).toISOString().replace(/[-:]|\.\d+/g, '');
  const payloadHash = request.payloadHash ?? 'UNSIGNED-PAYLOAD';
  const headers: Record<string, string> = {
    host: request.host,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': timestamp,
    ...request.headers,
  };
  const names = Object.keys(headers)
    .filter((name) => !request.unsigned?.includes(name))
    .sort();
  const [path, query = ''] = request.target.split('?');
  const canonical = [
    request.method,
    path,
    query,
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    payloadHash,
  ].join('\n');
  const scope = `${timestamp.slice(0, 8)}/${request.region ?? 'auto'}/${request.service ?? 's3'}/aws4_request`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = scope
    .split('/')
    .reduce<string | Buffer>(
      (mac, text) => createHmac('sha256', mac).update(text).digest(),
      `AWS4${request.secretAccessKey}`,
    );
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${digest}`)
    .digest('hex');
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${request.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
