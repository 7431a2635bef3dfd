import { emptyReply, type Reply } from './reply.ts';
import type { RequestHeaders } from './request.ts';

/** The one CORS rule of every bucket, the same that a deployment sets on its bucket. */
const METHODS = ['GET', 'HEAD', 'PUT'];
const REQUEST_HEADERS = ['content-md5', 'content-type', 'if-match', 'if-none-match', 'range'];
const EXPOSED_HEADERS =
  'ETag, Content-Length, Content-Range, Accept-Ranges, Content-Disposition, Last-Modified';
const MAX_AGE_SECONDS = 600;

/** Headers that let a page of an allowed origin read the answer; none for others. */
export function corsHeaders(headers: RequestHeaders, origins: readonly string[]): Record<string, string> {
  const origin = headers.get('origin');
  if (origin === undefined || !origins.includes(origin)) return {};
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': EXPOSED_HEADERS,
    Vary: 'Origin',
  };
}

/** Answers a preflight: 204 for an allowed origin, method and headers, 403 otherwise. It is never signed. */
export function preflight(headers: RequestHeaders, origins: readonly string[]): Reply {
  const method = headers.get('access-control-request-method') ?? '';
  const asked = (headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const allowed = corsHeaders(headers, origins);
  const refused =
    allowed['Access-Control-Allow-Origin'] === undefined ||
    !METHODS.includes(method) ||
    asked.some((name) => !REQUEST_HEADERS.includes(name));
  if (refused) return emptyReply(403, { Vary: 'Origin' });
  return emptyReply(204, {
    ...allowed,
    'Access-Control-Allow-Methods': METHODS.join(', '),
    'Access-Control-Allow-Headers': REQUEST_HEADERS.join(', '),
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  });
}
