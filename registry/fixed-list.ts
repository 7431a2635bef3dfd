import { notFound } from '../core/errors.ts';
import { decodePageToken, encodePageToken } from '../core/page-token.ts';
import { authenticate, readInput } from './authorize.ts';
import type { CallerContext } from './context.ts';
import type { Page } from './lists.ts';

/** What a registry has and no call changes: anybody with a credential may see it. */
export interface FixedList<T extends { readonly id: string }> {
  /** How messages name one. */
  readonly title: string;
  all(context: CallerContext): readonly T[];
}

/** A page of them, sorted by id. Throws INVALID_ARGUMENT for a page token of another list. */
export async function listFixed<T extends { readonly id: string }>(
  context: CallerContext,
  { title, all }: FixedList<T>,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken?: string | undefined },
): Promise<Page<T>> {
  const query = [title];
  const after = await readInput(context, () => (pageToken ? decodePageToken(query, pageToken).value : ''));
  await authenticate(context);
  const rest = all(context)
    .filter(({ id }) => id > String(after))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const items = rest.slice(0, pageSize);
  const last = items.at(-1);
  if (rest.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.id, id: '' }) };
}

/** One of them. Throws NOT_FOUND. */
export async function getFixed<T extends { readonly id: string }>(
  context: CallerContext,
  { title, all }: FixedList<T>,
  id: string,
): Promise<T> {
  await authenticate(context);
  const found = all(context).find((one) => one.id === id);
  if (found === undefined) throw notFound(title, id);
  return found;
}
