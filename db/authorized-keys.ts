import { and, asc, eq, getTableColumns, isNull, sql } from 'drizzle-orm';
import { type AuthorizedKeyRow, authorizedKeys, serviceAccounts } from '../schema/tables/identity.ts';
import { keysOf } from './account-keys.ts';
import type { Credential } from './callers.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** With the folder and the cloud of its service account. */
export function findAuthorizedKey(orm: Orm, id: string) {
  return orm
    .select({
      ...getTableColumns(authorizedKeys),
      folderId: serviceAccounts.folderId,
      cloudId: serviceAccounts.cloudId,
    })
    .from(authorizedKeys)
    .innerJoin(serviceAccounts, eq(serviceAccounts.id, authorizedKeys.serviceAccountId))
    .where(eq(authorizedKeys.id, id));
}

/** The keys of a service account, or of the caller's own without an id, sorted by their ids. */
export function listAuthorizedKeys(
  orm: Orm,
  credential: Credential,
  serviceAccountId: string | undefined,
  limit: number,
  after: string | undefined,
) {
  return orm
    .select()
    .from(authorizedKeys)
    .where(keysOf(authorizedKeys, credential, serviceAccountId, after))
    .orderBy(asc(authorizedKeys.id))
    .limit(limit);
}

export function insertAuthorizedKey(orm: Orm, row: AuthorizedKeyRow): Statement {
  return orm.insert(authorizedKeys).values(row);
}

/** What verifies a JWT that names this key; no row when its service account is suspended. */
export function findKeyInUse(orm: Orm, id: string) {
  return orm
    .select({
      id: authorizedKeys.id,
      serviceAccountId: authorizedKeys.serviceAccountId,
      publicKey: authorizedKeys.publicKey,
      lastUsedAt: authorizedKeys.lastUsedAt,
      lastAuthenticatedAt: serviceAccounts.lastAuthenticatedAt,
      folderId: serviceAccounts.folderId,
      cloudId: serviceAccounts.cloudId,
    })
    .from(authorizedKeys)
    .innerJoin(serviceAccounts, eq(serviceAccounts.id, authorizedKeys.serviceAccountId))
    .where(and(eq(authorizedKeys.id, id), isNull(serviceAccounts.suspendedAt)));
}

/** Demands that the key is there and its service account not suspended. */
export function demandKeyInUse(orm: Orm, id: string): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM authorized_keys JOIN service_accounts
      ON service_accounts.id = authorized_keys.service_account_id
      WHERE authorized_keys.id = ${id} AND suspended_at IS NULL`,
  );
}

/** Notes that a key was used. */
export function touchAuthorizedKey(orm: Orm, id: string, now: number): Statement {
  return orm.update(authorizedKeys).set({ lastUsedAt: now }).where(eq(authorizedKeys.id, id));
}
