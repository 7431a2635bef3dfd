import { RegistryError } from '../../core/errors.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { endedRow } from '../audit/record.ts';
import { requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { keepFolder } from '../identity/delete-folder.ts';
import { cancelWholeRequest } from '../quotas/settle-request.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { ENDINGS } from './endings.ts';
import { seenOperation } from './read.ts';
import { type Operation, resourceOf } from './record.ts';

/** The creations that can be cancelled, and what is then said of them. */
const CREATIONS: Readonly<Record<string, string>> = {
  'images.create': 'The creation of the image was cancelled',
  'disks.create': 'The creation of the disk was cancelled',
};

/** Resources whose operations only those cancel who may; other operations come back to everybody who sees them. */
const GUARDED: readonly string[] = ['image', 'disk', 'snapshot'];

/**
 * Cancels the creation of an image or a disk and rolls it back, the deletion of a folder that has not begun, or what is
 * pending of a quota request. An operation that is done, or of a kind that cannot be stopped, comes back as it is.
 * Throws NOT_FOUND, PERMISSION_DENIED.
 */
export async function cancelOperation(context: CallerContext, operationId: string): Promise<Operation> {
  const { operation, jobId } = await decideAgain(async () => {
    const { operation, access } = await seenOperation(context, operationId);
    if (GUARDED.includes(operation.resourceKind)) {
      requirePermission(access, 'operations.cancel', 'operation', operationId);
    }
    if (operation.done) return { operation, jobId: undefined };
    if (operation.kind === 'folders.delete') {
      await keepFolder(context, operation, access);
      return { operation: await asItIs(context, operationId), jobId: undefined };
    }
    if (operation.kind === 'quotaRequests.create') {
      await cancelWholeRequest(context, operation, access);
      return { operation: await asItIs(context, operationId), jobId: undefined };
    }
    const message = CREATIONS[operation.kind];
    if (message === undefined) return { operation, jobId: undefined };
    const cancelled = new RegistryError('CANCELLED', message);
    const ending = await ENDINGS[operation.kind]?.(context, operation, cancelled);
    if (ending === undefined) return { operation, jobId: undefined };
    const event = {
      actorId: access.callerId,
      action: 'operations.cancel',
      resource: resourceOf(operation),
      operationId,
    };
    await writeAndTell(context, [...ending.statements, endedRow(context, event, cancelled)]);
    return { operation: await asItIs(context, operationId), jobId: ending.jobId };
  });
  if (jobId !== undefined) await context.jobs.send(jobId);
  return operation;
}

async function asItIs(context: CallerContext, operationId: string): Promise<OperationRow> {
  return (await seenOperation(context, operationId)).operation;
}
