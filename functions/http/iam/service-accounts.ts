import { deleteContainer, getContainer, updateContainer } from '../../../registry/identity/containers.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import {
  createServiceAccount,
  listServiceAccounts,
  SERVICE_ACCOUNT,
} from '../../../registry/identity/service-accounts.ts';
import { reactivateServiceAccount, suspendServiceAccount } from '../../../registry/identity/suspension.ts';
import {
  createServiceAccountBody,
  listServiceAccountsQuery,
  serviceAccount,
  serviceAccountList,
  serviceAccountPath,
  updateServiceAccountBody,
} from '../../../schema/wire/iam/service-account.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { serviceAccountShape } from './shapes.ts';

const TAGS = ['Service accounts'];
const ACCOUNTS_PATH = '/iam/v1/serviceAccounts';
const ACCOUNT_PATH = `${ACCOUNTS_PATH}/{serviceAccountId}` as const;

const list = route({
  method: 'get',
  path: ACCOUNTS_PATH,
  tags: TAGS,
  summary: 'List the service accounts of a folder',
  request: { query: listServiceAccountsQuery },
  responses: answer(serviceAccountList, 'One page of service accounts'),
});

const create = route({
  method: 'post',
  path: ACCOUNTS_PATH,
  tags: TAGS,
  summary: 'Create a service account',
  request: { body: jsonOf(createServiceAccountBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: ACCOUNT_PATH,
  tags: TAGS,
  summary: 'Get a service account',
  request: { params: serviceAccountPath },
  responses: answer(serviceAccount, 'The service account'),
});

const update = route({
  method: 'patch',
  path: ACCOUNT_PATH,
  tags: TAGS,
  summary: 'Update a service account',
  request: { params: serviceAccountPath, body: jsonOf(updateServiceAccountBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: ACCOUNT_PATH,
  tags: TAGS,
  summary: 'Delete a service account with its keys and bindings',
  request: { params: serviceAccountPath },
  responses: answer(operation, 'The deletion, already done'),
});

const suspend = route({
  method: 'post',
  path: `${ACCOUNT_PATH}:suspend`,
  tags: TAGS,
  summary: 'Suspend a service account: none of its credentials is taken any more',
  request: { params: serviceAccountPath },
  responses: answer(operation, 'The change, already done'),
});

const reactivate = route({
  method: 'post',
  path: `${ACCOUNT_PATH}:reactivate`,
  tags: TAGS,
  summary: 'Take the credentials of a suspended service account again',
  request: { params: serviceAccountPath },
  responses: answer(operation, 'The change, already done'),
});

export function mountServiceAccounts(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listServiceAccounts(c.get('context'), c.req.valid('query'));
    return c.json(
      compact({
        serviceAccounts: page.items.map(serviceAccountShape),
        nextPageToken: page.nextPageToken,
      }),
      200,
    );
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createServiceAccount(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const { serviceAccountId } = c.req.valid('param');
    const found = await getContainer(c.get('context'), SERVICE_ACCOUNT, serviceAccountId);
    return answerSingle(c, await contentEtag(found), serviceAccountShape(found));
  });

  app.openapi(update, async (c) => {
    const { serviceAccountId } = c.req.valid('param');
    const body = c.req.valid('json');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateContainer(c.get('context'), SERVICE_ACCOUNT, serviceAccountId, body, ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { serviceAccountId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await deleteContainer(c.get('context'), SERVICE_ACCOUNT, serviceAccountId, { ifMatch }),
    );
  });

  app.openapi(suspend, async (c) => {
    const { serviceAccountId } = c.req.valid('param');
    return answerOperation(c, await suspendServiceAccount(c.get('context'), serviceAccountId));
  });

  app.openapi(reactivate, async (c) => {
    const { serviceAccountId } = c.req.valid('param');
    return answerOperation(c, await reactivateServiceAccount(c.get('context'), serviceAccountId));
  });
}
