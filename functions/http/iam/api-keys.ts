import { KEY_SCOPES } from '../../../core/access.ts';
import { authenticate } from '../../../registry/authorize.ts';
import { getKey, listKeys, removeKey, updateKey } from '../../../registry/identity/account-keys.ts';
import { API_KEY, createApiKey } from '../../../registry/identity/api-keys.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import {
  apiKey,
  apiKeyList,
  apiKeyPath,
  apiKeyScopeList,
  apiKeyScopesPage,
  createApiKeyBody,
  listApiKeysQuery,
  newApiKey,
  updateApiKeyBody,
} from '../../../schema/wire/iam/api-key.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { apiKeyShape } from './shapes.ts';

const TAGS = ['API keys'];
const KEYS = '/iam/v1/apiKeys';
const KEY = `${KEYS}/{apiKeyId}` as const;

const list = route({
  method: 'get',
  path: KEYS,
  tags: TAGS,
  summary: 'List the API keys of a service account',
  request: { query: listApiKeysQuery },
  responses: answer(apiKeyList, 'One page of keys, without their secrets'),
});

const create = route({
  method: 'post',
  path: KEYS,
  tags: TAGS,
  summary: 'Create an API key',
  request: { body: jsonOf(createApiKeyBody) },
  responses: answer(newApiKey, 'The key with its secret, which is shown this once'),
});

const get = route({
  method: 'get',
  path: KEY,
  tags: TAGS,
  summary: 'Get an API key',
  request: { params: apiKeyPath },
  responses: answer(apiKey, 'The key, without its secret'),
});

const update = route({
  method: 'patch',
  path: KEY,
  tags: TAGS,
  summary: 'Update the description of an API key',
  request: { params: apiKeyPath, body: jsonOf(updateApiKeyBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: KEY,
  tags: TAGS,
  summary: 'Delete an API key',
  request: { params: apiKeyPath },
  responses: answer(operation, 'The deletion, already done: the key opens nothing any more'),
});

const scopes = route({
  method: 'get',
  path: '/iam/v1/apiKeyScopes',
  tags: TAGS,
  summary: 'List the scopes that a key can have',
  request: { query: apiKeyScopesPage },
  responses: answer(apiKeyScopeList, 'All scopes, the narrowest first'),
});

export function mountApiKeys(app: App): void {
  app.openapi(list, async (c) => {
    const { serviceAccountId, ...query } = c.req.valid('query');
    const page = await listKeys(c.get('context'), API_KEY, {
      ...query,
      serviceAccountId: serviceAccountId || undefined,
    });
    return c.json(compact({ apiKeys: page.items.map(apiKeyShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) => {
    const { serviceAccountId, ...input } = c.req.valid('json');
    const made = await createApiKey(c.get('context'), {
      ...input,
      serviceAccountId: serviceAccountId || undefined,
    });
    return c.json({ apiKey: apiKeyShape(made.apiKey), secret: made.secret }, 200);
  });

  app.openapi(get, async (c) => {
    const found = await getKey(c.get('context'), API_KEY, c.req.valid('param').apiKeyId);
    return answerSingle(c, await contentEtag(found), apiKeyShape(found));
  });

  app.openapi(update, async (c) => {
    const { apiKeyId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateKey(c.get('context'), API_KEY, apiKeyId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { apiKeyId } = c.req.valid('param');
    return answerOperation(c, await removeKey(c.get('context'), API_KEY, apiKeyId, c.req.header('If-Match')));
  });

  app.openapi(scopes, async (c) => {
    await authenticate(c.get('context'));
    return c.json({ scopes: [...KEY_SCOPES] }, 200);
  });
}
