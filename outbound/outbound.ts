/**
 * Requests to hosts that users name: the only place that sends them.
 *
 * Redirects are never followed; one comes back as it is, and is a refusal to whoever asked. Trusted origins are
 * reached directly. Every other one goes through `reachPublic`, which connects to public addresses only, whatever a
 * name resolves to at that moment. No failure holds more of a URL than its origin: paths and queries may be secrets.
 */
import { joined } from '../core/bytes.ts';
import { hasOrigin, type Judgement, judgeDestination } from './destination.ts';

export type { Judgement } from './destination.ts';

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** For the answer to begin. Its body has no limit of its own: see `readAtMost` and `signal`. */
  readonly timeoutMs: number;
  /** Ends the request, and later the body. */
  readonly signal?: AbortSignal;
}

export interface Outbound {
  /** Whether the registry may fetch from a URL at all; an allow-list is the caller's own. */
  judge(url: string): Judgement;
  /** One GET. Throws FetchFailed, also for a URL that `judge` faults. */
  get(url: string, options: GetOptions): Promise<Response>;
  /** Whether messages may be sent to a URL. The object store is none of those who take them. */
  judgeReceiver(url: string): Judgement;
  /**
   * One POST. out: the status of the answer, of which nothing else is looked at. Throws FetchFailed, also for a URL
   * that `judgeReceiver` faults.
   */
  post(url: string, options: PostOptions): Promise<number>;
}

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For the answer to begin. */
  readonly timeoutMs: number;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface OutboundParts {
  /** How the registry names itself to those whom it sends something. */
  readonly userAgent: string;
  /** Of the object store: files are fetched from there. As `URL.origin` writes them, like the others. */
  readonly storeOrigins: readonly string[];
  /** Of others that an operator trusts: fetched from and sent to, wherever they are. */
  readonly trustedOrigins: readonly string[];
  readonly direct: Fetch;
  /** Refuses to connect to loopback, private and link-local addresses. */
  readonly reachPublic: Fetch;
}

/** Nothing usable came. `origin` is empty for a text that is no URL. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
  readonly origin: string;
  readonly reason: keyof typeof REASONS;

  constructor(origin: string, reason: keyof typeof REASONS) {
    super(`${origin || 'The URL'} ${REASONS[reason]}`);
    this.origin = origin;
    this.reason = reason;
  }
}

const REASONS = {
  forbidden: 'may not be fetched from',
  unreachable: 'could not be reached, or broke the connection off',
  timeout: 'did not answer in time',
  stalled: 'stopped sending',
  slow: 'sent too slowly',
  short: 'sent fewer bytes than it announced',
  long: 'sent more bytes than it announced',
  'too-long': 'answered more than is read',
} as const;

/** So much of an answer to a POST is taken in, for so long, so that the connection ends well; the rest is refused. */
const MAX_DRAINED_BYTES = 64 * 1024;
const DRAIN_MS = 1_000;

export function openOutbound(parts: OutboundParts): Outbound {
  const sources = [...parts.storeOrigins, ...parts.trustedOrigins];
  const judge = (text: string) => judgeDestination(text, sources);
  const judgeReceiver = (text: string) => judgeDestination(text, parts.trustedOrigins, parts.storeOrigins);
  return {
    judge,
    judgeReceiver,
    async get(text, { timeoutMs, signal, headers = {} }) {
      const url = demandUrl(judge(text));
      return await send(parts, url, { method: 'GET', headers }, sources, timeoutMs, signal);
    },
    async post(text, { timeoutMs, headers, body }) {
      const url = demandUrl(judgeReceiver(text));
      const init = { method: 'POST', headers: { ...headers, 'User-Agent': parts.userAgent }, body };
      const response = await send(parts, url, init, parts.trustedOrigins, timeoutMs);
      await drain(response);
      return response.status;
    },
  };
}

function demandUrl({ url }: Judgement): URL {
  if (url === undefined) throw new FetchFailed('', 'forbidden');
  return url;
}

/** One request; `directly` are the origins that need not be public. */
async function send(
  { direct, reachPublic }: OutboundParts,
  url: URL,
  init: RequestInit,
  directly: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Response> {
  const fetch = hasOrigin(url, directly) ? direct : reachPublic;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), timeoutMs);
  try {
    return await fetch(url.href, {
      ...init,
      redirect: 'manual',
      signal: signal === undefined ? waiting.signal : AbortSignal.any([waiting.signal, signal]),
    });
  } catch {
    // What was thrown may hold the URL.
    throw new FetchFailed(url.origin, waiting.signal.aborted ? 'timeout' : 'unreachable');
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a body that nobody wants; whatever becomes of it, the answer has been given. */
async function drain(response: Response): Promise<void> {
  try {
    await readAtMost(response, MAX_DRAINED_BYTES, DRAIN_MS);
  } catch (error) {
    if (!(error instanceof FetchFailed)) throw error;
  }
}

/**
 * The whole body of an answer, which has to come within `timeoutMs`. Throws FetchFailed, among others for a body of
 * more than `maxBytes`, of which no more is read.
 */
export async function readAtMost(
  response: Response,
  maxBytes: number,
  timeoutMs: number,
): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0);
  const origin = response.url ? new URL(response.url).origin : '';
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const readAll = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      length += value.length;
      if (length > maxBytes) throw new FetchFailed(origin, 'too-long');
      chunks.push(value);
    }
  };
  try {
    await within(timeoutMs, readAll(), () => new FetchFailed(origin, 'timeout'));
  } catch (error) {
    // Not awaited: a server that does not answer does not end either.
    reader.cancel().catch(() => undefined);
    throw error instanceof FetchFailed ? error : new FetchFailed(origin, 'unreachable');
  }
  return joined(chunks);
}

/** What `work` gives, or `failure` when it takes longer. */
export function within<T>(timeoutMs: number, work: Promise<T>, failure: () => FetchFailed): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(failure()), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
