import { RegistryError } from '../../../core/errors.ts';
import {
  createTokenFor,
  exchangeJwt,
  type IamToken,
  revokeToken,
} from '../../../registry/identity/iam-tokens.ts';
import {
  createIamTokenBody,
  createTokenForServiceAccountBody,
  iamToken,
  revokedIamToken,
  revokeIamTokenBody,
} from '../../../schema/wire/iam/token.ts';
import { type App, answer, jsonOf, route } from '../app.ts';
import { time } from '../wire.ts';

const TAGS = ['IAM tokens'];
const TOKENS = '/iam/v1/tokens';

const create = route({
  open: true,
  method: 'post',
  path: TOKENS,
  tags: TAGS,
  summary: 'Exchange a signed JWT for an IAM token',
  request: { body: jsonOf(createIamTokenBody) },
  responses: answer(iamToken, 'The token, which is shown this once'),
});

const createFor = route({
  method: 'post',
  path: `${TOKENS}:createForServiceAccount`,
  tags: TAGS,
  summary: 'Create an IAM token for a service account',
  request: { body: jsonOf(createTokenForServiceAccountBody) },
  responses: answer(iamToken, 'The token, which is shown this once'),
});

const revoke = route({
  method: 'post',
  path: `${TOKENS}:revoke`,
  tags: TAGS,
  summary: 'Revoke an IAM token',
  request: { body: jsonOf(revokeIamTokenBody) },
  responses: answer(revokedIamToken, 'Whose token it was; it opens nothing any more'),
});

export function mountTokens(app: App): void {
  app.openapi(create, async (c) => {
    const { jwt } = c.req.valid('json');
    if (!jwt) {
      throw new RegistryError(
        'UNAUTHENTICATED',
        'There are no user accounts here, so no OAuth token is taken; use the jwt of an authorized key',
      );
    }
    return c.json(shapeOf(await exchangeJwt(c.get('context'), jwt, ownUrls(c.req.url))), 200);
  });

  app.openapi(createFor, async (c) => {
    const { serviceAccountId } = c.req.valid('json');
    return c.json(shapeOf(await createTokenFor(c.get('context'), serviceAccountId)), 200);
  });

  app.openapi(revoke, async (c) =>
    c.json({ subjectId: await revokeToken(c.get('context'), c.req.valid('json').iamToken) }, 200),
  );
}

function shapeOf(token: IamToken) {
  return { iamToken: token.iamToken, expiresAt: time(token.expiresAt) };
}

/** Under whichever name the client reached the registry; what ends TLS in front of it may have changed the scheme. */
function ownUrls(requestUrl: string): string[] {
  const { host } = new URL(requestUrl);
  return [`https://${host}${TOKENS}`, `http://${host}${TOKENS}`];
}
