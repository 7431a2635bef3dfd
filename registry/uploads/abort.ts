import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { WriteConflict } from '../../db/client.ts';
import { findImage } from '../../db/images.ts';
import { findOperation } from '../../db/operations.ts';
import { demandUploadState, expiredUploads, findUpload } from '../../db/uploads.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext, Context } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { endUpload } from './end.ts';
import { uploadOf } from './sign-parts.ts';

const UPLOADS_PER_RUN = 50;

/** Ends an upload at once, and with it the creation of its image. Throws NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION. */
export async function abortUpload(context: CallerContext, imageId: string): Promise<Operation> {
  const { operationId, discard } = await decideAgain(async () => {
    const { image, upload } = await uploadOf(context, imageId);
    if (image.status !== 'CREATING') {
      throw failedPrecondition(
        imageId,
        'UPLOAD_STATE',
        `The upload of image "${imageId}" is over; delete the image instead`,
      );
    }
    const aborted = new RegistryError('CANCELLED', 'The upload was aborted');
    const ending = endUpload(context, image, upload, aborted);
    await context.db.write(ending.statements);
    return { operationId: upload.operationId, discard: ending.jobId };
  });
  await context.jobs.send(discard);
  const [[operation]] = await context.db.read([findOperation(context.db.orm, operationId)]);
  return operation!;
}

/** Ends uploads whose time is over, so that nothing is paid for that was forgotten. out: how many. */
export async function expireUploads(context: Context): Promise<number> {
  const { orm } = context.db;
  const [expired] = await context.db.read([expiredUploads(orm, context.now(), UPLOADS_PER_RUN)]);
  let ended = 0;
  for (const { imageId } of expired) {
    const [[image], [upload]] = await context.db.read([findImage(orm, imageId), findUpload(orm, imageId)]);
    if (image === undefined || upload?.state !== 'OPEN' || upload.expiresAt > context.now()) continue;
    const error = new RegistryError(
      'DEADLINE_EXCEEDED',
      `The ${upload.sourceUri === null ? 'upload was not completed' : 'link was not copied'} within ${context.settings.BULLION_UPLOAD_TTL_SECONDS} s; create the image again`,
    );
    const ending = endUpload(context, image, upload, error);
    try {
      await context.db.write([demandUploadState(orm, imageId, 'OPEN'), ...ending.statements]);
      ended += 1;
      await context.jobs.send(ending.jobId);
    } catch (conflict) {
      // Completed or ended in the meantime: nothing to expire.
      if (!(conflict instanceof WriteConflict)) throw conflict;
    }
  }
  return ended;
}
