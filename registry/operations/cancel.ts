import { RegistryError } from '../../core/errors.ts';
import { findImage } from '../../db/images.ts';
import { findUpload } from '../../db/uploads.ts';
import { requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { keepFolder } from '../identity/delete-folder.ts';
import { endUpload } from '../uploads/end.ts';
import { seenOperation } from './read.ts';
import type { Operation } from './record.ts';

/**
 * Cancels the creation of an image and rolls it back, or the deletion of a folder that has not begun. An operation that is done, or of a kind that cannot be
 * stopped, comes back as it is. Throws NOT_FOUND, PERMISSION_DENIED.
 */
export async function cancelOperation(context: CallerContext, operationId: string): Promise<Operation> {
  const { operation, discard } = await decideAgain(async () => {
    const { operation, access } = await seenOperation(context, operationId);
    if (operation.resourceKind === 'image') {
      requirePermission(access, 'operations.cancel', 'operation', operationId);
    }
    const unchanged = { operation, discard: undefined };
    if (operation.kind === 'folders.delete' && !operation.done) {
      await keepFolder(context, operation, access);
      return { ...unchanged, operation: (await seenOperation(context, operationId)).operation };
    }
    if (operation.done || operation.kind !== 'images.create') return unchanged;
    const { orm } = context.db;
    const [[image], [upload]] = await context.db.read([
      findImage(orm, operation.resourceId),
      findUpload(orm, operation.resourceId),
    ]);
    if (image === undefined || upload === undefined) return unchanged;
    const cancelled = new RegistryError('CANCELLED', 'The creation of the image was cancelled');
    const ending = endUpload(context, image, upload, cancelled);
    await context.db.write(ending.statements);
    return { operation: (await seenOperation(context, operationId)).operation, discard: ending.jobId };
  });
  if (discard !== undefined) await context.jobs.send(discard);
  return operation;
}
