/** Tokens of outside issuers as credentials: which are taken, whom they stand for, and how keys are read. */
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { Client, type Fields, IMAGES, imageIdOf, type Operation } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { type IssuerKey, newIssuerKey, sendJson, startIssuer } from './setup/issuer.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, type Tenant } from './tenant.ts';

const ACCOUNTS = '/iam/v1/serviceAccounts';
const KEYS = '/iam/v1/apiKeys';
const FEDERATIONS = '/iam/v1/workload/oidc/federations';
const CREDENTIALS = '/iam/v1/workload/federatedCredentials';
const REFUSAL = { status: 401, code: 16, message: 'Token is invalid or has expired.' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const issuer = await startIssuer();
const own = await startOwn({ env: { BULLION_TRUSTED_ORIGINS: issuer.origin }, sweepSeconds: 3_600 });
const { local } = own;
const database = await local.database();
const tenant = await newTenant(local, { limits: AMPLE });
const rsa = await newIssuerKey('RS256', 'first');
const stranger = await newIssuerKey('RS256', 'first');

let count = 0;
const newName = () => `one-${++count}`;
const made = async <T = { id: string }>(path: string, fields: Fields, { api }: Tenant = tenant): Promise<T> =>
  (await api.call<Operation>('POST', path, fields)).response as T;
const newAccount = ({ folderId, api }: Tenant = tenant) =>
  made(ACCOUNTS, { folderId, name: newName() }, { api } as Tenant);

interface Trust {
  readonly federationId: string;
  readonly credentialId: string;
  readonly accountId: string;
  readonly audience: string;
  /** Where the issuer publishes the keys. */
  readonly path: string;
}

interface TrustOptions {
  readonly of?: Tenant;
  readonly keys?: readonly JWK[];
  /** As the credential has it. */
  readonly subject?: string;
  /** By default one that nothing else has. */
  readonly audience?: string;
  readonly path?: string;
  readonly more?: Fields;
}

const SUBJECT = 'repo:acme/images:ref:refs/heads/main';

/** A federation with one credential for one new service account, which no other test touches. */
async function trust(options: TrustOptions = {}): Promise<Trust> {
  const { of = tenant, keys = [rsa.jwk], subject = SUBJECT, more } = options;
  const name = newName();
  const { audience = `audience-${name}`, path = `/${name}` } = options;
  if (options.path === undefined) issuer.publish(path, keys);
  const fields = { folderId: of.folderId, name, audiences: [audience], issuer: issuer.origin };
  const { id: federationId } = await made(
    FEDERATIONS,
    { ...fields, jwksUrl: issuer.origin + path, ...more },
    of,
  );
  const { id: accountId } = await newAccount(of);
  const { id: credentialId } = await credential(federationId, accountId, subject, of);
  return { federationId, credentialId, accountId, audience, path };
}

const credential = (federationId: string, serviceAccountId: string, externalSubjectId: string, of = tenant) =>
  made(CREDENTIALS, { serviceAccountId, federationId, externalSubjectId }, of);

const seconds = () => Math.floor(Date.now() / 1_000);

/** The claims of a good token; undefined takes one away. */
const claimsFor = ({ audience }: Pick<Trust, 'audience'>, claims: Fields = {}): Fields => {
  const good = { iss: issuer.origin, sub: SUBJECT, aud: audience, iat: seconds(), exp: seconds() + 300 };
  const all = Object.entries({ ...good, ...claims });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
};

/** A token as its issuer makes it; `claims` and `header` change what is good in it. */
function token(
  trusted: Pick<Trust, 'audience'>,
  claims: Fields = {},
  key: IssuerKey = rsa,
  header: Fields = {},
) {
  const { alg, kid } = key.jwk;
  return new SignJWT(claimsFor(trusted, claims))
    .setProtectedHeader({ typ: 'JWT', alg: alg!, ...(kid !== undefined && { kid }), ...header })
    .sign(key.privateKey);
}

const as = (jwt: string) => new Client(local.url, jwt, 'Bearer');
/** A service account may always read itself. */
const opens = async (jwt: string, { accountId }: Pick<Trust, 'accountId'>) =>
  (await as(jwt).send('GET', `${ACCOUNTS}/${accountId}`)).status;
const expectNobody = async (jwt: string) =>
  expect(await as(jwt).refused('GET', `${ACCOUNTS}/unknown`)).toMatchObject(REFUSAL);
/** Which of some service accounts a token stands for. */
async function callerOf(jwt: string, trusted: readonly Pick<Trust, 'accountId'>[]): Promise<number> {
  const statuses = await Promise.all(trusted.map((one) => opens(jwt, one)));
  return statuses.indexOf(200);
}

/** Lets time go by for what a federation remembers of its issuer. */
async function pass(ms: number, { federationId }: Trust): Promise<void> {
  await database
    .prepare(
      'UPDATE federations SET jwks_read_at = jwks_read_at - ?1, jwks_asked_at = jwks_asked_at - ?1 WHERE id = ?2',
    )
    .bind(ms, federationId)
    .run();
}

describe('a good token', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'signed by %s stands for the service account',
    async (alg) => {
      const key = await newIssuerKey(alg, 'k');
      const trusted = await trust({ keys: [key.jwk] });
      expect(await opens(await token(trusted, {}, key), trusted)).toBe(200);
    },
  );

  test.each<[string, (trusted: Trust) => Fields]>([
    ['for several audiences', ({ audience }) => ({ aud: ['another', audience] })],
    ['that began within the leeway', () => ({ nbf: seconds() + 50, iat: seconds() + 50 })],
    ['that ended within the leeway', () => ({ exp: seconds() - 50 })],
    ['that says nothing of its beginning', () => ({ iat: undefined })],
  ])('%s is taken', async (_, claims) => {
    const trusted = await trust();
    expect(await opens(await token(trusted, claims(trusted)), trusted)).toBe(200);
  });

  test('without a key id is taken when one key fits', async () => {
    const [nameless, other] = [await newIssuerKey('RS256'), await newIssuerKey('RS256', 'other')];
    const alone = await trust({ keys: [nameless.jwk, (await newIssuerKey('ES256', 'e')).jwk] });
    expect(await opens(await token(alone, {}, nameless), alone)).toBe(200);
    const two = await trust({ keys: [nameless.jwk, other.jwk] });
    await expectNobody(await token(two, {}, nameless));
    expect(await opens(await token(two, {}, other), two)).toBe(200);
  });

  test('is an ordinary credential: it pushes an image from its creation to READY', async () => {
    const trusted = await trust();
    const folder = `/resource-manager/v1/folders/${tenant.folderId}:updateAccessBindings`;
    const subject = { type: 'serviceAccount', id: trusted.accountId };
    await tenant.api.call('POST', folder, {
      accessBindingDeltas: [{ action: 'ADD', accessBinding: { roleId: 'compute.editor', subject } }],
    });
    const job = as(await token(trusted));
    const ended = await job.finished(await job.push(await emptyDisk(), { folderId: tenant.folderId }));
    expect(ended).toMatchObject({ createdBy: trusted.accountId });
    expect(ended).not.toHaveProperty('error');
    expect((await job.image(imageIdOf(ended))).status).toBe('READY');
    // And no more than its roles give: no key, no credential, no role.
    const { id: other } = await newAccount();
    const tie = { federationId: trusted.federationId, externalSubjectId: 'another' };
    for (const [path, body, status] of [
      [KEYS, {}, 403],
      [KEYS, { serviceAccountId: other }, 404],
      [CREDENTIALS, { ...tie, serviceAccountId: trusted.accountId }, 403],
      [CREDENTIALS, { ...tie, serviceAccountId: other }, 404],
      [
        folder,
        { accessBindingDeltas: [{ action: 'ADD', accessBinding: { roleId: 'admin', subject } }] },
        403,
      ],
    ] as const) {
      expect((await job.refused('POST', path, body)).status, path).toBe(status);
    }
  });

  test('costs one round trip to the database, as a key does', async () => {
    const trusted = await trust();
    const jwt = await token(trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    const requestId = `round-trips-${count}`;
    await as(jwt).get(`${ACCOUNTS}/${trusted.accountId}`, { headers: { 'X-Request-Id': requestId } });
    const line = await eventually('the line of the request', () =>
      own.logLines.map((text) => JSON.parse(text)).find((one) => one.requestId === requestId),
    );
    expect(line).toMatchObject({ d1RoundTrips: 1, callerId: trusted.accountId });
    expect(issuer.asked(trusted.path)).toBe(1);
  });

  test('is noted on the service account, and nowhere in the log', async () => {
    const trusted = await trust();
    const jwt = await token(trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    await eventually('the time of its use', async () => {
      const account = await tenant.api.get<Fields>(`${ACCOUNTS}/${trusted.accountId}`);
      return account.lastAuthenticatedAt !== undefined;
    });
    for (const part of jwt.split('.')) expect(own.logLines.join('\n')).not.toContain(part);
  });
});

/** One that every kind of bad token below is bad for. */
const common = await trust();
const pem = createPublicKey({ key: rsa.jwk as JsonWebKey, format: 'jwk' }).export({
  type: 'spki',
  format: 'pem',
});
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token with one part changed behind the issuer's back. */
function changed(jwt: string, index: number, content: Fields): string {
  return jwt
    .split('.')
    .map((own, at) => (at === index ? part({ ...content, changed: true }) : own))
    .join('.');
}

describe('refused in the same words is', () => {
  const signed = (claims: Fields, header?: Fields) => token(common, claims, rsa, header);
  const hmac = (alg: string, secret: string) => {
    const text = `${part({ alg, kid: 'first' })}.${part(claimsFor(common))}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };

  test('only what is none of these: the good token', async () => {
    expect(await opens(await signed({}), common)).toBe(200);
  });

  test.each<[string, () => string | Promise<string>]>([
    ['a token of another issuer', () => signed({ iss: 'https://issuer.example' })],
    ['one whose issuer has a slash more', () => signed({ iss: `${issuer.origin}/` })],
    ['one for another audience', () => signed({ aud: 'another' })],
    ['one for the beginning of the audience', () => signed({ aud: common.audience.slice(0, -1) })],
    ['one for no audience', () => signed({ aud: [] })],
    ['one without an audience', () => signed({ aud: undefined })],
    ['one whose audience is a number', () => signed({ aud: [common.audience, 1] })],
    ['one without a subject', () => signed({ sub: undefined })],
    ['one without an issuer', () => signed({ iss: undefined })],
    ['one of another subject', () => signed({ sub: `${SUBJECT}2` })],
    ['one of the subject in capitals', () => signed({ sub: SUBJECT.toUpperCase() })],
    ['one with a NUL behind the subject', () => signed({ sub: `${SUBJECT}\0` })],
    ['one signed with another key of the same id', () => token(common, {}, stranger)],
    ['one that ended', () => signed({ exp: seconds() - 120 })],
    ['one that has not begun', () => signed({ nbf: seconds() + 120 })],
    ['one of the future', () => signed({ iat: seconds() + 120 })],
    ['one that never ends', () => signed({ exp: undefined })],
    ['one that ends at a text', () => signed({ exp: String(seconds() + 300) })],
    [
      'one whose header asks for more than is understood',
      () =>
        new SignJWT(claimsFor(common))
          .setProtectedHeader({ alg: 'RS256', kid: 'first', crit: ['hint'], hint: 1 })
          .sign(rsa.privateKey, { crit: { hint: true } }),
    ],
    ['one of 9 KiB', () => signed({ filler: 'x'.repeat(7_000) })],
    ['an unsecured one', () => new UnsecuredJWT(claimsFor(common)).encode()],
    ['an unsecured one with a signature', () => `${new UnsecuredJWT(claimsFor(common)).encode()}AAAA`],
    ['an HMAC by the public key in PEM', () => hmac('HS256', String(pem))],
    ['an HMAC by the modulus', () => hmac('HS256', rsa.jwk.n!)],
    ['an HMAC that calls itself RS256', () => hmac('RS256', String(pem))],
    ['one that calls itself PS256', async () => changed(await signed({}), 0, { alg: 'PS256', kid: 'first' })],
    ['one by RS512', async () => changed(await signed({}), 0, { alg: 'RS512', kid: 'first' })],
    ['one with another payload', async () => changed(await signed({}), 1, claimsFor(common))],
    ['one with its signature cut off', async () => (await signed({})).replace(/[^.]*$/, 'AAAA')],
    ['two parts', async () => (await signed({})).replace(/\.[^.]*$/, '')],
    ['three parts of nothing', () => 'a.b.c'],
    ['no JSON', () => `${Buffer.from('{').toString('base64url')}.e30.e30`],
  ])('%s', async (_, forge) => {
    const jwt = await forge();
    expect(await opens(jwt, common)).toBe(401);
    await expectNobody(jwt);
  });

  test('a token under the scheme of keys', async () => {
    const caller = new Client(local.url, await signed({}), 'Api-Key');
    expect(await caller.refused('GET', `${ACCOUNTS}/${common.accountId}`)).toMatchObject(REFUSAL);
  });
});

describe('a key', () => {
  test.each<[string, (jwk: JWK) => JWK]>([
    ['for encryption', (jwk) => ({ ...jwk, use: 'enc' })],
    ['for another algorithm', (jwk) => ({ ...jwk, alg: 'RS512' })],
    ['for PS256', (jwk) => ({ ...jwk, alg: 'PS256' })],
    ['for signing', (jwk) => ({ ...jwk, key_ops: ['sign'] })],
    ['of another kind', (jwk) => ({ ...jwk, kty: 'EC' })],
    ['under another id', (jwk) => ({ ...jwk, kid: 'second' })],
    ['that is broken', (jwk) => ({ ...jwk, n: 'AQAB' })],
  ])('%s is not used', async (_, change) => {
    const trusted = await trust({ keys: [change(rsa.jwk)] });
    await expectNobody(await token(trusted));
  });

  test('is told by its algorithm from another one of the same id', async () => {
    const other = await newIssuerKey('PS256', 'first');
    const trusted = await trust({ keys: [rsa.jwk, other.jwk] });
    for (const key of [rsa, other]) expect(await opens(await token(trusted, {}, key), trusted)).toBe(200);
  });

  test('of 1024 bits is not used', async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-256',
        modulusLength: 1_024,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      true,
      ['sign', 'verify'],
    );
    const { n, e } = await crypto.subtle.exportKey('jwk', publicKey);
    const trusted = await trust({ keys: [{ kty: 'RSA', kid: 'small', n: n!, e: e! }] });
    const text = `${part({ alg: 'RS256', kid: 'small' })}.${part(claimsFor(trusted))}`;
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(text));
    await expectNobody(`${text}.${Buffer.from(signature).toString('base64url')}`);
  });

  test('that comes later is found, by asking at most once a minute', async () => {
    const trusted = await trust();
    expect(await opens(await token(trusted), trusted)).toBe(200);
    const second = await newIssuerKey('RS256', 'second');
    issuer.publish(trusted.path, [second.jwk]);
    await expectNobody(await token(trusted, {}, second));
    expect(issuer.asked(trusted.path)).toBe(1);
    await pass(MINUTE_MS, trusted);
    expect(await opens(await token(trusted, {}, second), trusted)).toBe(200);
    expect(issuer.asked(trusted.path)).toBe(2);
    // The one that the issuer took back is gone with it.
    await expectNobody(await token(trusted));
    expect(issuer.asked(trusted.path)).toBe(2);
  });

  test('without an id is found in place of the former one', async () => {
    const [first, second] = [await newIssuerKey('ES256'), await newIssuerKey('ES256')];
    const trusted = await trust({ keys: [first.jwk] });
    expect(await opens(await token(trusted, {}, first), trusted)).toBe(200);
    issuer.publish(trusted.path, [second.jwk]);
    await pass(MINUTE_MS, trusted);
    expect(await opens(await token(trusted, {}, second), trusted)).toBe(200);
  });

  test('is waited for by all who come while the issuer is asked', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => trust()));
    for (const { path } of all) {
      issuer.serve(path, async (response) => {
        await delay(300);
        sendJson(response, { keys: [rsa.jwk] });
      });
    }
    const calls = await Promise.all(
      all.flatMap((trusted) =>
        Array.from({ length: 12 }, async () => [await token(trusted), trusted] as const),
      ),
    );
    // With their connections open already, all of them come at once.
    const known = await token(common);
    await Promise.all(calls.map(() => opens(known, common)));
    const statuses = await Promise.all(calls.map(([jwt, trusted]) => opens(jwt, trusted)));
    expect(statuses).toEqual(calls.map(() => 200));
    expect(all.map(({ path }) => issuer.asked(path))).toEqual(all.map(() => 1));
  });

  test('that nobody has is asked for once, however many name one', async () => {
    const trusted = await trust();
    expect(await opens(await token(trusted), trusted)).toBe(200);
    await pass(MINUTE_MS, trusted);
    const storm = Array.from({ length: 30 }, (_, index) => token(trusted, {}, rsa, { kid: `none-${index}` }));
    for (const jwt of await Promise.all(storm)) await expectNobody(jwt);
    expect(issuer.asked(trusted.path)).toBe(2);
    // None of which keeps the good ones out.
    expect(await opens(await token(trusted), trusted)).toBe(200);
  });

  test('is read again after an hour, and not used after a day without an answer', async () => {
    const trusted = await trust();
    const jwt = await token(trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    await pass(HOUR_MS, trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    await eventually('the second question', () => issuer.asked(trusted.path) === 2);
    issuer.serve(trusted.path, (response) => response.writeHead(503).end());
    await pass(23 * HOUR_MS, trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    await pass(HOUR_MS, trusted);
    await expectNobody(jwt);
    issuer.publish(trusted.path, [rsa.jwk]);
    await pass(MINUTE_MS, trusted);
    expect(await opens(jwt, trusted)).toBe(200);
  });

  test('of a URL that the federation no longer names is not used', async () => {
    const trusted = await trust();
    expect(await opens(await token(trusted), trusted)).toBe(200);
    const second = await newIssuerKey('RS256', 'first');
    await tenant.api.call('PATCH', `${FEDERATIONS}/${trusted.federationId}`, {
      updateMask: 'jwksUrl',
      jwksUrl: issuer.publish(`${trusted.path}/moved`, [second.jwk]),
    });
    await expectNobody(await token(trusted));
    expect(await opens(await token(trusted, {}, second), trusted)).toBe(200);
  });
});

describe.concurrent('a set of keys', () => {
  const secret = Buffer.from('a secret that is shared by everybody');
  const filler = 'x'.repeat(300 * 1024);
  test.each<[string, Parameters<typeof issuer.serve>[1]]>([
    ['of 300 KiB', (response) => sendJson(response, { keys: [rsa.jwk], filler })],
    ['behind a redirect', (response) => response.writeHead(302, { Location: `${issuer.origin}/good` }).end()],
    ['that is not JSON', (response) => response.end('<html>')],
    ['that is no set', (response) => sendJson(response, [rsa.jwk])],
    ['whose keys are no list', (response) => sendJson(response, { keys: { first: rsa.jwk } })],
    ['whose keys are no objects', (response) => sendJson(response, { keys: [null, 1, 'RSA', [rsa.jwk]] })],
    ['with an error', (response) => response.writeHead(500).end(JSON.stringify({ keys: [rsa.jwk] }))],
    ['that never comes', () => undefined],
    ['that never ends', (response) => void response.writeHead(200).write('{"keys": [')],
    ['that breaks off', (response) => response.destroy()],
  ])('%s lets nobody in', { timeout: 15_000 }, async (_, answer) => {
    const trusted = await trust();
    issuer.publish('/good', [rsa.jwk]);
    issuer.serve(trusted.path, answer);
    const began = Date.now();
    await expectNobody(await token(trusted));
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(issuer.asked(trusted.path)).toBe(1);
    expect(issuer.asked('/good')).toBe(0);
  });

  test('with a symmetric key lets nobody in by it, and keeps it nowhere', async () => {
    const k = secret.toString('base64url');
    const trusted = await trust({ keys: [{ kty: 'oct', kid: 'shared', alg: 'HS256', k }, rsa.jwk] });
    const jwt = await new SignJWT(claimsFor(trusted))
      .setProtectedHeader({ alg: 'HS256', kid: 'shared' })
      .sign(secret);
    await expectNobody(jwt);
    expect(await opens(await token(trusted), trusted)).toBe(200);
    const kept = await database
      .prepare('SELECT jwks FROM federations WHERE id = ?')
      .bind(trusted.federationId)
      .first<string>('jwks');
    expect(JSON.parse(kept!)).toEqual({ keys: [rsa.jwk] });
  });

  test('that gives a private key away lets nobody in by it', async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const { d, p, q, dp, dq, qi, n, e } = await crypto.subtle.exportKey('jwk', privateKey);
    const lost = { kty: 'RSA', alg: 'RS256', kid: 'lost', ...{ d, p, q, dp, dq, qi, n, e } } as JWK;
    const trusted = await trust({ keys: [lost] });
    await expectNobody(await token(trusted, {}, { privateKey, jwk: lost }));
  });
});

describe('a subject', () => {
  test.each<[string, string, boolean]>([
    ['repo:acme/*', 'repo:acme/images', true],
    ['repo:acme/*', 'repo:acme/', true],
    ['repo:acme/*', 'repo:acme', false],
    ['repo:acme/*', 'repo:ACME/images', false],
    ['repo:acme/*', 'a repo:acme/images', false],
    ['repo:a_me/*', 'repo:acme/images', false],
    ['repo:a%e/*', 'repo:acme/images', false],
    ['repo:a[c]me/*', 'repo:acme/images', false],
    ['repo:a?me/*', 'repo:acme/images', false],
    [`repo:%_'"[?]\\/*`, `repo:%_'"[?]\\/images`, true],
    [`' OR 1=1 --`, 'repo:acme/images', false],
    [`' OR 1=1 --`, `' OR 1=1 --`, true],
    ['проект:образы😀*', 'проект:образы😀:main', true],
    ['проект:образы😀*', 'проект:образы', false],
  ])('%j lets %j in: %s', async (subject, sub, isIn) => {
    const trusted = await trust({ subject });
    expect(await opens(await token(trusted, { sub }), trusted)).toBe(isIn ? 200 : 401);
  });

  test('counts as it is before its beginnings, and the longest of these first', async () => {
    const short = await trust({ subject: 'repo:*' });
    const others: { accountId: string }[] = [];
    for (const subject of ['repo:acme/images:*', 'repo:acme/*', 'repo:acme/images:main']) {
      const { id: accountId } = await newAccount();
      await credential(short.federationId, accountId, subject);
      others.push({ accountId });
    }
    const accounts = [short, ...others];
    for (const [sub, index] of [
      ['repo:acme/images:main', 3],
      ['repo:acme/images:dev', 1],
      ['repo:acme/tools', 2],
      ['repo:other', 0],
    ] as const) {
      expect(await callerOf(await token(short, { sub }), accounts), sub).toBe(index);
    }
  });
});

describe('with one issuer', () => {
  test('whoever comes later takes no subject over', async () => {
    const late = await newTenant(local, { limits: AMPLE });
    const first = await trust({ subject: 'repo:acme/*' });
    const shared = { audience: first.audience, path: first.path };
    const second = await trust({ ...shared, of: late, subject: SUBJECT });
    const jwt = await token(first);
    expect(await callerOf(jwt, [first, second])).toBe(0);
    // A subject of which the first says nothing is the second one's.
    const { id: accountId } = await newAccount(late);
    await credential(second.federationId, accountId, 'repo:late/images', late);
    expect(await callerOf(await token(first, { sub: 'repo:late/images' }), [first, { accountId }])).toBe(1);
    // So is all, once the first is out of it.
    await tenant.api.call('PATCH', `${FEDERATIONS}/${first.federationId}`, {
      updateMask: 'disabled',
      disabled: true,
    });
    expect(await callerOf(jwt, [first, second])).toBe(1);
    await tenant.api.call('PATCH', `${FEDERATIONS}/${first.federationId}`, {
      updateMask: 'enabled',
      enabled: true,
    });
    expect(await callerOf(jwt, [first, second])).toBe(0);
    await tenant.api.call('DELETE', `${CREDENTIALS}/${first.credentialId}`);
    expect(await callerOf(jwt, [first, second])).toBe(1);
  });

  test('the keys of one federation open no other', async () => {
    const late = await newTenant(local, { limits: AMPLE });
    const first = await trust();
    const forged = await trust({ of: late, audience: first.audience, keys: [stranger.jwk] });
    expect(await callerOf(await token(first, {}, stranger), [first, forged])).toBe(-1);
    expect(await callerOf(await token(first), [first, forged])).toBe(0);
  });
});

describe('nobody any more is', () => {
  test.each<[string, (trusted: Trust) => Promise<unknown>]>([
    [
      'the subject of a disabled federation',
      ({ federationId }) =>
        tenant.api.call('PATCH', `${FEDERATIONS}/${federationId}`, {
          updateMask: 'disabled',
          disabled: true,
        }),
    ],
    [
      'one whose audience was taken off',
      ({ federationId }) =>
        tenant.api.call('PATCH', `${FEDERATIONS}/${federationId}`, {
          updateMask: 'audiences',
          audiences: ['another'],
        }),
    ],
    [
      'one whose credential was deleted',
      ({ credentialId }) => tenant.api.call('DELETE', `${CREDENTIALS}/${credentialId}`),
    ],
    [
      'one whose service account was deleted',
      ({ accountId }) => tenant.api.call('DELETE', `${ACCOUNTS}/${accountId}`),
    ],
    [
      'one whose service account was suspended',
      ({ accountId }) => tenant.api.call('POST', `${ACCOUNTS}/${accountId}:suspend`, {}),
    ],
  ])('%s', async (_, end) => {
    const trusted = await trust();
    const jwt = await token(trusted);
    expect(await opens(jwt, trusted)).toBe(200);
    await end(trusted);
    await expectNobody(jwt);
  });

  test('until it is reactivated', async () => {
    const trusted = await trust();
    const jwt = await token(trusted);
    for (const [verb, status] of [
      ['suspend', 401],
      ['reactivate', 200],
    ] as const) {
      await tenant.api.call('POST', `${ACCOUNTS}/${trusted.accountId}:${verb}`, {});
      expect(await opens(jwt, trusted)).toBe(status);
    }
  });
});

test('a request may be repeated with another token of the same subject', async () => {
  const trusted = await trust();
  await tenant.api.call('POST', `/resource-manager/v1/folders/${tenant.folderId}:updateAccessBindings`, {
    accessBindingDeltas: [
      {
        action: 'ADD',
        accessBinding: {
          roleId: 'compute.editor',
          subject: { type: 'serviceAccount', id: trusted.accountId },
        },
      },
    ],
  });
  const headers = { 'Idempotency-Key': crypto.randomUUID() };
  const fields = { folderId: tenant.folderId, upload: { size: 1 } };
  const first = await as(await token(trusted, { jti: '1' })).call<Operation>('POST', IMAGES, fields, {
    headers,
  });
  const again = await as(await token(trusted, { jti: '2' })).call<Operation>('POST', IMAGES, fields, {
    headers,
  });
  expect(again).toEqual(first);
});
