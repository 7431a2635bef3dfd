import type { RouteConfig } from '@hono/zod-openapi';
import type { Context as HonoContext } from 'hono';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { type ErrorCode, RegistryError } from '../../core/errors.ts';
import { publicFailure } from '../../registry/failures.ts';
import type { Operation } from '../../registry/operations/record.ts';
import { errorBody as errorSchema } from '../../schema/wire/error.ts';
import { BadSettings, openContext, readSettings } from '../context.ts';
import { costOf } from '../cost.ts';
import { describeError, log } from '../log.ts';
import { contractPath, requestPath, routerPath } from './custom-methods.ts';
import { errorBody, httpStatus } from './errors.ts';
import { operationIdOf } from './operation-id.ts';
import { operationShape } from './operation-shape.ts';
import {
  credentialOf,
  drainBody,
  type HttpEnv,
  idempotent,
  jsonBody,
  openly,
  requestIdOf,
} from './request.ts';
import { RoutedApp } from './routed-app.ts';

export type App = RoutedApp;

/** What the document says of a route besides its shapes. */
interface Described {
  /** One of `tags.ts`. */
  readonly tags: string[];
  /** What the call does, in a line. */
  readonly summary: string;
  /** `<collection>.<verb>`; made from method and path unless given, which needs to be where two would be the same. */
  readonly operationId?: string;
}

/**
 * Declares a route as data: from it come routing, validation, types and the OpenAPI document. Paths are the
 * contract's own, with custom methods behind a colon. Every route needs a credential unless it is `open`.
 */
export function route<const R extends Omit<RouteConfig, 'middleware'> & Described>(
  config: R & { open?: true },
) {
  const { open, ...rest } = config;
  const reads = ['get', 'head'].includes(config.method);
  const body = config.request?.body !== undefined;
  return {
    ...rest,
    operationId: config.operationId ?? operationIdOf(config.method, config.path),
    path: routerPath(config.path) as R['path'],
    middleware: reads ? [] : [...(open ? [openly] : []), body ? jsonBody : idempotent],
    security: open === true ? [] : [{ apiKey: [] }, { bearer: [] }],
    responses: {
      ...config.responses,
      default: {
        description: 'The refusal; `code` is the canonical code, not the HTTP status',
        content: { 'application/json': { schema: errorSchema } },
      },
    } as R['responses'],
  } as unknown as R;
}

/** A JSON answer of a route. */
export function answer<T extends z.ZodType>(schema: T, description: string) {
  return { 200: { description, content: { 'application/json': { schema } } } } as const;
}

/** A JSON body of a route. */
export function jsonOf<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** An operation as the answer, and its id for the log line. */
export function answerOperation(c: HonoContext<HttpEnv>, operation: Operation) {
  c.set('operationId', operation.id);
  return c.json(operationShape(operation), 200);
}

/** The application: what every answer has, and one place for every failure. */
export function createApp(): App {
  const app = new RoutedApp({ getPath: requestPath });
  app.use(async (c, next) => {
    const began = Date.now();
    const requestId = requestIdOf(c.req.raw);
    c.set('requestId', requestId);
    c.header('X-Request-Id', requestId);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Cache-Control', 'no-store');
    await openRequest(c, requestId);
    await next();
    await drainBody(c.req.raw);
    logRequest(c, began);
  });
  app.use(async (c, next) => {
    const origins = readSettings(c.env).BULLION_CORS_ORIGINS;
    if (origins.length === 0) return await next();
    return await cors({
      origin: origins,
      allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      allowHeaders: [
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'If-Match',
        'If-None-Match',
        'X-Request-Id',
      ],
      exposeHeaders: ['ETag', 'X-Request-Id', 'Retry-After', 'Location'],
      maxAge: 600,
    })(c, next);
  });
  app.onError((error, c) => refuse(c, error));
  app.notFound((c) => refuse(c, unknownRoute(app, c)));
  return app;
}

async function openRequest(c: HonoContext<HttpEnv>, requestId: string): Promise<void> {
  c.set('callerId', undefined);
  c.set('operationId', undefined);
  c.set('outcome', 'OK');
  c.set('context', {
    ...openContext(c.env, c.executionCtx, requestId),
    credential: await credentialOf(c.req.raw),
    idempotencyKey: undefined,
    identified: (callerId) => c.set('callerId', callerId),
  });
}

/** Nothing on this path, or nothing with this method: then `Allow` says which there are. */
function unknownRoute(app: App, c: HonoContext<HttpEnv>): RegistryError {
  const path = contractPath(requestPath(c.req.raw));
  const methods = methodsOf(app, path);
  if (methods.length === 0) {
    return new RegistryError('NOT_FOUND', `There is no ${path}; GET /openapi.json lists every path`);
  }
  c.header('Allow', methods.join(', '));
  return new RegistryError(
    'METHOD_NOT_ALLOWED',
    `${c.req.method} is not a method of ${path}; it has ${methods.join(', ')}`,
  );
}

function methodsOf(app: App, path: string): string[] {
  const methods = new Set<string>();
  for (const { method, path: template } of app.declared) {
    const pattern = contractPath(template)
      .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
      .replace(/\{\w+\}/g, '[^/:]+');
    if (!new RegExp(`^${pattern}$`).test(path)) continue;
    methods.add(method.toUpperCase());
    if (method === 'get') methods.add('HEAD');
  }
  return [...methods].sort();
}

/** Refusals that are the registry's own fault or an outage: an operator wants to know of them. */
const FAULTS: ReadonlySet<string> = new Set<ErrorCode>(['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

/** Every failure of a request ends here: what is known keeps its code, the rest says nothing of its cause. */
function refuse(c: HonoContext<HttpEnv>, error: unknown): Response {
  const known = publicError(error);
  const requestId = c.get('requestId');
  c.set('outcome', known.code);
  if (FAULTS.has(known.code)) {
    log('error', { event: 'request failed', requestId, error: describeError(error) });
  }
  if (known.code === 'UNAUTHENTICATED')
    c.header('WWW-Authenticate', 'Api-Key realm="bullion", Bearer realm="bullion"');
  const retry = known.details.find((one) => one.kind === 'retry');
  if (retry !== undefined) c.header('Retry-After', String(retry.afterSeconds));
  return c.json(errorBody(known, requestId), httpStatus(known.code) as ContentfulStatusCode);
}

function publicError(error: unknown): RegistryError {
  if (!(error instanceof BadSettings)) return publicFailure(error);
  return new RegistryError(
    'UNAVAILABLE',
    'The registry is not set up; its operator finds the reason in the log',
  );
}

function logRequest(c: HonoContext<HttpEnv>, began: number): void {
  log(FAULTS.has(c.get('outcome')) ? 'error' : 'info', {
    event: 'request',
    requestId: c.get('requestId'),
    operationId: c.get('operationId'),
    method: c.req.method,
    route: routeOf(c),
    status: c.res.status,
    durationMs: Date.now() - began,
    callerId: c.get('callerId'),
    outcome: c.get('outcome'),
    ...costOf(c.get('context')),
  });
}

/** The route's own path, not the request's: paths hold ids only, and no query ever gets into a line. */
function routeOf(c: HonoContext<HttpEnv>): string {
  return contractPath(c.req.routePath.replace(/:(\w+)/g, '{$1}'));
}
