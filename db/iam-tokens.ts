import { eq } from 'drizzle-orm';
import { type IamTokenRow, iamTokens, serviceAccounts } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';

/** Fails as `unique` when a token has this prefix. */
export function insertIamToken(orm: Orm, row: IamTokenRow): Statement {
  return orm.insert(iamTokens).values(row);
}

/** A token with the place of its service account. */
export function findIamToken(orm: Orm, prefix: string) {
  return orm
    .select({
      secretHash: iamTokens.secretHash,
      serviceAccountId: iamTokens.serviceAccountId,
      expiresAt: iamTokens.expiresAt,
      folderId: serviceAccounts.folderId,
      cloudId: serviceAccounts.cloudId,
    })
    .from(iamTokens)
    .innerJoin(serviceAccounts, eq(serviceAccounts.id, iamTokens.serviceAccountId))
    .where(eq(iamTokens.prefix, prefix));
}

export function deleteIamToken(orm: Orm, prefix: string): Statement {
  return orm.delete(iamTokens).where(eq(iamTokens.prefix, prefix));
}
