import {
  getQuotaLimit,
  limitEtag,
  listQuotaLimits,
  listQuotaServices,
  updateQuotaLimit,
} from '../../../registry/quotas/limits.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  listQuotaLimitsQuery,
  listQuotaServicesQuery,
  quotaLimit,
  quotaLimitList,
  quotaLimitPath,
  quotaLimitQuery,
  quotaServiceList,
  updateQuotaLimitBody,
} from '../../../schema/wire/quota-manager/quota-limit.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { quotaLimitShape, resourceShape } from './shapes.ts';

const TAGS = ['Quotas'];
const LIMITS_PATH = '/quota-manager/v1/quotaLimits';
const LIMIT_PATH = `${LIMITS_PATH}/{quotaId}` as const;

const services = route({
  method: 'get',
  path: `${LIMITS_PATH}/services`,
  operationId: 'quotaLimits.listServices',
  tags: TAGS,
  summary: 'List the services that have quotas',
  request: { query: listQuotaServicesQuery },
  responses: answer(quotaServiceList, 'One page of services'),
});

const list = route({
  method: 'get',
  path: LIMITS_PATH,
  tags: TAGS,
  summary: 'List the quotas of a cloud',
  request: { query: listQuotaLimitsQuery },
  responses: answer(quotaLimitList, 'One page of quotas'),
});

const get = route({
  method: 'get',
  path: LIMIT_PATH,
  tags: TAGS,
  summary: 'Get a quota of a cloud',
  request: { params: quotaLimitPath, query: quotaLimitQuery },
  responses: answer(quotaLimit, 'The limit and its use'),
});

const update = route({
  method: 'patch',
  path: LIMIT_PATH,
  tags: TAGS,
  summary: 'Set a limit of a cloud; for administrators of the organization',
  request: { params: quotaLimitPath, body: jsonOf(updateQuotaLimitBody) },
  responses: answer(operation, 'The change, already done'),
});

export function mountQuotaLimits(app: App): void {
  // Before the routes with a parameter in the same place: what matches first counts.
  app.openapi(services, async (c) => {
    const page = await listQuotaServices(c.get('context'), c.req.valid('query'));
    return c.json(compact({ services: [...page.items], nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(list, async (c) => {
    const { 'resource.id': cloudId, service, ...request } = c.req.valid('query');
    const page = await listQuotaLimits(c.get('context'), cloudId, service, request);
    return c.json(
      compact({
        resource: resourceShape(cloudId),
        quotaLimits: page.items.map(quotaLimitShape),
        nextPageToken: page.nextPageToken,
      }),
      200,
    );
  });

  app.openapi(get, async (c) => {
    const { 'resource.id': cloudId } = c.req.valid('query');
    const found = await getQuotaLimit(c.get('context'), cloudId, c.req.valid('param').quotaId);
    return answerSingle(c, limitEtag(found), quotaLimitShape(found));
  });

  app.openapi(update, async (c) => {
    const { quotaId } = c.req.valid('param');
    const { resource, limit } = c.req.valid('json');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await updateQuotaLimit(c.get('context'), resource.id, quotaId, limit, ifMatch));
  });
}
