import { notFound } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import { isRoleId, ROLES } from '../../core/roles.ts';
import { authenticate } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../images/list.ts';

export interface RoleDescription {
  readonly id: string;
  readonly description: string;
}

const QUERY = ['roles'];
const ALL: readonly RoleDescription[] = Object.entries(ROLES)
  .map(([id, { description }]) => ({ id, description }))
  .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Every role that can be bound, sorted by id, for any caller. */
export async function listRoles(
  context: CallerContext,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken?: string | undefined },
): Promise<Page<RoleDescription>> {
  await authenticate(context);
  const after = pageToken ? String(decodePageToken(QUERY, pageToken).value) : '';
  const rest = ALL.filter(({ id }) => id > after);
  const items = rest.slice(0, pageSize);
  const last = items.at(-1);
  if (rest.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(QUERY, { value: last.id, id: '' }) };
}

/** One role, for any caller. Throws NOT_FOUND. */
export async function getRole(context: CallerContext, id: string): Promise<RoleDescription> {
  await authenticate(context);
  if (!isRoleId(id)) throw notFound('Role', id);
  return { id, description: ROLES[id].description };
}
