import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of an S3 error, or '' when the body is none. */
  readonly code: string;
  /** Whether the request had been sent to its end when the answer began. */
  readonly wholeRequestSent: boolean;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
  /** Sent instead of the path of the URL, exactly as it is. */
  readonly path?: string;
  /** Keeps connections; each request has one of its own without. */
  readonly agent?: Agent;
}

/**
 * One request as it is written here: `fetch` would set a Content-Length of its own, normalise the path and refuse
 * some headers. A body without a Content-Length among the headers is sent in chunks.
 */
export async function raw(url: string, options: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port, pathname, search } = new URL(url);
  const outgoing = request({
    hostname,
    port,
    path: options.path ?? `${pathname}${search}`,
    method: options.method ?? 'GET',
    headers: options.headers ?? {},
    agent: options.agent ?? false,
  });
  outgoing.end(options.body);
  let wholeRequestSent = false;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    // Errors after the answer has begun show in its body; some servers send one after a HEAD, which is no loss.
    outgoing.on('error', reject).once('response', (response) => {
      wholeRequestSent = outgoing.writableFinished;
      resolve(response);
    });
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const code = /<Code>([^<]*)<\/Code>/.exec(body.toString('latin1'))?.[1] ?? '';
  return { status: answer.statusCode ?? 0, headers: answer.headers, body, code, wholeRequestSent };
}

/** A PUT of a whole body with its length and further headers. */
export function put(url: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return raw(url, { method: 'PUT', body, headers: { 'Content-Length': String(body.length), ...headers } });
}

/** A PUT whose client sends some of its body and goes away. */
export async function breakOff(
  url: string,
  headers: Record<string, string>,
  some: Uint8Array,
): Promise<void> {
  const { hostname, port, pathname, search } = new URL(url);
  const path = `${pathname}${search}`;
  const outgoing = request({ hostname, port, path, method: 'PUT', headers, agent: false });
  const closed = new Promise<void>((resolve) => {
    outgoing.on('error', () => {}).once('close', resolve);
  });
  await new Promise<void>((resolve, reject) => {
    outgoing.write(some, (error) => (error ? reject(error) : resolve()));
  });
  outgoing.destroy();
  await closed;
}

/** The status and code that the SDK reports for a refused call; fails when the call is not refused. */
export async function refusal(call: Promise<unknown>): Promise<{ status: number; code: string }> {
  try {
    await call;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return { status: $metadata?.httpStatusCode ?? 0, code: name };
  }
  throw new Error('The call was not refused');
}
