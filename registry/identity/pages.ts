import { type Condition, parseFilter } from '../../core/list-query.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import { readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
  readonly filter?: string | undefined;
}

/** A page of a list that is sorted by id. */
export interface IdPage {
  readonly conditions: readonly Condition[];
  /** How many rows to read: one more than asked for tells whether there is a next page. */
  readonly limit: number;
  readonly after: string | undefined;
  /** The page of the rows that were read. */
  of<T extends { readonly id: string }>(found: readonly T[]): Page<T>;
}

/**
 * Reads what a client asks of such a list. in: `list` is everything that makes it this list and no other.
 * Throws INVALID_ARGUMENT for a filter that cannot be read or a page token of another list.
 */
export function readPage(
  context: CallerContext,
  list: readonly string[],
  request: PageRequest,
): Promise<IdPage> {
  const query = [...list, request.filter ?? ''];
  return readInput(context, () => ({
    conditions: parseFilter(request.filter, ['name']),
    limit: request.pageSize + 1,
    after: request.pageToken ? decodePageToken(query, request.pageToken).id : undefined,
    of(found) {
      const items = found.slice(0, request.pageSize);
      const last = items.at(-1);
      if (found.length <= items.length || last === undefined) return { items };
      return { items, nextPageToken: encodePageToken(query, { value: '', id: last.id }) };
    },
  }));
}
