import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import {
  apiKeys,
  type FederationRow,
  federatedCredentials,
  federations,
  iamTokens,
  serviceAccounts,
} from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import type { Query } from './containers.ts';

/** A JWT of an outside issuer, with what it says of itself: that finds who vouches for it, and proves nothing. */
export interface Token {
  readonly kind: 'oidc';
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly token: string;
}

/** What a caller presents. It finds a service account here; whether it is genuine is found out outside the database. */
export type Credential =
  /** `prefix` finds the row, whose hash the hash of the whole text is compared with. */
  { readonly kind: 'api-key' | 'iam-token'; readonly prefix: string; readonly secretHash: string } | Token;

interface Caller {
  readonly serviceAccountId: string;
  readonly lastAuthenticatedAt: number | null;
}

/** The service account that a credential stands for, with what shows whether it is genuine. */
export type CallerRow =
  | (Caller & {
      readonly kind: 'api-key';
      readonly secretHash: string;
      readonly expiresAt: number | null;
      readonly keyId: string;
      readonly scopes: ('read' | 'write' | 'admin')[] | null;
      readonly lastUsedAt: number | null;
    })
  | (Caller & {
      readonly kind: 'iam-token';
      readonly secretHash: string;
      readonly expiresAt: number;
    })
  | FederatedCaller;

/** With the keys by which the issuer's tokens are verified. */
export interface FederatedCaller
  extends Caller,
    Pick<FederationRow, 'jwksUrl' | 'jwks' | 'jwksReadAt' | 'jwksAskedAt'> {
  readonly kind: 'oidc';
  readonly federationId: string;
}

/** The caller of a credential, at most one row; a suspended service account is nobody, whatever the credential. */
export function findCaller(orm: Orm, credential: Credential): Query<CallerRow> {
  switch (credential.kind) {
    case 'api-key':
      return orm
        .select({
          kind: sql<'api-key'>`'api-key'`,
          serviceAccountId: apiKeys.serviceAccountId,
          lastAuthenticatedAt: serviceAccounts.lastAuthenticatedAt,
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
          lastAuthenticatedAt: serviceAccounts.lastAuthenticatedAt,
          secretHash: iamTokens.secretHash,
          expiresAt: iamTokens.expiresAt,
        })
        .from(iamTokens)
        .innerJoin(serviceAccounts, isActive(iamTokens))
        .where(eq(iamTokens.prefix, credential.prefix));
    case 'oidc':
      return orm
        .select({
          kind: sql<'oidc'>`'oidc'`,
          serviceAccountId: federatedCredentials.serviceAccountId,
          lastAuthenticatedAt: serviceAccounts.lastAuthenticatedAt,
          federationId: federations.id,
          jwksUrl: federations.jwksUrl,
          jwks: federations.jwks,
          jwksReadAt: federations.jwksReadAt,
          jwksAskedAt: federations.jwksAskedAt,
        })
        .from(federatedCredentials)
        .innerJoin(federations, eq(federations.id, federatedCredentials.federationId))
        .innerJoin(serviceAccounts, isActive(federatedCredentials))
        .where(sql`${federatedCredentials.id} = ${matching(credential)}`);
  }
}

function isActive({
  serviceAccountId,
}: typeof apiKeys | typeof iamTokens | typeof federatedCredentials): SQL | undefined {
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
    case 'oidc':
      return sql`(SELECT service_account_id FROM federated_credentials WHERE id = ${matching(credential)})`;
  }
}

/**
 * The id of the federated credential under which a token is taken. Several federations, of different tenants, may
 * name one issuer: the oldest that has a credential for the subject counts, and in it the very subject before the
 * longest beginning of it. So nobody takes a subject over by coming later.
 */
function matching({ issuer, subject, audiences }: Token): SQL {
  return sql`(SELECT credential.id
    FROM (SELECT ${issuer} AS issuer, ${subject} AS subject) AS token
      JOIN federations AS federation ON federation.issuer = token.issuer AND federation.enabled
      JOIN federated_credentials AS credential ON credential.federation_id = federation.id
    WHERE EXISTS (
        SELECT 1 FROM json_each(federation.audiences) AS own JOIN json_each(${JSON.stringify(audiences)}) AS given
        ON own.value = given.value)
      AND (credential.external_subject_id = token.subject
        OR (substr(credential.external_subject_id, -1) = '*'
          AND substr(token.subject, 1, length(credential.external_subject_id) - 1)
            = substr(credential.external_subject_id, 1, length(credential.external_subject_id) - 1)))
    ORDER BY federation.created_at, federation.id,
      credential.external_subject_id = token.subject DESC, length(credential.external_subject_id) DESC
    LIMIT 1)`;
}

/** Notes that a service account was authenticated. */
export function touchAccount(orm: Orm, id: string, now: number): Statement {
  return orm.update(serviceAccounts).set({ lastAuthenticatedAt: now }).where(eq(serviceAccounts.id, id));
}

/** Notes that a key was used. */
export function touchKey(orm: Orm, keyId: string, now: number): Statement {
  return orm.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, keyId));
}
