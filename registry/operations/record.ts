import type { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { insertIdempotencyKey } from '../../db/idempotency.ts';
import { insertOperation, type NewOperation } from '../../db/operations.ts';
import type { OperationError, OperationResult, OperationRow } from '../../schema/tables/work.ts';
import { type Audited, auditRow, type Change } from '../audit/record.ts';
import type { Access } from '../authorize.ts';
import { type CallerContext, type Context, newId } from '../context.ts';

/** An operation as verbs hand it out: the row without the number that orders it. */
export type Operation = Omit<OperationRow, 'sequence'>;

/** Every method that answers with an operation, and how its description reads. */
const DESCRIPTIONS = {
  'images.create': 'Create image',
  'images.update': 'Update image',
  'images.delete': 'Delete image',
  'images.promote': 'Promote image',
  'images.deprecate': 'Deprecate image',
  'images.undelete': 'Bring image back',
  'images.lease': 'Lease image',
  'images.releaseLease': 'Release lease of image',
  'imageFamilies.rollback': 'Roll image family back',
  'imageFamilies.setRetention': 'Set retention of image family',
  'webhooks.create': 'Create webhook',
  'webhooks.update': 'Update webhook',
  'webhooks.rotateSecret': 'Rotate secret of webhook',
  'webhooks.delete': 'Delete webhook',
  'images.setAccessBindings': 'Set image access bindings',
  'images.updateAccessBindings': 'Update image access bindings',
  'disks.create': 'Create disk',
  'disks.update': 'Update disk',
  'disks.delete': 'Delete disk',
  'disks.move': 'Move disk',
  'disks.relocate': 'Relocate disk',
  'disks.setAccessBindings': 'Set disk access bindings',
  'disks.updateAccessBindings': 'Update disk access bindings',
  'snapshots.create': 'Create snapshot',
  'snapshots.update': 'Update snapshot',
  'snapshots.delete': 'Delete snapshot',
  'snapshots.setAccessBindings': 'Set snapshot access bindings',
  'snapshots.updateAccessBindings': 'Update snapshot access bindings',
  'folders.create': 'Create folder',
  'folders.update': 'Update folder',
  'folders.delete': 'Delete folder',
  'folders.setAccessBindings': 'Set folder access bindings',
  'folders.updateAccessBindings': 'Update folder access bindings',
  'clouds.create': 'Create cloud',
  'clouds.update': 'Update cloud',
  'clouds.delete': 'Delete cloud',
  'clouds.setAccessBindings': 'Set cloud access bindings',
  'clouds.updateAccessBindings': 'Update cloud access bindings',
  'serviceAccounts.create': 'Create service account',
  'serviceAccounts.update': 'Update service account',
  'serviceAccounts.delete': 'Delete service account',
  'serviceAccounts.setAccessBindings': 'Set service account access bindings',
  'serviceAccounts.updateAccessBindings': 'Update service account access bindings',
  'apiKeys.create': 'Create API key',
  'apiKeys.update': 'Update API key',
  'apiKeys.delete': 'Delete API key',
  'serviceAccounts.suspend': 'Suspend service account',
  'serviceAccounts.reactivate': 'Reactivate service account',
  'authorizedKeys.create': 'Create authorized key',
  'authorizedKeys.update': 'Update authorized key',
  'authorizedKeys.delete': 'Delete authorized key',
  'federations.create': 'Create OIDC federation',
  'federations.update': 'Update OIDC federation',
  'federations.delete': 'Delete OIDC federation',
  'federatedCredentials.create': 'Create federated credential',
  'federatedCredentials.delete': 'Delete federated credential',
  'quotaRequests.create': 'Create quota request',
  'quotaRequests.cancel': 'Cancel quota request',
  'quotaRequests.approve': 'Approve quota request',
  'quotaRequests.reject': 'Reject quota request',
  'quotaLimits.update': 'Update quota limit',
} as const;

export type OperationKind = keyof typeof DESCRIPTIONS;

interface Start {
  kind: OperationKind;
  resource: { kind: string; id: string; folderId: string | null; cloudId: string | null };
  metadata: Record<string, unknown>;
}

/** A running operation of this caller, not yet written. in: when it is ended at the latest; null when it waits for people. */
export function startOperation(
  context: Context,
  access: Access,
  start: Start & { deadlineAt: number | null },
): Operation {
  const now = context.now();
  return {
    id: newId(context, 'operation'),
    kind: start.kind,
    description: DESCRIPTIONS[start.kind],
    resourceKind: start.resource.kind,
    resourceId: start.resource.id,
    folderId: start.resource.folderId,
    cloudId: start.resource.cloudId,
    createdAt: now,
    createdBy: access.callerId,
    modifiedAt: now,
    done: false,
    stage: null,
    bytesDone: null,
    bytesTotal: null,
    deadlineAt: start.deadlineAt,
    metadata: start.metadata,
    response: null,
    error: null,
  };
}

/** An operation that ends in the same call. */
export function finishedOperation(
  context: Context,
  access: Access,
  start: Start & { response: OperationResult },
): Operation {
  return {
    ...startOperation(context, access, { ...start, deadlineAt: null }),
    done: true,
    response: start.response,
  };
}

/**
 * The rows that a change writes about itself: its operation, what was changed by whom, and the key under which it may
 * be repeated. in: `change` as records were before and are after it; without it, the operation's result was made.
 */
export function recordOperation(
  context: CallerContext,
  operation: NewOperation,
  change: Change = { after: resultOf(operation) },
): Statement[] {
  const { orm } = context.db;
  const statements: Statement[] = [insertOperation(orm, operation), auditOf(context, operation, change)];
  if (context.idempotencyKey !== undefined) {
    statements.push(
      insertIdempotencyKey(orm, {
        callerId: operation.createdBy,
        key: context.idempotencyKey.key,
        fingerprint: context.idempotencyKey.fingerprint,
        operationId: operation.id,
        createdAt: operation.createdAt,
      }),
    );
  }
  return statements;
}

function resultOf({ response }: NewOperation): OperationResult['value'] | undefined {
  return response === null || response.type === EMPTY.type ? undefined : response.value;
}

function auditOf(context: CallerContext, operation: NewOperation, change: Change): Statement {
  const { id, kind, createdBy } = operation;
  return auditRow(context, {
    actorId: createdBy,
    action: kind,
    resource: resourceOf(operation),
    operationId: id,
    ...change,
  });
}

/** What an operation is about, with its place. */
export function resourceOf(operation: NewOperation): Audited {
  const { resourceKind, resourceId, folderId, cloudId } = operation;
  return { kind: resourceKind, id: resourceId, folderId, cloudId };
}

/** An error in the form in which an operation keeps it. */
export function operationError(error: RegistryError): OperationError {
  return { code: error.code, message: error.message, details: [...error.details] };
}

/** The answer of a deletion. */
export const EMPTY: OperationResult = { type: 'empty', value: {} };
