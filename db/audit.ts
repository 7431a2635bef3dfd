import { and, desc, eq, getTableColumns, gte, lt, type SQL, sql } from 'drizzle-orm';
import type { Condition } from '../core/list-query.ts';
import { type AuditEventRow, auditEvents } from '../schema/tables/records.ts';
import type { Orm, Statement } from './client.ts';

export type NewAuditEvent = Omit<AuditEventRow, 'sequence'>;

export function insertAuditEvent(orm: Orm, event: NewAuditEvent): Statement {
  return orm.insert(auditEvents).values(event);
}

/** Many at once: their number does not count for the limit of statements. */
export function insertAuditEvents(orm: Orm, events: readonly NewAuditEvent[]): Statement {
  const of = (name: keyof NewAuditEvent) => sql`json_extract(event.value, ${`$.${name}`})`;
  return orm.insert(auditEvents).select(
    sql`SELECT NULL, ${of('id')}, ${of('at')}, ${of('actorId')}, ${of('action')}, ${of('resourceKind')},
        ${of('resourceId')}, ${of('folderId')}, ${of('cloudId')}, ${of('requestId')}, ${of('operationId')},
        ${of('before')}, ${of('after')}
      FROM json_each(${JSON.stringify(events)}) AS event`,
  );
}

/** What a page of events holds: at most `limit` rows older than `before`, newest first. */
export interface AuditPage {
  /** Exactly one of them. */
  readonly of: { readonly folderId: string } | { readonly resourceId: string };
  /** Epoch milliseconds, `from` included and `to` not. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** On `action` and `actorId`. */
  readonly conditions: readonly Condition[];
  readonly before: Pick<AuditEventRow, 'at' | 'sequence'> | undefined;
  readonly limit: number;
  /** Holds for events that the caller may see; may name columns of the table. */
  readonly visible?: SQL;
}

const FILTERED: Readonly<Record<string, SQL>> = { action: sql`action`, actorId: sql`actor_id` };

/** Newest first. A page costs what it holds, wherever it is: the indexes end with the time and the sequence. */
export function listAuditEvents(orm: Orm, page: AuditPage) {
  const { of, from, to, conditions, before, limit, visible } = page;
  return orm
    .select(getTableColumns(auditEvents))
    .from(auditEvents)
    .where(
      and(
        'folderId' in of ? eq(auditEvents.folderId, of.folderId) : eq(auditEvents.resourceId, of.resourceId),
        before === undefined ? undefined : sql`(at, sequence) < (${before.at}, ${before.sequence})`,
        from === undefined ? undefined : gte(auditEvents.at, from),
        to === undefined ? undefined : lt(auditEvents.at, to),
        ...conditions.map(holds),
        visible,
      ),
    )
    .orderBy(desc(auditEvents.at), desc(auditEvents.sequence))
    .limit(limit);
}

function holds({ field, negated, values }: Condition): SQL {
  const not = negated ? sql`NOT` : sql``;
  return sql`${FILTERED[field]!} ${not} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}

/**
 * Where roles count for an event: on its resource, and on where that stood then. Of a cloud that is gone, the event of
 * its deletion tells the organization.
 */
export const EVENT_PLACES = sql`SELECT ${auditEvents.resourceKind}, ${auditEvents.resourceId}
  UNION ALL SELECT 'folder', ${auditEvents.folderId}
  UNION ALL SELECT 'cloud', ${auditEvents.cloudId}
  UNION ALL SELECT 'organization', clouds.organization_id FROM clouds WHERE clouds.id = ${auditEvents.cloudId}
  UNION ALL SELECT 'organization', json_extract(gone.before, '$.organizationId') FROM audit_events AS gone
    WHERE gone.resource_id = ${auditEvents.cloudId} AND gone.action = 'clouds.delete'`;
