/**
 * Custom methods stand behind a colon (`/images/{id}:signParts`, `/images:latestByFamily`), where the router knows
 * whole segments only. Inside, the colon's part is a segment of its own that begins with a mark which no request
 * path can hold; the OpenAPI document shows the colon again.
 */
const MARK = ' ';

/** `/images/{imageId}:signParts` → the path under which the router keeps it. */
export function routerPath(path: string): string {
  return path.replace(/:([A-Za-z]+)$/, `/${MARK}$1`);
}

/** The contract's path of a route of the router. */
export function contractPath(path: string): string {
  return path.replace(`/${MARK}`, ':');
}

/** The path by which a request is routed. A colon may come percent-encoded, as some clients send it. */
export function requestPath(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.replace(/(?::|%3A)([A-Za-z]+)$/i, `/${MARK}$1`);
}
