const VERBS: Readonly<Record<string, string>> = {
  get: 'get',
  patch: 'update',
  put: 'replace',
  delete: 'delete',
};

/**
 * The name of an operation in the document, `<collection>.<verb>`, from its method and the contract's path:
 * `PATCH /compute/v1/images/{imageId}` is `images.update`, `POST …/{imageId}:signParts` is `images.signParts`,
 * `GET …/{imageId}/operations` is `images.listOperations`.
 */
export function operationIdOf(method: string, path: string): string {
  const [, resource = '', custom] = /^(.*?)(?::([A-Za-z]+))?$/.exec(path) ?? [];
  const segments = resource.split('/').filter((segment) => segment !== '');
  const isParameter = (segment: string | undefined) => segment?.startsWith('{') ?? false;
  const names = segments.filter((segment) => !isParameter(segment));
  const last = names.at(-1) ?? '';
  if (custom !== undefined) return `${last}.${custom}`;
  if (isParameter(segments.at(-1))) return `${last}.${VERBS[method] ?? method}`;
  const verb = method === 'get' ? 'list' : method === 'post' ? 'create' : (VERBS[method] ?? method);
  // A collection below one resource belongs to that resource.
  const owner = isParameter(segments.at(-2)) ? names.at(-2) : undefined;
  return owner === undefined
    ? `${last}.${verb}`
    : `${owner}.${verb}${last.slice(0, 1).toUpperCase()}${last.slice(1)}`;
}
