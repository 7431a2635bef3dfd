import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import {
  findWebhook,
  listDeliveries as pageOfDeliveries,
  listWebhooks as pageOfWebhooks,
  type Webhook,
} from '../../db/webhooks.ts';
import type { WebhookDeliveryRow } from '../../schema/tables/records.ts';
import { readAs, readInput, requireInFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type PageRequest, readPage } from '../identity/pages.ts';
import type { Page } from '../lists.ts';
import { requireResource } from '../resources.ts';

/** One webhook. Throws NOT_FOUND. */
export async function getWebhook(context: CallerContext, id: string): Promise<Webhook> {
  const resource = { kind: 'webhook', id } as const;
  const { access, rows } = await readAs(context, resource, [findWebhook(context.db.orm, id)]);
  return requireResource(rows[0][0], access, resource, 'compute.webhooks.get');
}

/** The webhooks of exactly this folder, sorted by id. Throws PERMISSION_DENIED, INVALID_ARGUMENT. */
export async function listWebhooks(
  context: CallerContext,
  { folderId, ...request }: PageRequest & { readonly folderId: string },
): Promise<Page<Webhook>> {
  const { orm } = context.db;
  const page = await readPage(context, ['webhooks', folderId], request);
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    pageOfWebhooks(orm, folderId, page.limit, page.after),
  ]);
  requireInFolder(access, 'compute.webhooks.list', folderId);
  return page.of(rows[0]);
}

/** What was delivered to a webhook, or is to be, newest first. Throws NOT_FOUND, INVALID_ARGUMENT. */
export async function listDeliveries(
  context: CallerContext,
  webhookId: string,
  { pageSize, pageToken }: PageRequest,
): Promise<Page<WebhookDeliveryRow>> {
  const { orm } = context.db;
  const resource = { kind: 'webhook', id: webhookId } as const;
  const query = ['webhook deliveries', webhookId];
  const after = await readInput(context, () => {
    if (!pageToken) return undefined;
    const { value, id } = decodePageToken(query, pageToken);
    return { createdAt: Number(value), id };
  });
  const { access, rows } = await readAs(context, resource, [
    findWebhook(orm, webhookId),
    pageOfDeliveries(orm, webhookId, pageSize + 1, after),
  ]);
  const [[webhook], found] = rows;
  requireResource(webhook, access, resource, 'compute.webhooks.get');
  const items = found.slice(0, pageSize);
  const last = items.at(-1);
  if (found.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.createdAt, id: last.id }) };
}
