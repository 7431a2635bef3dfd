import type { AccessBinding } from '../../core/access-bindings.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import { findStanding, listBindings } from '../../db/access-bindings.ts';
import { readAs, readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';
import { requireResource } from '../resources.ts';
import { BOUND, type BoundResource } from './bound.ts';

/**
 * The bindings set directly on a resource, not those above it, in the order in which they were made.
 * Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT for a page token of another list.
 */
export async function listAccessBindings(
  context: CallerContext,
  resource: BoundResource,
  page: { readonly pageSize: number; readonly pageToken?: string | undefined },
): Promise<Page<AccessBinding>> {
  const { orm } = context.db;
  const query = ['access bindings', resource.kind, resource.id];
  const after = await readInput(context, () =>
    page.pageToken ? Number(decodePageToken(query, page.pageToken).value) : undefined,
  );
  const { access, rows } = await readAs(context, resource, [
    findStanding(orm, resource),
    listBindings(orm, resource, page.pageSize + 1, after),
  ]);
  const [[standing], found] = rows;
  requireResource(standing, access, resource, BOUND[resource.kind].read);
  const shown = found.slice(0, page.pageSize);
  const last = shown.at(-1);
  const items = shown.map(({ roleId, subjectType, subjectId }) => ({
    roleId,
    subject: { type: subjectType, id: subjectId },
  }));
  if (found.length <= shown.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.position, id: '' }) };
}
