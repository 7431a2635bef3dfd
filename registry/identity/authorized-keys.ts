import { exportPKCS8, exportSPKI, generateKeyPair } from 'jose';
import { demandResource } from '../../db/access-bindings.ts';
import { findAuthorizedKey, insertAuthorizedKey, listAuthorizedKeys } from '../../db/authorized-keys.ts';
import { clearGuards } from '../../db/guards.ts';
import { type AuthorizedKeyRow, authorizedKeys } from '../../schema/tables/identity.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { recordOperation } from '../operations/record.ts';
import { accountForKey, type KeyKind, keyOperation } from './account-keys.ts';

export type AuthorizedKey = AuthorizedKeyRow;

export const AUTHORIZED_KEY: KeyKind<AuthorizedKey> = {
  kind: 'authorizedKey',
  title: 'Authorized key',
  noun: 'iam.authorizedKeys',
  idField: 'keyId',
  table: authorizedKeys,
  find: findAuthorizedKey,
  page: listAuthorizedKeys,
};

const MODULUS_BITS = { RSA_2048: 2048, RSA_4096: 4096 } as const;

export interface CreateAuthorizedKey {
  /** The caller's own without one. */
  readonly serviceAccountId?: string | undefined;
  readonly description?: string | undefined;
  readonly keyAlgorithm: keyof typeof MODULUS_BITS;
}

/** Both in PEM. */
interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/**
 * Makes a key pair of a service account. out: the key, and the private key, which nothing keeps: a repetition of the
 * request under the same Idempotency-Key is therefore ALREADY_EXISTS, naming the key.
 * Throws NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS.
 */
export function createAuthorizedKey(
  context: CallerContext,
  { serviceAccountId, description, keyAlgorithm }: CreateAuthorizedKey,
): Promise<{ readonly key: AuthorizedKey; readonly privateKey: string }> {
  let made: KeyPair | undefined;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, account } = await accountForKey(context, AUTHORIZED_KEY, serviceAccountId);
    // Once, and only for who may have it: a long key takes seconds.
    made ??= await makePair(keyAlgorithm);
    const key: AuthorizedKey = {
      id: newId(context, 'authorizedKey'),
      serviceAccountId: account.id,
      description: description || null,
      keyAlgorithm,
      publicKey: made.publicKey,
      createdAt: context.now(),
      lastUsedAt: null,
    };
    const { folderId, cloudId } = account;
    const operation = keyOperation(context, access, AUTHORIZED_KEY, 'create', { ...key, folderId, cloudId });
    await context.db.write([
      demandResource(orm, { kind: 'serviceAccount', id: account.id }),
      insertAuthorizedKey(orm, key),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return { key, privateKey: made.privateKey };
  });
}

async function makePair(keyAlgorithm: CreateAuthorizedKey['keyAlgorithm']): Promise<KeyPair> {
  const pair = await generateKeyPair('PS256', {
    modulusLength: MODULUS_BITS[keyAlgorithm],
    extractable: true,
  });
  return { publicKey: await exportSPKI(pair.publicKey), privateKey: await exportPKCS8(pair.privateKey) };
}
