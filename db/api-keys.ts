import { asc, eq, getTableColumns } from 'drizzle-orm';
import { apiKeys, serviceAccounts } from '../schema/tables/identity.ts';
import { keysOf } from './account-keys.ts';
import type { Credential } from './callers.ts';
import type { Orm, Statement } from './client.ts';

/** A key as it may be shown: what its secret hashes to stays in the database. */
const { secretHash: _, prefix: __, ...SHOWN } = getTableColumns(apiKeys);

/** With the folder and the cloud of its service account. */
export function findApiKey(orm: Orm, id: string) {
  return orm
    .select({ ...SHOWN, folderId: serviceAccounts.folderId, cloudId: serviceAccounts.cloudId })
    .from(apiKeys)
    .innerJoin(serviceAccounts, eq(serviceAccounts.id, apiKeys.serviceAccountId))
    .where(eq(apiKeys.id, id));
}

/** The keys of a service account, or of the caller's own without an id, sorted by their ids. */
export function listApiKeys(
  orm: Orm,
  credential: Credential,
  serviceAccountId: string | undefined,
  limit: number,
  after: string | undefined,
) {
  return orm
    .select(SHOWN)
    .from(apiKeys)
    .where(keysOf(apiKeys, credential, serviceAccountId, after))
    .orderBy(asc(apiKeys.id))
    .limit(limit);
}

/** Fails as `unique` when a key has this prefix. */
export function insertApiKey(orm: Orm, row: typeof apiKeys.$inferInsert): Statement {
  return orm.insert(apiKeys).values(row);
}
