/** Authorized keys and the IAM tokens that are given for what they signed. */
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { apiKey, newApiKey } from '../../schema/wire/iam/api-key.ts';
import type { key, newKey } from '../../schema/wire/iam/key.ts';
import type { serviceAccount } from '../../schema/wire/iam/service-account.ts';
import type { iamToken } from '../../schema/wire/iam/token.ts';
import { Client, type Fields, type Operation, TYPE } from './client.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { type Claims, ORIGINAL_AUDIENCE, signJwt } from './signed-jwt.ts';
import { newTenant } from './tenant.ts';

type Key = z.infer<typeof key>;
type NewKey = z.infer<typeof newKey>;
type NewApiKey = z.infer<typeof newApiKey>;
type IamToken = z.infer<typeof iamToken>;
type ServiceAccount = z.infer<typeof serviceAccount>;

const ACCOUNTS = '/iam/v1/serviceAccounts';
const KEYS = '/iam/v1/keys';
const API_KEYS = '/iam/v1/apiKeys';
const TOKENS = '/iam/v1/tokens';
const TOKEN = /^t1\.[A-Z0-9a-z_-]+[=]{0,2}\.[A-Z0-9a-z_-]{86}[=]{0,2}$/;
const HOUR_SECONDS = 3_600;
const LIFETIME_MS = 12 * 3_600_000;

const own = await startOwn({ sweepSeconds: HOUR_SECONDS });
const { local } = own;
const tenant = await newTenant(local);
const stranger = await newTenant(local);
const { api, folderId } = tenant;
const nobody = new Client(local.url, undefined);

let count = 0;
const newAccount = async () => {
  const operation = await api.call<Operation>('POST', ACCOUNTS, { folderId, name: `one-${++count}` });
  return operation.response as unknown as ServiceAccount;
};
const newKeyOf = (serviceAccountId: string, fields: Fields = {}) =>
  api.call<NewKey>('POST', KEYS, { serviceAccountId, ...fields });
const exchange = (jwt: string) => nobody.call<IamToken>('POST', TOKENS, { jwt });
const tokenFor = (serviceAccountId: string, by = api) =>
  by.call<IamToken>('POST', `${TOKENS}:createForServiceAccount`, { serviceAccountId });
const bearer = ({ iamToken: token }: Pick<IamToken, 'iamToken'>) => new Client(local.url, token, 'Bearer');
/** What every account may read: itself. */
const statusFor = async (caller: Client, accountId: string) =>
  (await caller.send('GET', `${ACCOUNTS}/${accountId}`)).status;
const now = () => Math.floor(Date.now() / 1_000);
const lifetimeOf = ({ expiresAt }: IamToken) => Date.parse(expiresAt) - Date.now();

/** Of a service account of its own that no test changes. */
const shared = await newAccount();
const { key: sharedKey, privateKey } = await newKeyOf(shared.id);
const claims = (more: Partial<Claims> = {}): Claims => ({ kid: sharedKey.id, iss: shared.id, ...more });

describe('an authorized key', () => {
  test('shows its private key once', async () => {
    const { id } = await newAccount();
    const made = await newKeyOf(id, { description: 'ci', format: 'PEM_FILE' });
    expect(made.key).toEqual({
      id: expect.stringMatching(/^aje/),
      serviceAccountId: id,
      createdAt: expect.stringMatching(/Z$/),
      description: 'ci',
      keyAlgorithm: 'RSA_2048',
      publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n[\s\S]*\n-----END PUBLIC KEY-----\s*$/),
    });
    expect(made.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(await api.get(`${KEYS}/${made.key.id}`)).toEqual(made.key);
    expect(await api.get(`${KEYS}/${made.key.id}?format=PEM_FILE`)).toEqual(made.key);
    expect(await api.get(`${KEYS}?serviceAccountId=${id}`)).toEqual({ keys: [made.key] });
    const database = await local.database();
    const { results } = await database.prepare('SELECT * FROM authorized_keys').all();
    expect(JSON.stringify(results)).not.toContain('PRIVATE');
    const operations = await api.send('GET', `${KEYS}/${made.key.id}/operations`);
    expect([operations.status, operations.text.includes('PRIVATE')]).toEqual([200, false]);
  });

  test('may be longer, and may be the caller’s own', async () => {
    const { key: made } = await api.call<NewKey>('POST', KEYS, { keyAlgorithm: 'RSA_4096' });
    expect(made).toMatchObject({ serviceAccountId: tenant.accountId, keyAlgorithm: 'RSA_4096' });
    const { keys } = await api.get<{ keys: Key[] }>(KEYS);
    expect(keys).toEqual([made]);
  });

  test('changes its description only, and is deleted', async () => {
    const { id } = await newAccount();
    const { key: made } = await newKeyOf(id);
    const path = `${KEYS}/${made.id}`;
    expect(await api.call<Operation>('PATCH', path, { description: 'second' })).toMatchObject({
      done: true,
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.UpdateKeyMetadata`, keyId: made.id },
      response: { '@type': `${TYPE}yandex.cloud.iam.v1.Key`, id: made.id, description: 'second' },
    });
    expect((await api.refused('PATCH', path, { updateMask: 'public_key' })).fields).toEqual(['update_mask']);
    expect(await api.call<Operation>('DELETE', path)).toMatchObject({
      metadata: { '@type': `${TYPE}yandex.cloud.iam.v1.DeleteKeyMetadata`, keyId: made.id },
      response: { '@type': `${TYPE}google.protobuf.Empty` },
    });
    expect((await api.refused('GET', path)).status).toBe(404);
  });

  test('is not made twice under one Idempotency-Key', async () => {
    const { id } = await newAccount();
    const headers = { 'Idempotency-Key': randomUUID() };
    const body = { serviceAccountId: id };
    const first = await api.call<NewKey>('POST', KEYS, body, { headers });
    const again = await api.refused('POST', KEYS, body, { headers });
    expect([again.status, again.message]).toEqual([409, expect.stringContaining(first.key.id)]);
    expect((await api.get<{ keys: Key[] }>(`${KEYS}?serviceAccountId=${id}`)).keys).toHaveLength(1);
  });

  const wrong: [string, Fields, string[]][] = [
    ['another algorithm', { keyAlgorithm: 'EC_P256' }, ['key_algorithm']],
    ['another format', { format: 'JSON' }, ['format']],
    ['a description of 257', { description: 'x'.repeat(257) }, ['description']],
  ];
  test.each(wrong)('is refused with %s', async (_, fields, named) => {
    const refused = await api.refused('POST', KEYS, { serviceAccountId: shared.id, ...fields });
    expect([refused.status, refused.fields]).toEqual([400, named]);
  });

  test('is made only by who may', async () => {
    const plain = await newAccount();
    const { secret } = await api.call<NewApiKey>('POST', API_KEYS, { serviceAccountId: plain.id });
    expect((await new Client(local.url, secret).refused('POST', KEYS, {})).status).toBe(403);
    expect((await stranger.api.refused('POST', KEYS, { serviceAccountId: plain.id })).status).toBe(404);
  });
});

describe('a JWT', () => {
  test('is exchanged for a token, which is a credential on every path', async () => {
    const account = await newAccount();
    const made = await newKeyOf(account.id);
    const token = await exchange(await signJwt(made.privateKey, { kid: made.key.id, iss: account.id }));
    expect(token.iamToken).toMatch(TOKEN);
    expect(Math.abs(lifetimeOf(token) - LIFETIME_MS)).toBeLessThan(60_000);
    const caller = bearer(token);
    expect(await caller.get<ServiceAccount>(`${ACCOUNTS}/${account.id}`)).toMatchObject({ id: account.id });
    const found = await caller.get<ServiceAccount>(`${ACCOUNTS}/${account.id}`);
    expect(Date.parse(found.lastAuthenticatedAt!)).toBeGreaterThan(Date.now() - 60_000);
    expect((await api.get<Key>(`${KEYS}/${made.key.id}`)).lastUsedAt).toBeDefined();
    expect((await new Client(local.url, token.iamToken).send('GET', API_KEYS)).status).toBe(401);
    const database = await local.database();
    const { results } = await database.prepare('SELECT * FROM iam_tokens').all();
    expect(JSON.stringify(results)).not.toContain(token.iamToken.split('.')[2]);
    expect(own.logLines.join('\n')).not.toContain(token.iamToken.split('.')[2]);
  });

  test('costs one round trip to the database as a credential', async () => {
    const caller = bearer(await tokenFor(shared.id));
    await eventually('the note of the first use', async () => {
      await caller.get(`${ACCOUNTS}/${shared.id}`);
      const lines = own.logLines.filter((line) => line.includes('"route":"/iam/v1/serviceAccounts/{'));
      return lines.at(-1)?.includes('"d1RoundTrips":1,');
    });
  });

  const taken: [string, () => Partial<Claims>][] = [
    ['the original audience', () => ({ aud: ORIGINAL_AUDIENCE })],
    ['the own URL as its audience', () => ({ aud: `${local.url}${TOKENS}` })],
    [
      'the own URL behind something that ends TLS',
      () => ({ aud: `${local.url}${TOKENS}`.replace('http:', 'https:') }),
    ],
    ['several audiences', () => ({ aud: ['https://example.com', ORIGINAL_AUDIENCE] })],
    ['a clock that is half a minute ahead', () => ({ iat: now() + 30 })],
    ['an end half a minute ago', () => ({ iat: now() - 630, exp: now() - 30 })],
  ];
  test.each(taken)('is taken with %s', async (_, more) => {
    const token = await exchange(await signJwt(privateKey, claims(more())));
    expect(await statusFor(bearer(token), shared.id)).toBe(200);
  });

  const refused: [string, () => Partial<Claims>, string][] = [
    [
      'an unknown key id',
      () => ({ kid: 'aje00000000000000000' }),
      'no authorized key that is in use verifies it',
    ],
    ['another issuer', () => ({ iss: tenant.accountId }), "iss must be the id of the key's service account"],
    ['another audience', () => ({ aud: 'https://example.com/iam/v1/tokens' }), 'aud must be one of '],
    ['another path of the registry as its audience', () => ({ aud: local.url }), 'aud must be one of '],
    ['a life that is over', () => ({ iat: now() - 700, exp: now() - 100 }), 'it has expired'],
    ['too long a life', () => ({ exp: now() + HOUR_SECONDS + 5 }), 'exp must be at most 3600 s after iat'],
    ['a beginning ahead', () => ({ iat: now() + 600 }), 'iat lies ahead'],
    ['a beginning of its validity ahead', () => ({ nbf: now() + 600 }), 'nbf lies ahead'],
  ];
  test.each(refused)('is refused with %s', async (_, more, reason) => {
    const jwt = await signJwt(privateKey, claims(more()));
    expect(await nobody.refused('POST', TOKENS, { jwt })).toMatchObject({
      status: 401,
      code: 16,
      message: expect.stringContaining(`The JWT is not taken: ${reason}`),
    });
  });

  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = () => ({ iss: shared.id, aud: ORIGINAL_AUDIENCE, iat: now(), exp: now() + HOUR_SECONDS });
  const forged: [string, () => Promise<string> | string, string][] = [
    ['without a signature', () => new UnsecuredJWT({ ...body() }).encode(), 'PS256'],
    [
      'without a signature that claims one',
      () => `${text({ alg: 'PS256', kid: sharedKey.id })}.${text(body())}.`,
      'no authorized key',
    ],
    [
      'with the public key as the secret of an HMAC',
      () => {
        const signed = `${text({ alg: 'HS256', kid: sharedKey.id })}.${text(body())}`;
        return `${signed}.${createHmac('sha256', sharedKey.publicKey).update(signed).digest('base64url')}`;
      },
      'PS256',
    ],
    ['signed with RS256', () => signJwt(privateKey, claims(), 'RS256'), 'PS256'],
    ['signed with PS384', () => signJwt(privateKey, claims(), 'PS384'), 'PS256'],
    [
      'signed with another key',
      () => {
        const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
        return signJwt(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, claims());
      },
      'no authorized key',
    ],
    [
      'with another content than was signed',
      async () => {
        const [header, , signature] = (await signJwt(privateKey, claims())).split('.');
        return `${header}.${text({ ...body(), sub: 'other' })}.${signature}`;
      },
      'no authorized key',
    ],
    ['without a key id', () => `${text({ alg: 'PS256' })}.${text(body())}.AAAA`, 'kid'],
    ['that is none', () => 'not-a-jwt', 'it cannot be read'],
  ];
  test.each(forged)('is refused %s', async (_, make, reason) => {
    expect(await nobody.refused('POST', TOKENS, { jwt: await make() })).toMatchObject({
      status: 401,
      message: expect.stringContaining(reason),
    });
  });

  test('gives nothing once its key is deleted, or its account suspended or deleted', async () => {
    const reason = 'The JWT is not taken: no authorized key that is in use verifies it';
    const account = await newAccount();
    const [first, second] = [await newKeyOf(account.id), await newKeyOf(account.id)];
    const jwtOf = (made: NewKey) => signJwt(made.privateKey, { kid: made.key.id, iss: account.id });
    await api.call('DELETE', `${KEYS}/${first.key.id}`);
    expect((await nobody.refused('POST', TOKENS, { jwt: await jwtOf(first) })).message).toBe(reason);
    const token = await exchange(await jwtOf(second));
    await api.call('POST', `${ACCOUNTS}/${account.id}:suspend`);
    expect((await nobody.refused('POST', TOKENS, { jwt: await jwtOf(second) })).message).toBe(reason);
    expect(await statusFor(bearer(token), account.id)).toBe(401);
    await api.call('POST', `${ACCOUNTS}/${account.id}:reactivate`);
    await exchange(await jwtOf(second));
    expect(await statusFor(bearer(token), account.id)).toBe(200);
    await api.call('DELETE', `${ACCOUNTS}/${account.id}`);
    expect((await nobody.refused('POST', TOKENS, { jwt: await jwtOf(second) })).message).toBe(reason);
    expect(await statusFor(bearer(token), account.id)).toBe(401);
  });
});

describe('an exchange', () => {
  const bodies: [string, unknown, number, string[]][] = [
    ['nothing', {}, 400, ['identity']],
    ['an empty JWT', { jwt: '' }, 400, ['identity']],
    ['both', { jwt: 'a', yandexPassportOauthToken: 'b' }, 400, ['identity']],
    ['a JWT that is no text', { jwt: 1 }, 400, ['jwt']],
    ['what is no JSON', '{', 400, ['body']],
    ['an OAuth token', { yandexPassportOauthToken: 'y0_AgAAAA' }, 401, []],
  ];
  test.each(bodies)('of %s is refused, whoever asks', async (_, body, status, fields) => {
    const garbage = new Client(local.url, 'garbage');
    for (const caller of [nobody, garbage, api]) {
      const refused = await caller.refused('POST', TOKENS, body);
      expect([refused.status, refused.fields]).toEqual([status, fields]);
    }
  });

  test('takes the names of the original’s fields', async () => {
    const refused = await nobody.refused('POST', TOKENS, { yandex_passport_oauth_token: 'x' });
    expect(refused).toMatchObject({
      status: 401,
      message: expect.stringContaining('no OAuth token is taken'),
    });
  });
});

describe('a token for a service account', () => {
  test('is given to who may make its keys', async () => {
    const account = await newAccount();
    const token = await tokenFor(account.id);
    expect(token.iamToken).toMatch(TOKEN);
    expect(Math.abs(lifetimeOf(token) - LIFETIME_MS)).toBeLessThan(60_000);
    expect(await statusFor(bearer(token), account.id)).toBe(200);
    const path = `${TOKENS}:createForServiceAccount`;
    const body = { serviceAccountId: account.id };
    expect((await bearer(token).refused('POST', path, body)).status).toBe(403);
    expect((await stranger.api.refused('POST', path, body)).status).toBe(404);
  });

  test('never outlives the credential by which it was asked for', async () => {
    const expiresAt = new Date(Date.now() + 600_000).toISOString();
    const { secret } = await api.call<NewApiKey>('POST', API_KEYS, { expiresAt });
    const first = await tokenFor(tenant.accountId, new Client(local.url, secret));
    expect(first.expiresAt).toBe(expiresAt);
    const second = await tokenFor(tenant.accountId, bearer(first));
    expect(second.expiresAt).toBe(expiresAt);
  });

  test('is refused when its end has come, and then forgotten', async () => {
    const account = await newAccount();
    const token = await tokenFor(account.id);
    const other = await tokenFor(account.id);
    const database = await local.database();
    const prefix = token.iamToken.split('.')[1]!;
    await database.prepare('UPDATE iam_tokens SET expires_at = 1 WHERE prefix = ?').bind(prefix).run();
    expect(await statusFor(bearer(token), account.id)).toBe(401);
    await local.runScheduled();
    const { results } = await database
      .prepare('SELECT prefix FROM iam_tokens WHERE service_account_id = ?')
      .bind(account.id)
      .all();
    expect(results).toEqual([{ prefix: other.iamToken.split('.')[1] }]);
    expect(await statusFor(bearer(other), account.id)).toBe(200);
  });

  test('with one character changed opens nothing', async () => {
    const { iamToken: token } = await tokenFor(shared.id);
    const changed = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.at(-1)}`;
    expect(await statusFor(bearer({ iamToken: changed }), shared.id)).toBe(401);
  });
});

describe('a token that is revoked', () => {
  const revoke = (by: Client, token: string) => by.send('POST', `${TOKENS}:revoke`, { iamToken: token });

  test('opens nothing any more, and no other is touched', async () => {
    const account = await newAccount();
    const [first, second] = [await tokenFor(account.id), await tokenFor(account.id)];
    const answer = await revoke(api, first.iamToken);
    expect([answer.status, answer.body]).toEqual([200, { subjectId: account.id }]);
    expect(await statusFor(bearer(first), account.id)).toBe(401);
    expect(await statusFor(bearer(second), account.id)).toBe(200);
    expect((await revoke(api, first.iamToken)).status).toBe(404);
  });

  test('may be so by its own account, and by nobody who may not', async () => {
    const account = await newAccount();
    const token = await tokenFor(account.id);
    expect((await revoke(stranger.api, token.iamToken)).status).toBe(404);
    expect(await statusFor(bearer(token), account.id)).toBe(200);
    expect((await revoke(bearer(token), token.iamToken)).status).toBe(200);
    expect(await statusFor(bearer(token), account.id)).toBe(401);
  });

  test('is given whole', async () => {
    const { iamToken: token } = await tokenFor(shared.id);
    const [mark, prefix, secret] = token.split('.');
    const refused = await api.refused('POST', `${TOKENS}:revoke`, { iamToken: `${mark}.${prefix}` });
    expect([refused.status, refused.fields]).toEqual([400, ['iam_token']]);
    const guessed = `${mark}.${prefix}.${[...secret!].reverse().join('')}`;
    expect((await revoke(api, guessed)).status).toBe(404);
    expect(await statusFor(bearer({ iamToken: token }), shared.id)).toBe(200);
  });
});

test('keys and tokens are nothing for a key that only writes', async () => {
  const { secret } = await api.call<NewApiKey & { apiKey: z.infer<typeof apiKey> }>('POST', API_KEYS, {
    scopes: ['write'],
  });
  const writer = new Client(local.url, secret);
  const body = { serviceAccountId: shared.id };
  expect((await writer.refused('POST', KEYS, body)).status).toBe(403);
  expect((await writer.refused('POST', `${TOKENS}:createForServiceAccount`, body)).status).toBe(403);
  expect((await writer.refused('POST', `${ACCOUNTS}/${shared.id}:suspend`)).status).toBe(403);
});
