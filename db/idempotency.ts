import { sql } from 'drizzle-orm';
import { idempotencyKeys, operations } from '../schema/tables/work.ts';
import { type Credential, callerId } from './callers.ts';
import type { Orm } from './client.ts';

/** The first request of this caller with this key: at most one row. */
export function findIdempotencyKey(orm: Orm, credential: Credential, key: string) {
  return orm
    .select()
    .from(idempotencyKeys)
    .where(sql`caller_id = ${callerId(credential)} AND key = ${key}`);
}

/** The operation that this caller's first request with this key started. */
export function findOperationOfKey(orm: Orm, credential: Credential, key: string) {
  return orm
    .select()
    .from(operations)
    .where(
      sql`id = (SELECT operation_id FROM idempotency_keys WHERE caller_id = ${callerId(credential)} AND key = ${key})`,
    );
}

/** Fails as `unique` when the key was used meanwhile. */
export function insertIdempotencyKey(orm: Orm, row: typeof idempotencyKeys.$inferInsert) {
  return orm.insert(idempotencyKeys).values(row);
}
