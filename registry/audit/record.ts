import { differenceOf, type Facts } from '../../core/audit.ts';
import type { RegistryError } from '../../core/errors.ts';
import { insertAuditEvent, insertAuditEvents, type NewAuditEvent } from '../../db/audit.ts';
import type { Statement } from '../../db/client.ts';
import { type Context, newId } from '../context.ts';

/** Who changes something: a service account; `scheduled` for the clock, `registry` for the jobs behind operations. */
export type Actor = string;
export const SCHEDULED: Actor = 'scheduled';
export const REGISTRY: Actor = 'registry';

/** What a change made of a record: nothing before for one that was made, nothing after for one that is gone. */
export interface Change {
  readonly before?: object | undefined;
  readonly after?: object | undefined;
}

/** A resource with its place. */
export interface Audited {
  readonly kind: string;
  readonly id: string;
  readonly folderId: string | null;
  readonly cloudId: string | null;
}

export interface AuditEvent extends Change {
  readonly actorId: Actor;
  /** The method, as operations have it: `images.create`. */
  readonly action: string;
  readonly resource: Audited;
  readonly operationId?: string | null | undefined;
}

/** A record of this kind as the resource of an event. */
export function audited(kind: string, { id, folderId, cloudId }: Omit<Audited, 'kind'>): Audited {
  return { kind, id, folderId, cloudId };
}

/** The row that says who changed what; it stands in the batch of the change. What may not be kept is left out here. */
export function auditRow(context: Context, event: AuditEvent): Statement {
  return insertAuditEvent(context.db.orm, rowOf(context, event));
}

/** As `auditRow` for many changes in one batch, by one statement. */
export function auditRows(context: Context, events: readonly AuditEvent[]): Statement {
  return insertAuditEvents(
    context.db.orm,
    events.map((event) => rowOf(context, event)),
  );
}

function rowOf(context: Context, event: AuditEvent): NewAuditEvent {
  const { actorId, action, resource, operationId = null } = event;
  return {
    id: newId(context, 'event'),
    at: context.now(),
    actorId,
    action,
    resourceKind: resource.kind,
    resourceId: resource.id,
    folderId: resource.folderId,
    cloudId: resource.cloudId,
    requestId: context.requestId,
    operationId,
    ...differenceOf(event.before as Facts | undefined, event.after as Facts | undefined),
  };
}

/** The row about something that was begun and is taken back, such as a creation without its resource in the end. */
export function endedRow(
  context: Context,
  event: Omit<AuditEvent, keyof Change>,
  error: Pick<RegistryError, 'code' | 'message'>,
): Statement {
  const { code, message } = error;
  return auditRow(context, {
    ...event,
    after: { error: { code, message } },
  });
}
