import { and, asc, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import { type ServiceAccountRow, serviceAccounts } from '../schema/tables/identity.ts';
import { type Credential, callerId } from './callers.ts';
import type { Orm, Statement } from './client.ts';
import { onPage, type PageOfIds } from './containers.ts';
import { demandOne } from './guards.ts';

/** The last use of an account that was used before it was noted on the account itself is that of any of its keys. */
const WITH_LAST_USE = {
  ...getTableColumns(serviceAccounts),
  lastAuthenticatedAt: sql<number | null>`coalesce(last_authenticated_at,
    (SELECT max(last_used_at) FROM api_keys WHERE service_account_id = service_accounts.id))`,
};

/** A service account by its id; the caller's own when there is none. */
export function findServiceAccount(orm: Orm, credential: Credential, id: string | undefined) {
  return orm.select(WITH_LAST_USE).from(serviceAccounts).where(isAccount(credential, id));
}

function isAccount(credential: Credential, id: string | undefined): SQL {
  return sql`${serviceAccounts.id} = ${id ?? callerId(credential)}`;
}

/** The service accounts of exactly this folder. */
export function listServiceAccounts(orm: Orm, folderId: string, page: PageOfIds) {
  return orm
    .select(WITH_LAST_USE)
    .from(serviceAccounts)
    .where(and(eq(serviceAccounts.folderId, folderId), onPage(serviceAccounts, page)))
    .orderBy(asc(serviceAccounts.id))
    .limit(page.limit);
}

/** The service account of this name in the cloud of a folder. */
export function findAccountByName(orm: Orm, folderId: string, name: string) {
  return orm
    .select({ id: serviceAccounts.id })
    .from(serviceAccounts)
    .where(
      and(
        sql`cloud_id = (SELECT cloud_id FROM folders WHERE id = ${folderId})`,
        eq(serviceAccounts.name, name),
      ),
    );
}

/** Fails as `unique` when the cloud has a service account of this name. */
export function insertServiceAccount(orm: Orm, row: ServiceAccountRow): Statement {
  return orm.insert(serviceAccounts).values(row);
}

/** Its keys go with it. */
export function deleteServiceAccount(orm: Orm, id: string): Statement {
  return orm.delete(serviceAccounts).where(eq(serviceAccounts.id, id));
}

/** Demands that the account is suspended since this time, or not at all. */
export function demandSuspendedAt(orm: Orm, id: string, suspendedAt: number | null): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM service_accounts WHERE id = ${id} AND suspended_at IS ${suspendedAt}`,
  );
}

export function suspendAccount(orm: Orm, id: string, suspendedAt: number | null): Statement {
  return orm.update(serviceAccounts).set({ suspendedAt }).where(eq(serviceAccounts.id, id));
}
