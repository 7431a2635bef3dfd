import { RegistryError } from '../../core/errors.ts';
import {
  cancelled,
  demandDistinct,
  pendingItems,
  type Review,
  reviewed,
  statusWith,
} from '../../core/quota-requests.ts';
import type { Permission } from '../../core/roles.ts';
import type { Statement } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandRunning } from '../../db/operations.ts';
import { changeQuotaRequest, findQuotaRequest, itemsOfQuotaRequest } from '../../db/quota-requests.ts';
import { setLimit } from '../../db/quotas.ts';
import type { QuotaRequestItemRow } from '../../schema/tables/quotas.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { auditRow, SCHEDULED } from '../audit/record.ts';
import { type Access, readInput, readToChange, requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext, Context } from '../context.ts';
import { endOperation } from '../operations/end.ts';
import {
  finishedOperation,
  type Operation,
  type OperationKind,
  recordOperation,
  resourceOf,
} from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type QuotaRequest, requestResult } from './requests.ts';

const WITHDRAWN = new RegistryError('CANCELLED', 'The quota request was cancelled');

/** An administrator's approval of one quota. */
export interface Approval {
  readonly quotaId: string;
  /** What was desired, unless given. */
  readonly approvedLimit?: number | undefined;
  readonly message?: string | undefined;
}

/** Takes back what is pending of these quotas. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION. */
export function cancelQuotaRequest(
  context: CallerContext,
  id: string,
  quotaIds: readonly string[],
): Promise<Operation> {
  const call = { kind: 'quotaRequests.cancel', permission: 'quota-manager.quotaRequests.cancel' } as const;
  return change(context, id, call, (request, by) =>
    pendingItems(request, request.items, 'quota_ids', quotaIds).map((item) => cancelled(item, by)),
  );
}

/**
 * Approves quotas of a request, which sets their limits; all that are pending, as desired, unless some are named.
 * Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION.
 */
export async function approveQuotaRequest(
  context: CallerContext,
  id: string,
  approvals: readonly Approval[] | undefined,
): Promise<Operation> {
  const quotaIds = approvals?.map(({ quotaId }) => quotaId);
  await readInput(context, () => demandDistinct('items', quotaIds ?? []));
  const call = { kind: 'quotaRequests.approve', permission: 'quota-manager.quotaRequests.approve' } as const;
  return await change(context, id, call, (request, by) =>
    pendingItems(request, request.items, 'items', quotaIds).map((item) => {
      const { approvedLimit, message } = approvals?.find(({ quotaId }) => quotaId === item.quotaId) ?? {};
      return reviewed(item, { kind: 'approve', approvedLimit, message }, by);
    }),
  );
}

/** Rejects quotas of a request, all that are pending unless some are named. Throws as `approveQuotaRequest`. */
export function rejectQuotaRequest(
  context: CallerContext,
  id: string,
  quotaIds: readonly string[] | undefined,
  message: string | undefined,
): Promise<Operation> {
  const call = { kind: 'quotaRequests.reject', permission: 'quota-manager.quotaRequests.approve' } as const;
  const review: Review = { kind: 'reject', message };
  return change(context, id, call, (request, by) =>
    pendingItems(request, request.items, 'quota_ids', quotaIds).map((item) => reviewed(item, review, by)),
  );
}

/** Takes back all that is pending, because the operation of the creation is cancelled. Throws PERMISSION_DENIED. */
export async function cancelWholeRequest(
  context: Context,
  operation: OperationRow,
  access: Access,
): Promise<void> {
  requirePermission(access, 'quota-manager.quotaRequests.cancel', 'operation', operation.id);
  const taken = await takeBack(context, operation, WITHDRAWN, access.callerId);
  if (taken === undefined) return;
  const { request, settled, statements } = taken;
  await context.db.write([
    ...statements,
    auditRow(context, {
      actorId: access.callerId,
      action: 'operations.cancel',
      resource: resourceOf(operation),
      operationId: operation.id,
      before: request,
      after: settled,
    }),
    clearGuards(context.db.orm),
  ]);
}

/** How a request ends that nobody has settled until its deadline; undefined when nothing of it is pending any more. */
export async function lapse(
  context: Context,
  operation: OperationRow,
  error: RegistryError,
): Promise<{ statements: Statement[] } | undefined> {
  const taken = await takeBack(context, operation, error, SCHEDULED);
  return taken && { statements: [...taken.statements, clearGuards(context.db.orm)] };
}

/** The request of an operation with all that is pending taken back; the operation ends with `error` if nothing was given. */
async function takeBack(context: Context, { resourceId }: OperationRow, error: RegistryError, by: string) {
  const { orm } = context.db;
  const [[row], items] = await context.db.read([
    findQuotaRequest(orm, resourceId),
    itemsOfQuotaRequest(orm, resourceId),
  ]);
  if (row === undefined || !items.some(({ status }) => status === 'PENDING')) return undefined;
  const request = { ...row, items };
  const changed = pendingItems(request, items, 'quota_ids').map((item) => cancelled(item, by));
  return { request, ...settle(context, request, changed, error) };
}

/** One call that changes items of a request; its operation is done and answers with the request as it then is. */
function change(
  context: CallerContext,
  id: string,
  { kind, permission }: { readonly kind: OperationKind; readonly permission: Permission },
  decide: (request: QuotaRequest, by: string) => readonly QuotaRequestItemRow[],
): Promise<Operation> {
  const resource = { kind: 'quotaRequest', id } as const;
  const { orm } = context.db;
  return decideAgain(async () => {
    const { access, rows, replay } = await readToChange(context, resource, [
      findQuotaRequest(orm, id),
      itemsOfQuotaRequest(orm, id),
    ]);
    const row = requireResource(rows[0][0], access, resource, permission);
    if (replay !== undefined) return replay;
    const request: QuotaRequest = { ...row, items: rows[1] };
    const { settled, statements } = settle(context, request, decide(request, access.callerId));
    const operation = finishedOperation(context, access, {
      kind,
      resource: { kind: 'quotaRequest', id, folderId: null, cloudId: row.cloudId },
      metadata: { quotaRequestId: id },
      response: requestResult(settled),
    });
    await context.db.write([
      ...statements,
      ...recordOperation(context, operation, { before: request, after: settled }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * The request with some items changed, and the statements that make it so: approved limits are set, and when nothing
 * is pending any more the operation of the creation ends, with `withdrawn` when nothing was settled. The batch is undone
 * when the request was changed meanwhile.
 */
function settle(
  context: Context,
  request: QuotaRequest,
  changed: readonly QuotaRequestItemRow[],
  withdrawn = WITHDRAWN,
): { settled: QuotaRequest; statements: Statement[] } {
  const { orm } = context.db;
  const items = request.items.map((item) => changed.find(({ quotaId }) => quotaId === item.quotaId) ?? item);
  const settled: QuotaRequest = {
    ...request,
    status: statusWith(request.status, items),
    revision: request.revision + 1,
    items,
  };
  return {
    settled,
    statements: [
      ...changeQuotaRequest(orm, request, settled, changed),
      ...changed.flatMap(({ quotaId, approvedLimit }) =>
        approvedLimit === null ? [] : [setLimit(orm, request.cloudId, quotaId, approvedLimit)],
      ),
      ...endOfCreation(context, settled, withdrawn),
    ],
  };
}

function endOfCreation(context: Context, settled: QuotaRequest, withdrawn: RegistryError): Statement[] {
  const { operationId, status } = settled;
  if (status !== 'CANCELED' && status !== 'PROCESSED') return [];
  const outcome = status === 'CANCELED' ? { error: withdrawn } : { response: requestResult(settled) };
  return [demandRunning(context.db.orm, operationId), endOperation(context, operationId, outcome)];
}
