import { failedPrecondition, notFound } from '../../core/errors.ts';
import { TEST_EVENT } from '../../core/webhooks.ts';
import { clearGuards } from '../../db/guards.ts';
import {
  deliverAgain,
  demandDelivery,
  demandWebhook,
  findDelivery,
  findWebhook,
  insertDelivery,
  insertDeliveryJobs,
  type Webhook,
} from '../../db/webhooks.ts';
import type { WebhookDeliveryRow } from '../../schema/tables/records.ts';
import { readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { requireResource } from '../resources.ts';
import { payloadOf, writeAndTell } from './announce.ts';

/**
 * Sends a webhook an event that means nothing, whatever it wants to be told of. out: the delivery, which is still to
 * be made. Throws NOT_FOUND, PERMISSION_DENIED, and FAILED_PRECONDITION for a webhook that is disabled.
 */
export function testWebhook(context: CallerContext, id: string): Promise<WebhookDeliveryRow> {
  const resource = { kind: 'webhook', id } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows } = await readToChange(context, resource, [findWebhook(orm, id)]);
    const webhook = requireResource(rows[0][0], access, resource, 'compute.webhooks.update');
    demandEnabled(webhook);
    const { folderId } = webhook;
    const at = context.now();
    const delivery: WebhookDeliveryRow = {
      id: newId(context, 'delivery'),
      webhookId: id,
      eventId: newId(context, 'event'),
      type: TEST_EVENT,
      payload: payloadOf(context, { type: TEST_EVENT, folderId, data: { webhookId: id, folderId } }, at),
      status: 'PENDING',
      createdAt: at,
      attempts: 0,
      lastAttemptAt: null,
      lastStatus: null,
      lastError: null,
    };
    await writeAndTell(context, [
      demandWebhook(orm, webhook),
      insertDelivery(orm, delivery),
      insertDeliveryJobs(orm, [delivery.id], { at, requestId: context.requestId }),
      clearGuards(orm),
    ]);
    return delivery;
  });
}

/**
 * Makes a delivery anew, whatever became of it: the same event with the same id, tried as often as a new one.
 * Throws NOT_FOUND, PERMISSION_DENIED, and FAILED_PRECONDITION for a webhook that is disabled.
 */
export async function redeliver(
  context: CallerContext,
  webhookId: string,
  deliveryId: string,
): Promise<WebhookDeliveryRow> {
  const resource = { kind: 'webhook', id: webhookId } as const;
  const delivery = await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows } = await readToChange(context, resource, [
      findWebhook(orm, webhookId),
      findDelivery(orm, deliveryId),
    ]);
    const [[row], [found]] = rows;
    const webhook = requireResource(row, access, resource, 'compute.webhooks.update');
    if (found?.webhookId !== webhookId) throw notFound('Delivery', deliveryId);
    demandEnabled(webhook);
    await context.db.write([
      demandWebhook(orm, webhook),
      demandDelivery(orm, deliveryId),
      ...deliverAgain(orm, deliveryId, context.requestId, context.now()),
      clearGuards(orm),
    ]);
    return { ...found, status: 'PENDING', attempts: 0 } as const;
  });
  await context.jobs.send(deliveryId);
  return delivery;
}

function demandEnabled({ id, enabled }: Webhook): void {
  if (enabled) return;
  throw failedPrecondition(id, 'DISABLED', `Webhook "${id}" is disabled; enable it first`);
}
