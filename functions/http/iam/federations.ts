import { contentEtag } from '../../../registry/identity/etag.ts';
import {
  createFederation,
  deleteFederation,
  getFederation,
  listFederations,
  updateFederation,
} from '../../../registry/identity/federations.ts';
import {
  createFederationBody,
  federation,
  federationList,
  federationPath,
  listFederationsQuery,
  updateFederationBody,
} from '../../../schema/wire/iam/federation.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { federationShape } from './workload-shapes.ts';

const TAGS = ['Workload identity'];
const FEDERATIONS = '/iam/v1/workload/oidc/federations';
const FEDERATION = `${FEDERATIONS}/{federationId}` as const;

const list = route({
  method: 'get',
  path: FEDERATIONS,
  tags: TAGS,
  summary: 'List the OIDC federations of a folder',
  request: { query: listFederationsQuery },
  responses: answer(federationList, 'One page of federations'),
});

const create = route({
  method: 'post',
  path: FEDERATIONS,
  tags: TAGS,
  summary: 'Create an OIDC federation',
  request: { body: jsonOf(createFederationBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: FEDERATION,
  tags: TAGS,
  summary: 'Get an OIDC federation',
  request: { params: federationPath },
  responses: answer(federation, 'The federation'),
});

const update = route({
  method: 'patch',
  path: FEDERATION,
  tags: TAGS,
  summary: 'Update an OIDC federation',
  request: { params: federationPath, body: jsonOf(updateFederationBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: FEDERATION,
  tags: TAGS,
  summary: 'Delete an OIDC federation that no credential names',
  request: { params: federationPath },
  responses: answer(operation, 'The deletion, already done'),
});

export function mountFederations(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFederations(c.get('context'), c.req.valid('query'));
    return c.json(
      compact({ federations: page.items.map(federationShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createFederation(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const found = await getFederation(c.get('context'), c.req.valid('param').federationId);
    return answerSingle(c, await contentEtag(found), federationShape(found));
  });

  app.openapi(update, async (c) => {
    const { federationId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateFederation(c.get('context'), federationId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { federationId } = c.req.valid('param');
    return answerOperation(
      c,
      await deleteFederation(c.get('context'), federationId, c.req.header('If-Match')),
    );
  });
}
