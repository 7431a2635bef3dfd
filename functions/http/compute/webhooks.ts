import { revisionEtag } from '../../../registry/etag.ts';
import { createWebhook, type WithSecret } from '../../../registry/webhooks/create.ts';
import { getWebhook, listDeliveries, listWebhooks } from '../../../registry/webhooks/read.ts';
import { redeliver, testWebhook } from '../../../registry/webhooks/send.ts';
import { deleteWebhook, rotateWebhookSecret, updateWebhook } from '../../../registry/webhooks/update.ts';
import {
  createWebhookBody,
  deliveriesPage,
  delivery,
  deliveryList,
  deliveryPath,
  listWebhooksQuery,
  updateWebhookBody,
  webhook,
  webhookList,
  webhookPath,
  webhookWithSecret,
} from '../../../schema/wire/compute/webhook.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { deliveryShape, webhookShape } from './webhook-shape.ts';

const TAGS = ['Webhooks'];
const WEBHOOKS = '/compute/v1/webhooks';
const WEBHOOK = `${WEBHOOKS}/{webhookId}` as const;

const list = route({
  method: 'get',
  path: WEBHOOKS,
  tags: TAGS,
  summary: 'List the webhooks of a folder',
  request: { query: listWebhooksQuery },
  responses: answer(webhookList, 'One page of webhooks, without their secrets'),
});

const create = route({
  method: 'post',
  path: WEBHOOKS,
  tags: TAGS,
  summary: 'Create a webhook',
  request: { body: jsonOf(createWebhookBody) },
  responses: answer(webhookWithSecret, 'The webhook with its secret, which is shown this once'),
});

const get = route({
  method: 'get',
  path: WEBHOOK,
  tags: TAGS,
  summary: 'Get a webhook',
  request: { params: webhookPath },
  responses: answer(webhook, 'The webhook, without its secret'),
});

const update = route({
  method: 'patch',
  path: WEBHOOK,
  tags: TAGS,
  summary: 'Update a webhook',
  request: { params: webhookPath, body: jsonOf(updateWebhookBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: WEBHOOK,
  tags: TAGS,
  summary: 'Delete a webhook with the record of its deliveries',
  request: { params: webhookPath },
  responses: answer(operation, 'The deletion, already done: nothing is sent to it any more'),
});

const rotate = route({
  method: 'post',
  path: `${WEBHOOK}:rotateSecret`,
  tags: TAGS,
  summary: 'Give a webhook a new secret; the one before signs as well for 24 hours',
  request: { params: webhookPath },
  responses: answer(webhookWithSecret, 'The webhook with its new secret, which is shown this once'),
});

const test = route({
  method: 'post',
  path: `${WEBHOOK}:test`,
  tags: TAGS,
  summary: 'Send a webhook an event of the type webhook.test',
  request: { params: webhookPath },
  responses: answer(delivery, 'The delivery, which is still to be made'),
});

const deliveries = route({
  method: 'get',
  path: `${WEBHOOK}/deliveries`,
  tags: TAGS,
  summary: 'List what was delivered to a webhook, or is to be',
  request: { params: webhookPath, query: deliveriesPage },
  responses: answer(deliveryList, 'One page, newest first; kept for 30 days'),
});

const again = route({
  method: 'post',
  path: `${WEBHOOK}/deliveries/{deliveryId}:redeliver`,
  tags: TAGS,
  summary: 'Make a delivery anew, whatever became of it',
  request: { params: deliveryPath },
  responses: answer(delivery, 'The delivery, which is still to be made'),
});

export function mountWebhooks(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listWebhooks(c.get('context'), c.req.valid('query'));
    return c.json(
      compact({ webhooks: page.items.map(webhookShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });

  app.openapi(create, async (c) =>
    c.json(withSecret(await createWebhook(c.get('context'), c.req.valid('json'))), 200),
  );

  app.openapi(get, async (c) => {
    const found = await getWebhook(c.get('context'), c.req.valid('param').webhookId);
    return answerSingle(c, revisionEtag(found), webhookShape(found));
  });

  app.openapi(update, async (c) => {
    const { webhookId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await updateWebhook(c.get('context'), webhookId, c.req.valid('json'), ifMatch));
  });

  app.openapi(remove, async (c) => {
    const { webhookId } = c.req.valid('param');
    return answerOperation(c, await deleteWebhook(c.get('context'), webhookId, c.req.header('If-Match')));
  });

  app.openapi(rotate, async (c) => {
    const { webhookId } = c.req.valid('param');
    const rotated = await rotateWebhookSecret(c.get('context'), webhookId, c.req.header('If-Match'));
    return c.json(withSecret(rotated), 200);
  });

  app.openapi(test, async (c) =>
    c.json(deliveryShape(await testWebhook(c.get('context'), c.req.valid('param').webhookId)), 200),
  );

  app.openapi(deliveries, async (c) => {
    const { webhookId } = c.req.valid('param');
    const page = await listDeliveries(c.get('context'), webhookId, c.req.valid('query'));
    return c.json(
      compact({ deliveries: page.items.map(deliveryShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });

  app.openapi(again, async (c) => {
    const { webhookId, deliveryId } = c.req.valid('param');
    return c.json(deliveryShape(await redeliver(c.get('context'), webhookId, deliveryId)), 200);
  });
}

function withSecret({ webhook, secret }: WithSecret) {
  return { webhook: webhookShape(webhook), secret };
}
