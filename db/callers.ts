import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { apiKeys, iamTokens, serviceAccounts } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import type { Query } from './containers.ts';

/** What a caller presents. It finds a service account here; whether it is genuine is found out outside the database. */
export type Credential =
  /** `prefix` finds the row, whose hash the hash of the whole text is compared with. */
  { readonly kind: 'api-key' | 'iam-token'; readonly prefix: string; readonly secretHash: string };

/** The service account that a credential stands for, with what shows whether it is genuine. */
export type CallerRow =
  | {
      readonly kind: 'api-key';
      readonly serviceAccountId: string;
      readonly secretHash: string;
      readonly expiresAt: number | null;
      readonly keyId: string;
      readonly scopes: ('read' | 'write' | 'admin')[] | null;
      readonly lastUsedAt: number | null;
    }
  | {
      readonly kind: 'iam-token';
      readonly serviceAccountId: string;
      readonly secretHash: string;
      readonly expiresAt: number;
    };

/** The caller of a credential, at most one row; a suspended service account is nobody, whatever the credential. */
export function findCaller(orm: Orm, credential: Credential): Query<CallerRow> {
  switch (credential.kind) {
    case 'api-key':
      return orm
        .select({
          kind: sql<'api-key'>`'api-key'`,
          serviceAccountId: apiKeys.serviceAccountId,
          secretHash: apiKeys.secretHash,
          expiresAt: apiKeys.expiresAt,
          keyId: apiKeys.id,
          scopes: apiKeys.scopes,
          lastUsedAt: apiKeys.lastUsedAt,
        })
        .from(apiKeys)
        .innerJoin(serviceAccounts, isActive(apiKeys))
        .where(eq(apiKeys.prefix, credential.prefix));
    case 'iam-token':
      return orm
        .select({
          kind: sql<'iam-token'>`'iam-token'`,
          serviceAccountId: iamTokens.serviceAccountId,
          secretHash: iamTokens.secretHash,
          expiresAt: iamTokens.expiresAt,
        })
        .from(iamTokens)
        .innerJoin(serviceAccounts, isActive(iamTokens))
        .where(eq(iamTokens.prefix, credential.prefix));
  }
}

function isActive({ serviceAccountId }: typeof apiKeys | typeof iamTokens): SQL | undefined {
  return and(eq(serviceAccounts.id, serviceAccountId), isNull(serviceAccounts.suspendedAt));
}

/**
 * The id of the service account behind a credential, for use inside other statements. Whether it may act at all is
 * `findCaller`'s to say, in the same batch.
 */
export function callerId(credential: Credential): SQL {
  switch (credential.kind) {
    case 'api-key':
      return sql`(SELECT service_account_id FROM api_keys WHERE prefix = ${credential.prefix})`;
    case 'iam-token':
      return sql`(SELECT service_account_id FROM iam_tokens WHERE prefix = ${credential.prefix})`;
  }
}

/** Notes that a key was used. */
export function touchKey(orm: Orm, keyId: string, now: number): Statement {
  return orm.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, keyId));
}
