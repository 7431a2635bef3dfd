import { z } from '@hono/zod-openapi';
import { type App, answer, route } from './app.ts';
import { contractPath } from './custom-methods.ts';

const description = z.object({
  openapi: z.string(),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.object({}),
});

const get = route({
  method: 'get',
  path: '/openapi.json',
  open: true,
  tags: ['Document'],
  summary: 'Get this document',
  responses: answer(description, 'Every route, as OpenAPI 3.1'),
});

/** `GET /openapi.json`: the document that the routes make, with the contract's paths. */
export function mountDocument(app: App, version: string): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Api-Key <key>`, or `Bearer <key>` for tools that know only that',
  });
  app.openapi(get, (c) => {
    const document = app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Bullion',
        version,
        description: 'A registry of virtual-machine disk images.',
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      servers: [{ url: new URL(c.req.url).origin }],
    });
    const paths = Object.entries(document.paths ?? {}).map(([path, item]) => [contractPath(path), item]);
    return c.json({ ...document, paths: Object.fromEntries(paths) }, 200);
  });
}
