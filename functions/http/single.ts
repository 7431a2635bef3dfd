import type { Context as HonoContext } from 'hono';
import { namesEtag } from '../../registry/etag.ts';
import type { HttpEnv } from './request.ts';

/** One resource with its entity tag, which comes without its quotes; 304 when the caller has this version already. */
export function answerSingle<T extends object>(c: HonoContext<HttpEnv>, etag: string, shape: T) {
  c.header('ETag', `"${etag}"`);
  const known = c.req.header('If-None-Match');
  if (known !== undefined && namesEtag(known, etag)) return c.body(null, 304) as never;
  return c.json(shape, 200);
}
