import { invalidField, notFound, permissionDenied } from '../../core/errors.ts';
import { parseFilter } from '../../core/list-query.ts';
import { decodePageToken, encodePageToken, type PagePosition } from '../../core/page-token.ts';
import { findPlace } from '../../db/access.ts';
import { type AuditPage, EVENT_PLACES, listAuditEvents as pageOfEvents } from '../../db/audit.ts';
import type { AuditEventRow } from '../../schema/tables/records.ts';
import { readAs, readInput, requireCredential } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { visibleTo } from '../identity/visible.ts';
import type { Page } from '../lists.ts';

/** An event as verbs hand it out. */
export type AuditRecord = AuditEventRow;

export interface ListAuditEvents {
  /** Exactly one of these. */
  readonly folderId?: string | undefined;
  readonly resourceId?: string | undefined;
  /** Epoch milliseconds, `from` included and `to` not. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** On `action` and `actorId`. */
  readonly filter?: string | undefined;
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

const PERMISSION = 'audit.events.list';
/** An event may be long, so that a page may be shorter than it was asked for. */
const EVENTS_PER_PAGE = 100;

/**
 * What was changed in a folder, or of one resource, newest first; also of what is gone. The events of a resource that
 * was moved are seen by those who may see those of the folder where it was then.
 * Throws INVALID_ARGUMENT; PERMISSION_DENIED for a folder; NOT_FOUND for a resource of which no event can be seen.
 */
export async function listAuditEvents(
  context: CallerContext,
  request: ListAuditEvents,
): Promise<Page<AuditRecord>> {
  const page = await readInput(context, () => pageOf(request));
  const { of, size, query } = page;
  const found =
    'folderId' in of
      ? await eventsOfFolder(context, of.folderId, page)
      : await eventsOfResource(context, of.resourceId, page);
  const items = found.slice(0, size);
  const last = items.at(-1);
  if (found.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.at, id: `${last.sequence}` }) };
}

async function eventsOfFolder(
  context: CallerContext,
  folderId: string,
  page: AuditPage,
): Promise<readonly AuditRecord[]> {
  const { orm } = context.db;
  const scope = { kind: 'auditedFolder', id: folderId } as const;
  const { access, rows } = await readAs(context, scope, [
    findPlace(orm, requireCredential(context), scope),
    pageOfEvents(orm, page),
  ]);
  const [[place], found] = rows;
  if (place === undefined || !access.allows(PERMISSION)) throw permissionDenied('folder', folderId);
  return found;
}

async function eventsOfResource(
  context: CallerContext,
  resourceId: string,
  page: AuditPage,
): Promise<readonly AuditRecord[]> {
  const { orm } = context.db;
  const visible = visibleTo(context, PERMISSION, EVENT_PLACES);
  const whole = { from: undefined, to: undefined, conditions: [], before: undefined };
  const { rows } = await readAs(context, { kind: 'none', id: '' }, [
    pageOfEvents(orm, { ...page, visible }),
    pageOfEvents(orm, { of: page.of, ...whole, limit: 1, visible }),
  ]);
  const [found, any] = rows;
  if (any.length === 0) throw notFound('Resource', resourceId);
  return found;
}

/** Reads what a client asks for; `query` is everything that makes it this list and no other. */
function pageOf(request: ListAuditEvents): AuditPage & { readonly size: number; readonly query: string[] } {
  const { from, to, filter, pageSize, pageToken } = request;
  const of = exactlyOne(request);
  if (from !== undefined && to !== undefined && from > to) {
    throw invalidField('from', 'must not be later than to');
  }
  const conditions = parseFilter(filter, ['action', 'actorId']);
  const query = ['audit events', ...Object.entries(of).flat(), `${from}`, `${to}`, filter ?? ''];
  const size = Math.min(pageSize, EVENTS_PER_PAGE);
  const before = pageToken ? positionOf(decodePageToken(query, pageToken)) : undefined;
  // One more than asked for tells whether there is a next page.
  return { of, from, to, conditions, before, limit: size + 1, size, query };
}

function positionOf({ value, id }: PagePosition): NonNullable<AuditPage['before']> {
  return { at: Number(value), sequence: Number(id) };
}

function exactlyOne({ folderId, resourceId }: ListAuditEvents): AuditPage['of'] {
  if (folderId && !resourceId) return { folderId };
  if (resourceId && !folderId) return { resourceId };
  throw invalidField('folder_id', 'give either this or resource_id');
}
