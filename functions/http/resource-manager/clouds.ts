import {
  createCloud,
  deleteCloud,
  getCloud,
  listClouds,
  updateCloud,
} from '../../../registry/identity/clouds.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import { deletionQuery } from '../../../schema/wire/content.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  cloud,
  cloudList,
  cloudPath,
  createCloudBody,
  listCloudsQuery,
  updateCloudBody,
} from '../../../schema/wire/resource-manager/cloud.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { cloudShape } from './shapes.ts';

const TAGS = ['Clouds'];
const CLOUDS = '/resource-manager/v1/clouds';
const CLOUD = `${CLOUDS}/{cloudId}` as const;

const list = route({
  method: 'get',
  path: CLOUDS,
  tags: TAGS,
  summary: 'List the clouds that the caller may see',
  request: { query: listCloudsQuery },
  responses: answer(cloudList, 'One page of clouds'),
});

const create = route({
  method: 'post',
  path: CLOUDS,
  tags: TAGS,
  summary: 'Create a cloud',
  request: { body: jsonOf(createCloudBody) },
  responses: answer(operation, 'The creation, already done; the caller owns the cloud'),
});

const get = route({
  method: 'get',
  path: CLOUD,
  tags: TAGS,
  summary: 'Get a cloud',
  request: { params: cloudPath },
  responses: answer(cloud, 'The cloud'),
});

const update = route({
  method: 'patch',
  path: CLOUD,
  tags: TAGS,
  summary: 'Update a cloud',
  request: { params: cloudPath, body: jsonOf(updateCloudBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: CLOUD,
  tags: TAGS,
  summary: 'Delete a cloud that holds no folder',
  request: { params: cloudPath, query: deletionQuery },
  responses: answer(operation, 'The deletion, already done'),
});

export function mountClouds(app: App): void {
  app.openapi(list, async (c) => {
    const { organizationId, ...query } = c.req.valid('query');
    const page = await listClouds(c.get('context'), {
      ...query,
      organizationId: organizationId || undefined,
    });
    return c.json(compact({ clouds: page.items.map(cloudShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createCloud(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const found = await getCloud(c.get('context'), c.req.valid('param').cloudId);
    return answerSingle(c, await contentEtag(found), cloudShape(found));
  });

  app.openapi(update, async (c) => {
    const { cloudId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await updateCloud(c.get('context'), cloudId, c.req.valid('json'), ifMatch));
  });

  app.openapi(remove, async (c) => {
    const { cloudId } = c.req.valid('param');
    const { deleteAfter } = c.req.valid('query');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await deleteCloud(c.get('context'), cloudId, { deleteAfter, ifMatch }));
  });
}
