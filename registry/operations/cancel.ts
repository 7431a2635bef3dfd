import { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { findDisk } from '../../db/disks.ts';
import { findImage } from '../../db/images.ts';
import { findUpload } from '../../db/uploads.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext, Context } from '../context.ts';
import { endDisk } from '../disks/end.ts';
import { keepFolder } from '../identity/delete-folder.ts';
import { cancelWholeRequest } from '../quotas/settle-request.ts';
import { endUpload } from '../uploads/end.ts';
import { seenOperation } from './read.ts';
import type { Operation } from './record.ts';

/** What takes a creation back, and the job to send once it is written. */
interface Ending {
  readonly statements: Statement[];
  readonly jobId: string;
}

/** How each creation is taken back; undefined when it has ended meanwhile. */
const CREATIONS: Readonly<
  Record<string, (context: Context, resourceId: string) => Promise<Ending | undefined>>
> = {
  'images.create': async (context, imageId) => {
    const { orm } = context.db;
    const [[image], [upload]] = await context.db.read([findImage(orm, imageId), findUpload(orm, imageId)]);
    if (image === undefined || upload === undefined) return undefined;
    const cancelled = new RegistryError('CANCELLED', 'The creation of the image was cancelled');
    return endUpload(context, image, upload, cancelled);
  },
  'disks.create': async (context, diskId) => {
    const [[disk]] = await context.db.read([findDisk(context.db.orm, diskId)]);
    if (disk?.status !== 'CREATING') return undefined;
    const cancelled = new RegistryError('CANCELLED', 'The creation of the disk was cancelled');
    return await endDisk(context, disk, cancelled);
  },
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
    const ending = await CREATIONS[operation.kind]?.(context, operation.resourceId);
    if (ending === undefined) return { operation, jobId: undefined };
    await context.db.write(ending.statements);
    return { operation: await asItIs(context, operationId), jobId: ending.jobId };
  });
  if (jobId !== undefined) await context.jobs.send(jobId);
  return operation;
}

async function asItIs(context: CallerContext, operationId: string): Promise<OperationRow> {
  return (await seenOperation(context, operationId)).operation;
}
