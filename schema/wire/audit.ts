import * as z from '../zod.ts';
import { nextPageToken, optionalText, pageSize, pageToken, query, timestamp } from './json.ts';
import { timeBetween } from './time.ts';

const time = () => timeBetween('0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z').optional();

export const listAuditEventsQuery = query({
  folderId: optionalText(50).openapi({ description: 'a folder, which may be gone; this or `resourceId`' }),
  resourceId: optionalText(50).openapi({
    description: 'a resource by its id, which may be gone; this or `folderId`',
  }),
  from: time().openapi({ description: 'events of this time and later' }),
  to: time().openapi({ description: 'events before this time' }),
  filter: optionalText(1000).openapi({
    description: 'conditions on `action` and `actorId`, joined by AND; `=`, `!=`, `IN` and `NOT IN` compare',
    example: 'action = "images.delete"',
  }),
  pageSize,
  pageToken,
});

const fields = z.looseObject({});

export const auditEvent = z
  .object({
    id: z.string(),
    createdAt: timestamp.openapi({ description: 'when it was changed' }),
    actorId: z.string().openapi({
      description:
        'the service account that changed it; `scheduled` for the clock, `registry` for what a running operation came to',
    }),
    action: z.string().openapi({ description: 'the method', example: 'images.update' }),
    resource: z
      .object({
        type: z.string().openapi({ description: 'what kind of resource it is', example: 'compute.image' }),
        id: z.string(),
      })
      .openapi({ description: 'what was changed; it may be gone' }),
    folderId: z.string().optional().openapi({ description: 'the folder in which it stood' }),
    cloudId: z.string().optional(),
    requestId: z
      .string()
      .openapi({ description: '`X-Request-Id` of the request that changed it, or that began it' }),
    operationId: z.string().optional().openapi({ description: 'the operation of the change' }),
    before: fields
      .optional()
      .openapi({ description: 'the fields that differ, as they were; missing for what was made' }),
    after: fields
      .optional()
      .openapi({ description: 'the same fields as they were then; missing for what is gone' }),
  })
  .openapi('AuditEvent', {
    description: 'Who changed what',
    example: {
      id: 'fd8e2v5n7t0q3k9m4x1z',
      createdAt: '2026-04-01T07:13:41.123Z',
      actorId: 'ajek4h1v9r6w3b8n0q5m',
      action: 'images.update',
      resource: { type: 'compute.image', id: 'fd8q3k0v5m2r7t9w1x4z' },
      folderId: 'b1gd4f7s2k9m6n1p8q3t',
      cloudId: 'b1g8c5v2x9z4n7m1k6j3',
      requestId: '0b9f7a52-6c1e-4f0e-8f86-5f1d2b7c9a10',
      operationId: 'fd8r6t1y8u3i5o0p2a7s',
      before: { name: 'base-2026-03' },
      after: { name: 'base-2026-04' },
    },
  });

export const auditEventList = z
  .object({
    events: z
      .array(auditEvent)
      .optional()
      .openapi({ description: 'the events of this page, newest first; at most 100' }),
    nextPageToken,
  })
  .openapi('ListAuditEventsResponse');
