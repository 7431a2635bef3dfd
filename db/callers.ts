import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import {
  apiKeys,
  clouds,
  type FederationRow,
  federatedCredentials,
  federations,
  iamTokens,
  serviceAccounts,
} from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import type { Preparable } from './prepared.ts';

/** A JWT of an outside issuer, with what it says of itself: that finds who vouches for it, and proves nothing. */
export interface Token {
  readonly kind: 'oidc';
  readonly issuer: string;
  readonly subject: string;
  /** A JSON array of texts. */
  readonly audiencesJson: string;
  readonly token: string;
}

/** What a caller presents. It finds a service account here; whether it is genuine is found out outside the database. */
export type Credential =
  /** `prefix` finds the row, whose hash the hash of the whole text is compared with. */
  { readonly kind: 'api-key' | 'iam-token'; readonly prefix: string; readonly secretHash: string } | Token;

/** What of a credential finds its caller. */
export type Claim =
  | { readonly kind: 'api-key' | 'iam-token'; readonly prefix: string }
  | Pick<Token, 'kind' | 'issuer' | 'subject' | 'audiencesJson'>;

interface Caller {
  readonly serviceAccountId: string;
  readonly lastAuthenticatedAt: number | null;
  /** On what the call is about, and on a second resource that it uses. */
  readonly roles: readonly string[];
  readonly sourceRoles: readonly string[];
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

/** The ids of roles, as a column of `findCaller`. */
export type RolesColumn = SQL.Aliased<readonly string[]>;

/** The cloud of the caller's own service account, in `findCaller`. */
export const ownCloud = alias(clouds, 'own_cloud');

/**
 * The caller of a credential, at most one row; a suspended service account is nobody, whatever the credential.
 * in: the columns of the roles, which may name `service_accounts` and `own_cloud`.
 */
export function findCaller(
  orm: Orm,
  claim: Claim,
  roles: { readonly roles: RolesColumn; readonly sourceRoles: RolesColumn },
): Preparable<CallerRow> {
  const caller = { lastAuthenticatedAt: serviceAccounts.lastAuthenticatedAt, ...roles };
  switch (claim.kind) {
    case 'api-key':
      return orm
        .select({
          kind: sql<'api-key'>`'api-key'`.as('kind'),
          serviceAccountId: apiKeys.serviceAccountId,
          ...caller,
          secretHash: apiKeys.secretHash,
          expiresAt: apiKeys.expiresAt,
          keyId: apiKeys.id,
          scopes: apiKeys.scopes,
          lastUsedAt: apiKeys.lastUsedAt,
        })
        .from(apiKeys)
        .innerJoin(serviceAccounts, isActive(apiKeys))
        .leftJoin(ownCloud, eq(ownCloud.id, serviceAccounts.cloudId))
        .where(eq(apiKeys.prefix, claim.prefix));
    case 'iam-token':
      return orm
        .select({
          kind: sql<'iam-token'>`'iam-token'`.as('kind'),
          serviceAccountId: iamTokens.serviceAccountId,
          ...caller,
          secretHash: iamTokens.secretHash,
          expiresAt: iamTokens.expiresAt,
        })
        .from(iamTokens)
        .innerJoin(serviceAccounts, isActive(iamTokens))
        .leftJoin(ownCloud, eq(ownCloud.id, serviceAccounts.cloudId))
        .where(eq(iamTokens.prefix, claim.prefix));
    case 'oidc':
      return orm
        .select({
          kind: sql<'oidc'>`'oidc'`.as('kind'),
          serviceAccountId: federatedCredentials.serviceAccountId,
          ...caller,
          federationId: federations.id,
          jwksUrl: federations.jwksUrl,
          jwks: federations.jwks,
          jwksReadAt: federations.jwksReadAt,
          jwksAskedAt: federations.jwksAskedAt,
        })
        .from(federatedCredentials)
        .innerJoin(federations, eq(federations.id, federatedCredentials.federationId))
        .innerJoin(serviceAccounts, isActive(federatedCredentials))
        .leftJoin(ownCloud, eq(ownCloud.id, serviceAccounts.cloudId))
        .where(sql`${federatedCredentials.id} = ${matching(claim)}`);
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
export function callerId(claim: Claim): SQL {
  switch (claim.kind) {
    case 'api-key':
      return sql`(SELECT service_account_id FROM api_keys WHERE prefix = ${claim.prefix})`;
    case 'iam-token':
      return sql`(SELECT service_account_id FROM iam_tokens WHERE prefix = ${claim.prefix})`;
    case 'oidc':
      return sql`(SELECT service_account_id FROM federated_credentials WHERE id = ${matching(claim)})`;
  }
}

/**
 * The id of the federated credential under which a token is taken. Several federations, of different tenants, may
 * name one issuer: the oldest that has a credential for the subject counts, and in it the very subject before the
 * longest beginning of it. So nobody takes a subject over by coming later.
 */
function matching({ issuer, subject, audiencesJson }: Extract<Claim, { kind: 'oidc' }>): SQL {
  return sql`(SELECT credential.id
    FROM (SELECT ${issuer} AS issuer, ${subject} AS subject) AS token
      JOIN federations AS federation ON federation.issuer = token.issuer AND federation.enabled
      JOIN federated_credentials AS credential ON credential.federation_id = federation.id
    WHERE EXISTS (
        SELECT 1 FROM json_each(federation.audiences) AS own JOIN json_each(${audiencesJson}) AS given
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
