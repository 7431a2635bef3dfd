import { and, count, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import { type OperationRow, operations } from '../schema/tables/work.ts';
import type { Orm } from './client.ts';
import { demandOne } from './guards.ts';

export type NewOperation = Omit<OperationRow, 'sequence'>;

export function findOperation(orm: Orm, id: string) {
  return orm.select().from(operations).where(eq(operations.id, id));
}

export function insertOperation(orm: Orm, row: NewOperation) {
  return orm.insert(operations).values(row);
}

/** Newest first; `before` is the sequence of the last one on the page before. */
export function operationsOfResource(
  orm: Orm,
  resourceKind: string,
  resourceId: string,
  limit: number,
  before?: number,
) {
  return page(
    orm,
    and(eq(operations.resourceKind, resourceKind), eq(operations.resourceId, resourceId)),
    limit,
    before,
  );
}

export function operationsOfFolder(orm: Orm, folderId: string, limit: number, before?: number) {
  return page(orm, eq(operations.folderId, folderId), limit, before);
}

function page(orm: Orm, where: SQL | undefined, limit: number, before?: number) {
  return orm
    .select()
    .from(operations)
    .where(and(where, before === undefined ? undefined : lt(operations.sequence, before)))
    .orderBy(desc(operations.sequence))
    .limit(limit);
}

/** How many operations of a folder are at work; one that waits for its upload is not. */
export function countActiveOperations(orm: Orm, folderId: string) {
  return orm
    .select({ active: count() })
    .from(operations)
    .where(and(eq(operations.folderId, folderId), sql`done = 0 AND stage <> 'AWAITING_UPLOAD'`));
}

/** Whether an operation is still running: the guard before everything that ends one. */
export function demandRunning(orm: Orm, id: string) {
  return demandOne(orm, sql`SELECT count(*) FROM operations WHERE id = ${id} AND done = 0`);
}

type Change = Partial<
  Pick<
    OperationRow,
    'stage' | 'bytesDone' | 'bytesTotal' | 'deadlineAt' | 'done' | 'response' | 'error' | 'metadata'
  >
>;

/** Changes a running operation; a finished one stays as it is. */
export function changeOperation(orm: Orm, id: string, now: number, change: Change) {
  return orm
    .update(operations)
    .set({ ...change, modifiedAt: now })
    .where(and(eq(operations.id, id), eq(operations.done, false)));
}

/** Running operations whose deadline has passed, the one that passed first at the front. */
export function overdueOperations(orm: Orm, now: number, limit: number) {
  return orm
    .select()
    .from(operations)
    .where(sql`done = 0 AND deadline_at IS NOT NULL AND deadline_at <= ${now}`)
    .orderBy(operations.deadlineAt)
    .limit(limit);
}
