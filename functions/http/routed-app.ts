import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import { invalidRequest } from './errors.ts';
import { authenticateFirst, type HttpEnv } from './request.ts';

/**
 * Hono with routes that are declared as data. Their shapes of requests are applied here; their shapes of answers are
 * types for the handlers, and both are what the document is made from, which is not done in the Worker.
 */
export class RoutedApp extends Hono<HttpEnv> {
  /** Every route that was added, in order. */
  readonly declared: RouteConfig[] = [];

  /** Adds a route. Its handler finds what the shapes made of the request by `c.req.valid`; what they refuse ends here. */
  readonly openapi = (({ middleware, ...declared }: RouteConfig, handler: Handler<HttpEnv>) => {
    this.declared.push(declared);
    const path = declared.path.replace(/\{(\w+)\}/g, ':$1');
    const before = (middleware ?? []) as MiddlewareHandler<HttpEnv>[];
    this.on(declared.method, [path], ...before, validated(declared), handler);
  }) as unknown as OpenAPIHono<HttpEnv>['openapi'];
}

/** What a shape is applied to, in this order, so that the first part which is wrong is the one that is told of. */
const GIVEN = {
  query: (c: Context<HttpEnv>) => {
    const values = Object.entries(c.req.queries());
    return Object.fromEntries(values.map(([name, all]) => [name, all.length === 1 ? all[0] : all]));
  },
  param: (c: Context<HttpEnv>) => c.req.param(),
  json: (c: Context<HttpEnv>) => c.get('body'),
} as const;

function validated({ request }: RouteConfig): MiddlewareHandler<HttpEnv> {
  const body = request?.body?.content['application/json'] as { readonly schema: z.ZodType } | undefined;
  const shapes = { query: request?.query, param: request?.params, json: body?.schema };
  const targets = (Object.keys(GIVEN) as (keyof typeof GIVEN)[]).filter((target) => shapes[target]);
  return async (c, next) => {
    for (const target of targets) {
      const result = await shapes[target]!.safeParseAsync(GIVEN[target](c));
      if (!result.success) {
        await authenticateFirst(c);
        throw invalidRequest(result.error);
      }
      c.req.addValidatedData(target, result.data as object);
    }
    await next();
  };
}
