import { invalidField, notFound } from '../../core/errors.ts';
import { makeToken, parseToken, TOKEN_RANDOM_BYTES } from '../../core/ids.ts';
import { demandResource } from '../../db/access-bindings.ts';
import { demandKeyInUse, findKeyInUse, touchAuthorizedKey } from '../../db/authorized-keys.ts';
import { touchAccount } from '../../db/callers.ts';
import type { Statement } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { deleteIamToken, findIamToken, insertIamToken } from '../../db/iam-tokens.ts';
import { findServiceAccount } from '../../db/service-accounts.ts';
import { type AuditEvent, audited, auditRow } from '../audit/record.ts';
import { readAs, readInput, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext, Context } from '../context.ts';
import { sha256Hex } from '../digest.ts';
import { requireResource } from '../resources.ts';
import { equalHashes, isStale } from './proof.ts';
import { keyIdOf, unverified, verifyClaim } from './signed-claim.ts';

const LIFETIME_MS = 12 * 3_600_000;
/** What clients of the original service write as the audience. */
const ORIGINAL_AUDIENCE = 'https://iam.api.cloud.yandex.net/iam/v1/tokens';

/** A token as it is shown once; only its hash is kept. */
export interface IamToken {
  readonly iamToken: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Gives a token for a JWT that the holder of an authorized key signed. in: `ownUrls`, what this registry may be called
 * in the JWT's audience. Throws UNAUTHENTICATED.
 */
export function exchangeJwt(context: Context, jwt: string, ownUrls: readonly string[]): Promise<IamToken> {
  const { orm } = context.db;
  return decideAgain(async () => {
    const keyId = keyIdOf(jwt);
    const [[key]] = await context.db.read([findKeyInUse(orm, keyId)]);
    if (key === undefined) throw unverified();
    const { serviceAccountId, publicKey } = key;
    const now = context.now();
    const audiences = [...ownUrls, ORIGINAL_AUDIENCE];
    await verifyClaim(jwt, { publicKey, serviceAccountId, audiences, now });
    const { token, insert } = await newToken(context, serviceAccountId, now + LIFETIME_MS);
    const { expiresAt } = token;
    await context.db.write([
      demandKeyInUse(orm, keyId),
      insert,
      tokenRow(
        context,
        serviceAccountId,
        'create',
        { ...key, id: serviceAccountId },
        { after: { expiresAt, keyId } },
      ),
      ...(isStale(key.lastUsedAt, now) ? [touchAuthorizedKey(orm, keyId, now)] : []),
      ...(isStale(key.lastAuthenticatedAt, now) ? [touchAccount(orm, serviceAccountId, now)] : []),
      clearGuards(orm),
    ]);
    return token;
  });
}

/**
 * Gives a token for a service account. It never outlives the credential of who asks for it, so that no token begets
 * another for ever. Throws NOT_FOUND, PERMISSION_DENIED.
 */
export function createTokenFor(context: CallerContext, serviceAccountId: string): Promise<IamToken> {
  const resource = { kind: 'serviceAccount', id: serviceAccountId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows } = await readAs(context, resource, [
      findServiceAccount(orm, requireCredential(context), serviceAccountId),
    ]);
    const own = serviceAccountId === access.callerId;
    const account = requireResource(rows[0][0], access, resource, 'iam.apiKeys.create', own);
    const expiresAt = Math.min(context.now() + LIFETIME_MS, access.expiresAt ?? Number.POSITIVE_INFINITY);
    const { token, insert } = await newToken(context, serviceAccountId, expiresAt);
    await context.db.write([
      demandResource(orm, resource),
      insert,
      tokenRow(context, access.callerId, 'create', account, { after: { expiresAt } }),
      clearGuards(orm),
    ]);
    return token;
  });
}

/** Tokens have no id that may be shown: what happens to one happens to its service account. */
function tokenRow(
  context: Context,
  actorId: string,
  verb: 'create' | 'revoke',
  account: Parameters<typeof audited>[1],
  change: Pick<AuditEvent, 'before' | 'after'>,
): Statement {
  const resource = audited('serviceAccount', account);
  return auditRow(context, { actorId, action: `iamTokens.${verb}`, resource, ...change });
}

async function newToken(
  context: Context,
  serviceAccountId: string,
  expiresAt: number,
): Promise<{ token: IamToken; insert: Statement }> {
  const { text, publicPrefix } = makeToken(context.randomBytes(TOKEN_RANDOM_BYTES));
  const insert = insertIamToken(context.db.orm, {
    prefix: publicPrefix,
    secretHash: await sha256Hex(text),
    serviceAccountId,
    createdAt: context.now(),
    expiresAt,
  });
  return { token: { iamToken: text, expiresAt }, insert };
}

/**
 * Ends a token at once, given whole: its own service account may, and who may delete the keys of that.
 * out: the id of the service account. Throws INVALID_ARGUMENT, NOT_FOUND.
 */
export async function revokeToken(context: CallerContext, text: string): Promise<string> {
  const { publicPrefix: prefix } = await readInput(context, () => wholeToken(text));
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'iamToken', id: prefix }, [
    findIamToken(orm, prefix),
  ]);
  const [[row]] = rows;
  const shown = `t1.${prefix}`;
  if (row === undefined || !equalHashes(row.secretHash, await sha256Hex(text))) {
    throw notFound('IAM token', shown);
  }
  const own = row.serviceAccountId === access.callerId;
  if (!own && !access.allows('iam.apiKeys.delete')) throw notFound('IAM token', shown);
  const { serviceAccountId, expiresAt } = row;
  await context.db.write([
    deleteIamToken(orm, prefix),
    tokenRow(context, access.callerId, 'revoke', { ...row, id: serviceAccountId }, { before: { expiresAt } }),
  ]);
  return serviceAccountId;
}

function wholeToken(text: string) {
  const token = parseToken(text);
  if (token === undefined) {
    throw invalidField('iam_token', 'must be a token as it was given, with all three of its parts');
  }
  return token;
}
