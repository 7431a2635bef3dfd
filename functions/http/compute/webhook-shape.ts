import type { z } from 'zod';
import { revisionEtag } from '../../../registry/etag.ts';
import type { Webhook } from '../../../registry/webhooks/create.ts';
import type { WebhookDeliveryRow } from '../../../schema/tables/records.ts';
import type {
  delivery as deliveryWire,
  webhook as webhookWire,
} from '../../../schema/wire/compute/webhook.ts';
import { compact, time } from '../wire.ts';

export const WEBHOOK_TYPE = 'bullion.v1.Webhook';

/** A webhook as it is shown, without what signs its deliveries. */
export function webhookShape(webhook: Webhook): z.infer<typeof webhookWire> {
  const { id, folderId, createdAt, name, description, url, events, enabled } = webhook;
  return compact({
    id,
    folderId,
    createdAt: time(createdAt),
    name,
    description,
    url,
    events,
    enabled,
    etag: revisionEtag(webhook),
  }) as z.infer<typeof webhookWire>;
}

/** One entry of the record of deliveries. */
export function deliveryShape(delivery: WebhookDeliveryRow): z.infer<typeof deliveryWire> {
  const { id, eventId, type, status, attempts, createdAt, lastAttemptAt, lastStatus, lastError } = delivery;
  return compact({
    id,
    eventId,
    type,
    status,
    attempts,
    createdAt: time(createdAt),
    lastAttemptAt: lastAttemptAt === null ? undefined : time(lastAttemptAt),
    lastStatus,
    lastError,
  }) as z.infer<typeof deliveryWire>;
}
