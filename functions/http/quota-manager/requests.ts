import { revisionEtag } from '../../../registry/etag.ts';
import { createQuotaRequest, getQuotaRequest, listQuotaRequests } from '../../../registry/quotas/requests.ts';
import {
  approveQuotaRequest,
  cancelQuotaRequest,
  rejectQuotaRequest,
} from '../../../registry/quotas/settle-request.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  approveQuotaRequestBody,
  cancelQuotaRequestBody,
  createQuotaRequestBody,
  listQuotaRequestsQuery,
  quotaRequest,
  quotaRequestList,
  quotaRequestPath,
  rejectQuotaRequestBody,
} from '../../../schema/wire/quota-manager/quota-request.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { quotaRequestShape } from './shapes.ts';

const TAGS = ['Quotas'];
const REQUESTS_PATH = '/quota-manager/v1/quotaRequests';
const REQUEST_PATH = `${REQUESTS_PATH}/{quotaRequestId}` as const;

const list = route({
  method: 'get',
  path: REQUESTS_PATH,
  tags: TAGS,
  summary: 'List the quota requests of a cloud',
  request: { query: listQuotaRequestsQuery },
  responses: answer(quotaRequestList, 'One page of requests'),
});

const create = route({
  method: 'post',
  path: REQUESTS_PATH,
  tags: TAGS,
  summary: 'Ask for other limits',
  request: { body: jsonOf(createQuotaRequestBody) },
  responses: answer(operation, 'The request; done when all of it is settled'),
});

const get = route({
  method: 'get',
  path: REQUEST_PATH,
  tags: TAGS,
  summary: 'Get a quota request',
  request: { params: quotaRequestPath },
  responses: answer(quotaRequest, 'The request'),
});

const cancel = route({
  method: 'post',
  path: `${REQUEST_PATH}/cancel`,
  operationId: 'quotaRequests.cancel',
  tags: TAGS,
  summary: 'Take back quotas of a request',
  request: { params: quotaRequestPath, body: jsonOf(cancelQuotaRequestBody) },
  responses: answer(operation, 'The change, already done'),
});

const approve = route({
  method: 'post',
  path: `${REQUEST_PATH}:approve`,
  tags: TAGS,
  summary: 'Approve quotas of a request, which sets their limits; for administrators of the organization',
  request: { params: quotaRequestPath, body: jsonOf(approveQuotaRequestBody) },
  responses: answer(operation, 'The change, already done'),
});

const reject = route({
  method: 'post',
  path: `${REQUEST_PATH}:reject`,
  tags: TAGS,
  summary: 'Reject quotas of a request; for administrators of the organization',
  request: { params: quotaRequestPath, body: jsonOf(rejectQuotaRequestBody) },
  responses: answer(operation, 'The change, already done'),
});

export function mountQuotaRequests(app: App): void {
  app.openapi(list, async (c) => {
    const { 'resource.id': cloudId, ...request } = c.req.valid('query');
    const page = await listQuotaRequests(c.get('context'), cloudId, request);
    return c.json(
      compact({ quotaRequests: page.items.map(quotaRequestShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });

  app.openapi(create, async (c) => {
    const { resource, desiredQuotaLimits } = c.req.valid('json');
    return answerOperation(
      c,
      await createQuotaRequest(c.get('context'), { cloudId: resource.id, desiredQuotaLimits }),
    );
  });

  app.openapi(get, async (c) => {
    const found = await getQuotaRequest(c.get('context'), c.req.valid('param').quotaRequestId);
    return answerSingle(c, revisionEtag(found), quotaRequestShape(found));
  });

  app.openapi(cancel, async (c) => {
    const { quotaRequestId } = c.req.valid('param');
    const { quotaIds } = c.req.valid('json');
    return answerOperation(c, await cancelQuotaRequest(c.get('context'), quotaRequestId, quotaIds));
  });

  app.openapi(approve, async (c) => {
    const { quotaRequestId } = c.req.valid('param');
    const { items } = c.req.valid('json');
    return answerOperation(c, await approveQuotaRequest(c.get('context'), quotaRequestId, items));
  });

  app.openapi(reject, async (c) => {
    const { quotaRequestId } = c.req.valid('param');
    const { quotaIds, message } = c.req.valid('json');
    return answerOperation(c, await rejectQuotaRequest(c.get('context'), quotaRequestId, quotaIds, message));
  });
}
