/**
 * Custom methods stand behind a colon (`/images/{id}:signParts`, `/images:latestByFamily`), where the router knows
 * whole segments only. Inside, the method comes first, as a segment that begins with a mark which no request path
 * can hold, so that a method that does not exist is taken for no resource's id; the OpenAPI document shows the
 * contract's form again.
 */
const MARK = ' ';
const INNER = new RegExp(`^/${MARK}([A-Za-z]+)(/.*)$`);

/** `/images/{imageId}:signParts` → the path under which the router keeps it. */
export function routerPath(path: string): string {
  return path.replace(/^(.+):([A-Za-z]+)$/, `/${MARK}$2$1`);
}

/** The contract's path of a route of the router. */
export function contractPath(path: string): string {
  return path.replace(INNER, '$2:$1');
}

/**
 * The path by which a request is routed. A colon may come percent-encoded, as some clients send it. Every request asks
 * for it, so it is cut out of the URL, which the runtime has read already.
 */
export function requestPath({ url }: Request): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const query = url.indexOf('?', start);
  const path = query === -1 ? url.slice(start) : url.slice(start, query);
  return routerPath(path.replace(/%3A([A-Za-z]+)$/i, ':$1'));
}
