import {
  createFederatedCredential,
  credentialEtag,
  deleteFederatedCredential,
  getFederatedCredential,
  listFederatedCredentials,
} from '../../../registry/identity/federated-credentials.ts';
import {
  createFederatedCredentialBody,
  federatedCredential,
  federatedCredentialList,
  federatedCredentialPath,
  listFederatedCredentialsQuery,
} from '../../../schema/wire/iam/federated-credential.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { federatedCredentialShape } from './workload-shapes.ts';

const TAGS = ['Workload identity'];
const CREDENTIALS = '/iam/v1/workload/federatedCredentials';
const CREDENTIAL = `${CREDENTIALS}/{federatedCredentialId}` as const;

const list = route({
  method: 'get',
  path: CREDENTIALS,
  tags: TAGS,
  summary: 'List the federated credentials of a service account or a federation',
  request: { query: listFederatedCredentialsQuery },
  responses: answer(federatedCredentialList, 'One page of federated credentials'),
});

const create = route({
  method: 'post',
  path: CREDENTIALS,
  tags: TAGS,
  summary: 'Create a federated credential',
  request: { body: jsonOf(createFederatedCredentialBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: CREDENTIAL,
  tags: TAGS,
  summary: 'Get a federated credential',
  request: { params: federatedCredentialPath },
  responses: answer(federatedCredential, 'The federated credential'),
});

const remove = route({
  method: 'delete',
  path: CREDENTIAL,
  tags: TAGS,
  summary: 'Delete a federated credential',
  request: { params: federatedCredentialPath },
  responses: answer(operation, 'The deletion, already done: its subject is nobody from then on'),
});

export function mountFederatedCredentials(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFederatedCredentials(c.get('context'), c.req.valid('query'));
    return c.json(
      compact({
        federatedCredentials: page.items.map(federatedCredentialShape),
        nextPageToken: page.nextPageToken,
      }),
      200,
    );
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createFederatedCredential(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const { federatedCredentialId } = c.req.valid('param');
    const found = await getFederatedCredential(c.get('context'), federatedCredentialId);
    return answerSingle(c, credentialEtag(found), federatedCredentialShape(found));
  });

  app.openapi(remove, async (c) => {
    const { federatedCredentialId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await deleteFederatedCredential(c.get('context'), federatedCredentialId, ifMatch),
    );
  });
}
