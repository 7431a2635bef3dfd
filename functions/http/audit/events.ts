import type { z } from 'zod';
import { type AuditRecord, listAuditEvents } from '../../../registry/audit/list.ts';
import { type auditEvent, auditEventList, listAuditEventsQuery } from '../../../schema/wire/audit.ts';
import { type App, answer, route } from '../app.ts';
import { compact, time } from '../wire.ts';

/** How resources are called outside. */
const TYPES: Readonly<Record<string, string>> = {
  image: 'compute.image',
  disk: 'compute.disk',
  snapshot: 'compute.snapshot',
  imageFamily: 'compute.imageFamily',
  webhook: 'compute.webhook',
  folder: 'resource-manager.folder',
  cloud: 'resource-manager.cloud',
  serviceAccount: 'iam.serviceAccount',
  apiKey: 'iam.apiKey',
  authorizedKey: 'iam.authorizedKey',
  federation: 'iam.federation',
  federatedCredential: 'iam.federatedCredential',
  quotaRequest: 'quota-manager.quotaRequest',
};

const list = route({
  method: 'get',
  path: '/audit/v1/events',
  tags: ['Audit'],
  summary: 'List what was changed in a folder or of a resource, and by whom',
  request: { query: listAuditEventsQuery },
  responses: answer(auditEventList, 'One page, newest first'),
});

export function mountAudit(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listAuditEvents(c.get('context'), c.req.valid('query'));
    return c.json(compact({ events: page.items.map(eventShape), nextPageToken: page.nextPageToken }), 200);
  });
}

function eventShape(event: AuditRecord): z.infer<typeof auditEvent> {
  const { id, actorId, action, folderId, cloudId, requestId, operationId } = event;
  return {
    id,
    createdAt: time(event.at),
    actorId,
    action,
    resource: { type: TYPES[event.resourceKind] ?? event.resourceKind, id: event.resourceId },
    requestId,
    ...compact({ folderId, cloudId, operationId }),
    ...(event.before === null ? {} : { before: fieldsShape(event.before) }),
    ...(event.after === null ? {} : { after: fieldsShape(event.after) }),
  } as z.infer<typeof auditEvent>;
}

/** The fields of a record with its times as they are shown everywhere. */
function fieldsShape(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'number' && /[a-z]At$/.test(name) ? time(value) : value,
    ]),
  );
}
