import { getKey, listKeys, removeKey, updateKey } from '../../../registry/identity/account-keys.ts';
import { AUTHORIZED_KEY, createAuthorizedKey } from '../../../registry/identity/authorized-keys.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import {
  createKeyBody,
  getKeyQuery,
  key,
  keyList,
  keyPath,
  listKeysQuery,
  newKey,
  updateKeyBody,
} from '../../../schema/wire/iam/key.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { keyShape } from './shapes.ts';

const TAGS = ['Authorized keys'];
const KEYS = '/iam/v1/keys';
const KEY = `${KEYS}/{keyId}` as const;

const list = route({
  method: 'get',
  path: KEYS,
  tags: TAGS,
  summary: 'List the authorized keys of a service account',
  request: { query: listKeysQuery },
  responses: answer(keyList, 'One page of keys, without their private keys'),
});

const create = route({
  method: 'post',
  path: KEYS,
  tags: TAGS,
  summary: 'Create an authorized key',
  request: { body: jsonOf(createKeyBody) },
  responses: answer(newKey, 'The key with its private key, which is shown this once'),
});

const get = route({
  method: 'get',
  path: KEY,
  tags: TAGS,
  summary: 'Get an authorized key',
  request: { params: keyPath, query: getKeyQuery },
  responses: answer(key, 'The key, without its private key'),
});

const update = route({
  method: 'patch',
  path: KEY,
  tags: TAGS,
  summary: 'Update the description of an authorized key',
  request: { params: keyPath, body: jsonOf(updateKeyBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: KEY,
  tags: TAGS,
  summary: 'Delete an authorized key',
  request: { params: keyPath },
  responses: answer(operation, 'The deletion, already done: nothing is exchanged by the key any more'),
});

export function mountKeys(app: App): void {
  app.openapi(list, async (c) => {
    const { serviceAccountId, pageSize, pageToken } = c.req.valid('query');
    const page = await listKeys(c.get('context'), AUTHORIZED_KEY, {
      pageSize,
      pageToken,
      serviceAccountId: serviceAccountId || undefined,
    });
    return c.json(compact({ keys: page.items.map(keyShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) => {
    const { serviceAccountId, description, keyAlgorithm } = c.req.valid('json');
    const made = await createAuthorizedKey(c.get('context'), {
      serviceAccountId: serviceAccountId || undefined,
      description,
      keyAlgorithm,
    });
    return c.json({ key: keyShape(made.key), privateKey: made.privateKey }, 200);
  });

  app.openapi(get, async (c) => {
    const found = await getKey(c.get('context'), AUTHORIZED_KEY, c.req.valid('param').keyId);
    return answerSingle(c, await contentEtag(found), keyShape(found));
  });

  app.openapi(update, async (c) => {
    const { keyId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateKey(c.get('context'), AUTHORIZED_KEY, keyId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { keyId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await removeKey(c.get('context'), AUTHORIZED_KEY, keyId, ifMatch));
  });
}
