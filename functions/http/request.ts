import type { Context as HonoContext, MiddlewareHandler } from 'hono';
import { joined } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { invalidField, RegistryError } from '../../core/errors.ts';
import { parseSecret, parseToken } from '../../core/ids.ts';
import { authenticate } from '../../registry/authorize.ts';
import type { CallerContext, Credential, IdempotencyKey } from '../../registry/context.ts';
import { sha256Hex } from '../../registry/digest.ts';
import { readToken } from '../../registry/identity/jwt.ts';
import type { Bindings } from '../context.ts';
import { contractPath, requestPath } from './custom-methods.ts';

/** What a request carries through its route. */
export interface Variables {
  requestId: string;
  context: CallerContext;
  /** Filled by the verb once it knows who asks. */
  callerId: string | undefined;
  /** The request's body, where the route has one. */
  body: Readonly<Record<string, unknown>>;
  /** The operation that is the answer. */
  operationId: string | undefined;
  /** Whether the route needs no credential. */
  open: true | undefined;
  /** For the log line: OK, or the code of the refusal. */
  outcome: string;
}

export interface HttpEnv {
  Bindings: Bindings;
  Variables: Variables;
}

export const MAX_BODY_BYTES = 1024 * 1024;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The caller's own request id when it is harmless in a header and a log, else a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get('X-Request-Id') ?? request.headers.get('X-Client-Request-Id');
  return given !== null && /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : crypto.randomUUID();
}

/**
 * The credential of a request: an API key, as `Api-Key` or for tools that know only it as `Bearer`, or as `Bearer`
 * an IAM token or a token of an issuer that a federation trusts.
 */
export async function credentialOf(request: Request): Promise<Credential | undefined> {
  const [scheme, secret, ...more] = (request.headers.get('Authorization') ?? '').trim().split(/ +/);
  if (secret === undefined || more.length > 0 || !/^(api-key|bearer)$/i.test(scheme ?? '')) return undefined;
  const key = parseSecret(secret);
  if (key !== undefined) {
    return { kind: 'api-key', prefix: key.publicPrefix, secretHash: await sha256Hex(secret) };
  }
  if (!/^bearer$/i.test(scheme ?? '')) return undefined;
  const token = parseToken(secret);
  return token === undefined
    ? readToken(secret)
    : { kind: 'iam-token', prefix: token.publicPrefix, secretHash: await sha256Hex(secret) };
}

/** Marks a route that needs no credential. */
export const openly: MiddlewareHandler<HttpEnv> = async (c, next) => {
  c.set('open', true);
  await next();
};

/** Who may not ask at all is told so before what is wrong with the question. */
export async function authenticateFirst(c: HonoContext<HttpEnv>): Promise<void> {
  if (c.get('open') !== true) await authenticate(c.get('context'));
}

/**
 * Reads the body as JSON whatever its content type says; nothing at all counts as `{}`. Who may not ask at all is told
 * so first.
 */
export const jsonBody: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const body = await readBody(c.req.raw).catch(async (error: unknown) => {
    await authenticateFirst(c);
    throw error;
  });
  const key = await idempotencyKeyOf(c, body).catch(async (error: unknown) => {
    await authenticateFirst(c);
    throw error;
  });
  c.set('context', { ...c.get('context'), idempotencyKey: key });
  c.set('body', body);
  await next();
};

/** As `jsonBody` for methods without one: a DELETE may be repeated under a key as well. */
export const idempotent: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const key = await idempotencyKeyOf(c, {}).catch(async (error: unknown) => {
    await authenticateFirst(c);
    throw error;
  });
  c.set('context', { ...c.get('context'), idempotencyKey: key });
  await next();
};

async function readBody(request: Request): Promise<Record<string, unknown>> {
  const bytes = await limitedBytes(request);
  let body: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    if (text.trim() === '') return {};
    body = JSON.parse(text);
  } catch (error) {
    throw new RegistryError(
      'INVALID_ARGUMENT',
      `Request validation error: Body: is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'it cannot be read'}`,
      [{ kind: 'fields', violations: [{ field: 'body', description: 'must be one JSON object' }] }],
    );
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidField('body', 'must be one JSON object');
  }
  return body as Record<string, unknown>;
}

/** A body that is too long is read on to here before it is refused: unread bytes would take the answer with them. */
const MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES;

async function limitedBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = () =>
    new RegistryError(
      'BODY_TOO_LARGE',
      `The request body is longer than ${MAX_BODY_BYTES} bytes; the bytes of an image go straight to the object store`,
    );
  if (Number(request.headers.get('Content-Length') ?? 0) > MAX_DRAINED_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  for (let chunk = await reader?.read(); chunk !== undefined && !chunk.done; chunk = await reader?.read()) {
    length += chunk.value.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk.value);
    else if (length > MAX_DRAINED_BYTES) await reader?.cancel();
  }
  if (length > MAX_BODY_BYTES) throw tooLarge();
  return joined(chunks);
}

/** Reads what a route left of a body: unread bytes would take the next request of the connection with them. */
export async function drainBody(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  await limitedBytes(request).catch(() => undefined);
}

async function idempotencyKeyOf(
  c: HonoContext<HttpEnv>,
  body: Record<string, unknown>,
): Promise<IdempotencyKey | undefined> {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined) return undefined;
  if (!UUID.test(key)) throw invalidField('idempotency_key', 'the header Idempotency-Key must be a UUID');
  // What a query asks for belongs to the request as what a body asks for does.
  const path = contractPath(requestPath(c.req.raw)) + new URL(c.req.raw.url).search;
  return {
    key: key.toLowerCase(),
    fingerprint: await sha256Hex(`${c.req.method} ${path}\n${canonicalJson(body)}`),
  };
}
