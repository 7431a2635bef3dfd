import { EVENT_TYPES, type EventType, TEST_EVENT } from '../../../core/webhooks.ts';
import * as z from '../../zod.ts';
import { containerName, description, updateMask } from '../content.ts';
import {
  bool,
  message,
  nextPageToken,
  pageSize,
  pageToken,
  query,
  requiredText,
  timestamp,
} from '../json.ts';

const MAX_URL_CHARACTERS = 2048;

const url = requiredText(MAX_URL_CHARACTERS).openapi({
  description: 'where events are sent to: an HTTPS address of the public internet',
  example: 'https://hooks.example.com/bullion',
});

const EVENTS = {
  description: 'the types of events that are told; all without any',
  example: ['image.ready', 'family.latest-changed'],
};

const events = z
  .array(z.string({ error: 'expected a string' }), { error: 'expected a list' })
  .max(100, 'at most 100 types are allowed')
  .superRefine((given, context) => {
    for (const [index, type] of given.entries()) {
      const fault = !(EVENT_TYPES as readonly string[]).includes(type)
        ? `must be one of ${EVENT_TYPES.join(', ')}`
        : given.indexOf(type) !== index
          ? `${type} is given twice`
          : undefined;
      if (fault !== undefined) context.addIssue({ code: 'custom', path: [index], message: fault });
    }
  })
  .transform((given) => given as EventType[])
  .openapi({ type: 'array', items: { type: 'string', enum: [...EVENT_TYPES] }, ...EVENTS });

const enabled = bool().openapi({ description: 'whether it is told anything; true unless given' });

export const createWebhookBody = message({
  folderId: requiredText(50),
  name: containerName,
  description,
  url,
  events: events.default([]),
  enabled: enabled.default(true),
}).openapi('CreateWebhookRequest', {
  example: {
    folderId: 'default',
    name: 'fleet',
    url: 'https://hooks.example.com/bullion',
    events: ['family.latest-changed'],
  },
});

export const updateWebhookBody = message({
  updateMask,
  name: containerName.optional(),
  description,
  url: url.optional(),
  events: events.optional(),
  enabled: enabled.optional(),
}).openapi('UpdateWebhookRequest', { example: { updateMask: 'enabled', enabled: false } });

export const webhookPath = z.object({ webhookId: requiredText(50) });
export const deliveryPath = z.object({ webhookId: requiredText(50), deliveryId: requiredText(50) });
export const listWebhooksQuery = query({ folderId: requiredText(50), pageSize, pageToken });
export const deliveriesPage = query({ pageSize, pageToken });

const WEBHOOK = {
  id: 'fd8s5d7f9g1h3j5k7l9z',
  folderId: 'default',
  createdAt: '2026-04-01T07:13:41.123Z',
  name: 'fleet',
  url: 'https://hooks.example.com/bullion',
  events: ['family.latest-changed' as const],
  enabled: true,
  etag: 'fd8s5d7f9g1h3j5k7l9z-1',
};

export const webhook = z
  .object({
    id: z.string(),
    folderId: z.string(),
    createdAt: timestamp,
    name: z.string(),
    description: z.string().optional(),
    url: z.string().openapi({ description: 'where events are sent to' }),
    events: z.array(z.enum(EVENT_TYPES)).optional().openapi(EVENTS),
    enabled: z
      .boolean()
      .optional()
      .openapi({ description: 'missing when it is told nothing; a receiver that answers 410 does that too' }),
    etag: z.string(),
  })
  .openapi('Webhook', { example: WEBHOOK });

export const webhookWithSecret = z
  .object({
    webhook,
    secret: z.string().openapi({
      description:
        'the key that deliveries are signed with, in base64 behind `whsec_`; shown here and never again',
    }),
  })
  .openapi('WebhookWithSecret', {
    example: { webhook: WEBHOOK, secret: 'whsec_bm90IGEgc2VjcmV0IG9mIGFueWJvZHksIGp1c3Q=' },
  });

export const webhookList = z
  .object({ webhooks: z.array(webhook).optional(), nextPageToken })
  .openapi('ListWebhooksResponse');

export const delivery = z
  .object({
    id: z.string(),
    eventId: z.string(),
    type: z.enum([...EVENT_TYPES, TEST_EVENT]),
    status: z.enum(['PENDING', 'DELIVERED', 'FAILED']),
    attempts: z.number().int(),
    createdAt: timestamp,
    lastAttemptAt: timestamp.optional(),
    lastStatus: z.number().int().optional(),
    lastError: z.string().optional(),
  })
  .openapi('WebhookDelivery', {
    example: {
      id: 'fd8c6v8b0n2m4q6w8e0r',
      eventId: 'fd8t3y5u7i9o1p3a5s7d',
      type: 'family.latest-changed',
      status: 'PENDING',
      attempts: 1,
      createdAt: '2026-04-01T07:13:41.123Z',
      lastAttemptAt: '2026-04-01T07:13:41.512Z',
      lastStatus: 503,
      lastError: 'the receiver answered 503',
    },
  });

export const deliveryList = z
  .object({ deliveries: z.array(delivery).optional(), nextPageToken })
  .openapi('ListWebhookDeliveriesResponse');
