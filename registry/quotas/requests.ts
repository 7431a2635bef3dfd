import { answerDeadline } from '../../core/deadlines.ts';
import { invalidField, RegistryError } from '../../core/errors.ts';
import { parseFilter } from '../../core/list-query.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import { demandDistinct } from '../../core/quota-requests.ts';
import type { Orm, Statement } from '../../db/client.ts';
import { demandCloud, findCloud } from '../../db/clouds.ts';
import { clearGuards } from '../../db/guards.ts';
import {
  deleteRequestsOfCloud,
  findQuotaRequest,
  insertQuotaRequest,
  itemsOfPage,
  itemsOfQuotaRequest,
  listQuotaRequests as pageOfRequests,
} from '../../db/quota-requests.ts';
import type { QuotaRequestItemRow, QuotaRequestRow } from '../../schema/tables/quotas.ts';
import type { OperationResult } from '../../schema/tables/work.ts';
import { readAs, readInput, readToChange, requirePermission, requireVisible } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Operation, operationError, recordOperation, startOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { knownQuota } from './limits.ts';

/** A request with the quotas that it asks for, in their order. */
export interface QuotaRequest extends QuotaRequestRow {
  readonly items: readonly QuotaRequestItemRow[];
}

/** Statuses that a filter may name. The original has DELETING too, in which no request here ever is. */
const STATUSES = ['PENDING', 'PROCESSING', 'PROCESSED', 'CANCELED', 'DELETING'];

/** Throws NOT_FOUND, PERMISSION_DENIED. */
export async function getQuotaRequest(context: CallerContext, id: string): Promise<QuotaRequest> {
  const resource = { kind: 'quotaRequest', id } as const;
  const { orm } = context.db;
  const { access, rows } = await readAs(context, resource, [
    findQuotaRequest(orm, id),
    itemsOfQuotaRequest(orm, id),
  ]);
  const row = requireResource(rows[0][0], access, resource, 'quota-manager.quotaRequests.get');
  return { ...row, items: rows[1] };
}

export interface ListQuotaRequests {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
  /** On `status` alone, by `=` or `IN`. */
  readonly filter?: string | undefined;
}

/** The requests of a cloud, sorted by id. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED. */
export async function listQuotaRequests(
  context: CallerContext,
  cloudId: string,
  { pageSize, pageToken, filter }: ListQuotaRequests,
): Promise<Page<QuotaRequest>> {
  const query = ['quota requests', cloudId, filter ?? ''];
  const page = await readInput(context, () => ({
    statuses: statusesOf(filter),
    // One more than asked for tells whether there is a next page.
    limit: pageSize + 1,
    after: pageToken ? decodePageToken(query, pageToken).id : undefined,
  }));
  const cloud = { kind: 'cloud', id: cloudId } as const;
  const { orm } = context.db;
  const { access, rows } = await readAs(context, cloud, [
    findCloud(orm, cloudId),
    pageOfRequests(orm, cloudId, page),
    itemsOfPage(orm, cloudId, page),
  ]);
  const [[row], found, foundItems] = rows;
  requireResource(row, access, cloud, 'quota-manager.quotaRequests.list');
  const items = found.slice(0, pageSize).map((request) => ({
    ...request,
    items: foundItems.filter(({ requestId }) => requestId === request.id),
  }));
  const last = items.at(-1);
  if (found.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: '', id: last.id }) };
}

/** The statuses for which all conditions of a filter hold; undefined without one. Throws INVALID_ARGUMENT. */
function statusesOf(filter: string | undefined): readonly string[] | undefined {
  const conditions = parseFilter(filter, ['status']);
  if (conditions.length === 0) return undefined;
  if (conditions.some(({ negated }) => negated)) {
    throw invalidField('filter', 'status is compared by = and IN only; name the statuses that are wanted');
  }
  const unknown = conditions.flatMap(({ values }) => values).find((value) => !STATUSES.includes(value));
  if (unknown !== undefined) {
    throw invalidField('filter', `"${unknown}" is no status; these are: ${STATUSES.join(', ')}`);
  }
  return STATUSES.filter((status) => conditions.every(({ values }) => values.includes(status)));
}

export interface CreateQuotaRequest {
  readonly cloudId: string;
  readonly desiredQuotaLimits: readonly { readonly quotaId: string; readonly desiredLimit: number }[];
}

/**
 * Asks for other limits. out: an operation that runs until an administrator has settled the request, or it was
 * cancelled. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED.
 */
export async function createQuotaRequest(
  context: CallerContext,
  { cloudId, desiredQuotaLimits }: CreateQuotaRequest,
): Promise<Operation> {
  const quotaIds = desiredQuotaLimits.map(({ quotaId }) => quotaId);
  await readInput(context, () => demandDistinct('desired_quota_limits', quotaIds));
  const { orm } = context.db;
  return await decideAgain(async () => {
    const { access, rows, replay } = await readToChange(context, { kind: 'cloud', id: cloudId }, [
      findCloud(orm, cloudId),
    ]);
    requireVisible(rows[0][0], access, 'resource-manager.clouds.get', 'Cloud', cloudId);
    requirePermission(access, 'quota-manager.quotaRequests.create', 'cloud', cloudId);
    if (replay !== undefined) return replay;
    const id = newId(context, 'quotaRequest');
    const operation = startOperation(context, access, {
      kind: 'quotaRequests.create',
      resource: { kind: 'quotaRequest', id, folderId: null, cloudId },
      metadata: { quotaRequestId: id },
      deadlineAt: answerDeadline(context.now()),
    });
    const request: QuotaRequestRow = {
      id,
      cloudId,
      operationId: operation.id,
      createdAt: context.now(),
      createdBy: access.callerId,
      status: 'PENDING',
      revision: 1,
    };
    const items = desiredQuotaLimits.map(
      ({ quotaId, desiredLimit }, position): QuotaRequestItemRow => ({
        requestId: id,
        quotaId: knownQuota(quotaId),
        position,
        desiredLimit,
        approvedLimit: null,
        status: 'PENDING',
        message: null,
        modifiedBy: null,
      }),
    );
    await context.db.write([
      demandCloud(orm, cloudId),
      ...insertQuotaRequest(orm, request, items),
      ...recordOperation(context, operation, { after: { ...request, items } }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Takes away the requests of a cloud that goes; the operations of those that were not settled end as cancelled. */
export function endRequestsOfCloud(orm: Orm, cloudId: string, now: number): Statement[] {
  const gone = new RegistryError('CANCELLED', 'The cloud was deleted before its quota request was settled');
  return deleteRequestsOfCloud(orm, cloudId, now, operationError(gone));
}

/** A request as the result of an operation. */
export function requestResult(request: QuotaRequest): OperationResult {
  return { type: 'quotaRequest', value: { ...request } };
}
