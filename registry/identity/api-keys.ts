import type { KeyScope } from '../../core/access.ts';
import { KEY_RANDOM_BYTES, makeSecret } from '../../core/ids.ts';
import { demandResource } from '../../db/access-bindings.ts';
import { findApiKey, insertApiKey, listApiKeys } from '../../db/api-keys.ts';
import { clearGuards } from '../../db/guards.ts';
import { type ApiKeyRow, apiKeys } from '../../schema/tables/identity.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { sha256Hex } from '../digest.ts';
import { recordOperation } from '../operations/record.ts';
import { accountForKey, type KeyKind, keyOperation } from './account-keys.ts';

/** A key as it may be shown. */
export type ApiKey = Omit<ApiKeyRow, 'secretHash' | 'prefix'>;

export const API_KEY: KeyKind<ApiKey> = {
  kind: 'apiKey',
  title: 'API key',
  noun: 'iam.apiKeys',
  idField: 'apiKeyId',
  table: apiKeys,
  find: findApiKey,
  page: listApiKeys,
};

const SHOWN_CHARACTERS = 6;

export interface CreateApiKey {
  /** The caller's own without one. */
  readonly serviceAccountId?: string | undefined;
  readonly description?: string | undefined;
  /** None means that the key is not narrowed. */
  readonly scopes: readonly KeyScope[];
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined;
}

/**
 * Makes a key of a service account. out: the key, and its whole secret, which nothing keeps: a repetition of the
 * request under the same Idempotency-Key is therefore ALREADY_EXISTS, naming the key.
 * Throws NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS.
 */
export function createApiKey(
  context: CallerContext,
  input: CreateApiKey,
): Promise<{ readonly apiKey: ApiKey; readonly secret: string }> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, account } = await accountForKey(context, API_KEY, input.serviceAccountId);
    const secret = makeSecret(context.randomBytes(KEY_RANDOM_BYTES));
    const apiKey: ApiKey = {
      id: newId(context, 'apiKey'),
      serviceAccountId: account.id,
      maskedSecret: `****${secret.text.slice(-SHOWN_CHARACTERS)}`,
      description: input.description || null,
      scopes: input.scopes.length > 0 ? [...input.scopes] : null,
      createdAt: context.now(),
      expiresAt: input.expiresAt ?? null,
      lastUsedAt: null,
    };
    const { folderId, cloudId } = account;
    const operation = keyOperation(context, access, API_KEY, 'create', { ...apiKey, folderId, cloudId });
    await context.db.write([
      demandResource(orm, { kind: 'serviceAccount', id: account.id }),
      insertApiKey(orm, {
        ...apiKey,
        prefix: secret.publicPrefix,
        secretHash: await sha256Hex(secret.text),
      }),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return { apiKey, secret: secret.text };
  });
}
