import type { Context as HonoContext } from 'hono';
import type { StatusCode } from 'hono/utils/http-status';
import { RegistryError } from '../../core/errors.ts';
import type { App } from './app.ts';
import type { HttpEnv } from './request.ts';

/** The page runs its own scripts only and asks nobody but the registry; its style sheet has its icons in it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `GET /docs`: a page that shows the document and tries its calls out; its files are the Worker's static assets. */
export function mountDocs(app: App): void {
  for (const path of ['/docs', '/docs/*']) {
    app.get(path, servePage);
    app.all(path, (c) => {
      c.header('Allow', 'GET, HEAD');
      throw new RegistryError(
        'METHOD_NOT_ALLOWED',
        `${c.req.method} is not a method of a page; it has GET, HEAD`,
      );
    });
  }
}

async function servePage(c: HonoContext<HttpEnv>): Promise<Response> {
  const { body, status, headers } = await c.env.ASSETS.fetch(c.req.raw);
  if (status === 404) return c.notFound() as Response | Promise<Response>;
  return c.newResponse(body, status as StatusCode, {
    ...Object.fromEntries(headers),
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  });
}
