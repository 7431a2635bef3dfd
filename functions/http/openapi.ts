import * as z from '../../schema/zod.ts';
import { type App, answer, route } from './app.ts';

const description = z.object({
  openapi: z.string().openapi({ description: 'version of OpenAPI', example: '3.1.0' }),
  info: z.object({}).openapi({ description: 'what this is, and which version' }),
  paths: z.object({}).openapi({ description: 'every path with its operations' }),
});

const get = route({
  method: 'get',
  path: '/openapi.json',
  operationId: 'document.get',
  open: true,
  tags: ['Document'],
  summary: 'Get this document',
  responses: answer(description, 'Every route, as OpenAPI 3.1'),
});

/** `GET /openapi.json`: one of the static assets, which are made together with the Worker (`document.ts`). */
export function mountDocument(app: App): void {
  app.openapi(get, async (c) => {
    const { ok, status, body } = await c.env.ASSETS.fetch(new URL('/openapi.json', c.req.url));
    if (!ok) throw new Error(`the document is not among the static assets (${status})`);
    // Its shape cannot be seen from here.
    return c.newResponse(body, 200, { 'Content-Type': 'application/json' }) as never;
  });
}
