import { CLOUD, createCloud, listClouds } from '../../../registry/identity/clouds.ts';
import { deleteContainer, getContainer, updateContainer } from '../../../registry/identity/containers.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  cloud,
  cloudDeletionQuery,
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
const CLOUDS_PATH = '/resource-manager/v1/clouds';
const CLOUD_PATH = `${CLOUDS_PATH}/{cloudId}` as const;

const list = route({
  method: 'get',
  path: CLOUDS_PATH,
  tags: TAGS,
  summary: 'List the clouds that the caller may see',
  request: { query: listCloudsQuery },
  responses: answer(cloudList, 'One page of clouds'),
});

const create = route({
  method: 'post',
  path: CLOUDS_PATH,
  tags: TAGS,
  summary: 'Create a cloud',
  request: { body: jsonOf(createCloudBody) },
  responses: answer(operation, 'The creation, already done; the caller owns the cloud'),
});

const get = route({
  method: 'get',
  path: CLOUD_PATH,
  tags: TAGS,
  summary: 'Get a cloud',
  request: { params: cloudPath },
  responses: answer(cloud, 'The cloud'),
});

const update = route({
  method: 'patch',
  path: CLOUD_PATH,
  tags: TAGS,
  summary: 'Update a cloud',
  request: { params: cloudPath, body: jsonOf(updateCloudBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: CLOUD_PATH,
  tags: TAGS,
  summary: 'Delete a cloud that holds no folder',
  request: { params: cloudPath, query: cloudDeletionQuery },
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
    const found = await getContainer(c.get('context'), CLOUD, c.req.valid('param').cloudId);
    return answerSingle(c, await contentEtag(found), cloudShape(found));
  });

  app.openapi(update, async (c) => {
    const { cloudId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateContainer(c.get('context'), CLOUD, cloudId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { cloudId } = c.req.valid('param');
    const { deleteAfter } = c.req.valid('query');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await deleteContainer(c.get('context'), CLOUD, cloudId, { deleteAfter, ifMatch }),
    );
  });
}
