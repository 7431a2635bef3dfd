import { eq } from 'drizzle-orm';
import { type IamTokenRow, iamTokens } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';

/** Fails as `unique` when a token has this prefix. */
export function insertIamToken(orm: Orm, row: IamTokenRow): Statement {
  return orm.insert(iamTokens).values(row);
}

export function findIamToken(orm: Orm, prefix: string) {
  return orm.select().from(iamTokens).where(eq(iamTokens.prefix, prefix));
}

export function deleteIamToken(orm: Orm, prefix: string): Statement {
  return orm.delete(iamTokens).where(eq(iamTokens.prefix, prefix));
}
