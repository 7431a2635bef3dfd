import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import {
  type QuotaRequestItemRow,
  type QuotaRequestRow,
  quotaRequestItems,
  quotaRequests,
} from '../schema/tables/quotas.ts';
import { type OperationError, operations } from '../schema/tables/work.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

export function findQuotaRequest(orm: Orm, id: string) {
  return orm.select().from(quotaRequests).where(eq(quotaRequests.id, id));
}

/** The quotas of a request, in the order in which they were asked for. */
export function itemsOfQuotaRequest(orm: Orm, id: string) {
  return orm
    .select()
    .from(quotaRequestItems)
    .where(eq(quotaRequestItems.requestId, id))
    .orderBy(asc(quotaRequestItems.position));
}

/** A page of a cloud's requests, sorted by id: at most `limit` behind `after`, of these statuses if any are given. */
export interface PageOfQuotaRequests {
  readonly statuses: readonly string[] | undefined;
  readonly limit: number;
  readonly after: string | undefined;
}

function onPage(cloudId: string, { statuses, after }: PageOfQuotaRequests) {
  return and(
    eq(quotaRequests.cloudId, cloudId),
    statuses === undefined
      ? undefined
      : sql`${quotaRequests.status} IN (SELECT value FROM json_each(${JSON.stringify(statuses)}))`,
    after === undefined ? undefined : gt(quotaRequests.id, after),
  );
}

export function listQuotaRequests(orm: Orm, cloudId: string, page: PageOfQuotaRequests) {
  return orm
    .select()
    .from(quotaRequests)
    .where(onPage(cloudId, page))
    .orderBy(asc(quotaRequests.id))
    .limit(page.limit);
}

/** The items of all requests of the same page. */
export function itemsOfPage(orm: Orm, cloudId: string, page: PageOfQuotaRequests) {
  const ids = orm
    .select({ id: quotaRequests.id })
    .from(quotaRequests)
    .where(onPage(cloudId, page))
    .orderBy(asc(quotaRequests.id))
    .limit(page.limit);
  return orm
    .select()
    .from(quotaRequestItems)
    .where(inArray(quotaRequestItems.requestId, ids))
    .orderBy(asc(quotaRequestItems.requestId), asc(quotaRequestItems.position));
}

/** Writes a request with its quotas. */
export function insertQuotaRequest(
  orm: Orm,
  row: QuotaRequestRow,
  items: readonly QuotaRequestItemRow[],
): Statement[] {
  return [
    orm.insert(quotaRequests).values(row),
    ...items.map((item) => orm.insert(quotaRequestItems).values(item)),
  ];
}

/** Changes a request and some of its items; undoes the batch when the request was changed since it was read. */
export function changeQuotaRequest(
  orm: Orm,
  { id, revision }: Pick<QuotaRequestRow, 'id' | 'revision'>,
  { status, revision: next }: Pick<QuotaRequestRow, 'status' | 'revision'>,
  items: readonly QuotaRequestItemRow[],
): Statement[] {
  return [
    demandOne(orm, sql`SELECT count(*) FROM ${quotaRequests} WHERE id = ${id} AND revision = ${revision}`),
    orm.update(quotaRequests).set({ status, revision: next }).where(eq(quotaRequests.id, id)),
    ...items.map(({ requestId, quotaId, approvedLimit, status, message, modifiedBy }) =>
      orm
        .update(quotaRequestItems)
        .set({ approvedLimit, status, message, modifiedBy })
        .where(and(eq(quotaRequestItems.requestId, requestId), eq(quotaRequestItems.quotaId, quotaId))),
    ),
  ];
}

/** Deletes the requests of a cloud with their items, and ends those of their operations that still run with `error`. */
export function deleteRequestsOfCloud(
  orm: Orm,
  cloudId: string,
  now: number,
  error: OperationError,
): Statement[] {
  const ofCloud = eq(quotaRequests.cloudId, cloudId);
  const operationIds = orm.select({ id: quotaRequests.operationId }).from(quotaRequests).where(ofCloud);
  return [
    orm
      .update(operations)
      .set({ done: true, error, modifiedAt: now })
      .where(and(eq(operations.done, false), inArray(operations.id, operationIds))),
    orm.delete(quotaRequests).where(ofCloud),
  ];
}
