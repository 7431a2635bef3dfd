import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import type { apiKeys, authorizedKeys } from '../schema/tables/identity.ts';
import { type Credential, callerId } from './callers.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** The tables of keys that belong to a service account: of each the description can be changed, and nothing else. */
export type KeyTable = typeof apiKeys | typeof authorizedKeys;

/** The keys of a service account, or of the caller's own without an id, those behind `after`. */
export function keysOf(
  table: KeyTable,
  credential: Credential,
  serviceAccountId: string | undefined,
  after: string | undefined,
): SQL | undefined {
  return and(
    sql`service_account_id = ${serviceAccountId ?? callerId(credential)}`,
    after === undefined ? undefined : gt(table.id, after),
  );
}

/** Demands that the key is there with the description that was read. */
export function demandDescription(
  orm: Orm,
  table: KeyTable,
  id: string,
  description: string | null,
): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM ${table} WHERE id = ${id} AND description IS ${description}`,
  );
}

export function describeKey(orm: Orm, table: KeyTable, id: string, description: string | null): Statement {
  return orm.update(table).set({ description }).where(eq(table.id, id));
}

export function deleteKey(orm: Orm, table: KeyTable, id: string): Statement {
  return orm.delete(table).where(eq(table.id, id));
}
