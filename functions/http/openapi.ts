import type { App } from './app.ts';
import { contractPath } from './custom-methods.ts';

/** `GET /openapi.json`: the document that the routes make, with the contract's paths. */
export function mountDocument(app: App, version: string): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Api-Key <key>`, or `Bearer <key>` for tools that know only that',
  });
  app.get('/openapi.json', (c) => {
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
    return c.json({ ...document, paths: Object.fromEntries(paths) });
  });
}
