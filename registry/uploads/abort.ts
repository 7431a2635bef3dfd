import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { findOperation } from '../../db/operations.ts';
import { audited, endedRow } from '../audit/record.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { endUpload } from './end.ts';
import { uploadOf } from './sign-parts.ts';

/** Ends an upload at once, and with it the creation of its image. Throws NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION. */
export async function abortUpload(context: CallerContext, imageId: string): Promise<Operation> {
  const { operationId, discard } = await decideAgain(async () => {
    const { access, image, upload } = await uploadOf(context, imageId);
    if (image.status !== 'CREATING') {
      throw failedPrecondition(
        imageId,
        'UPLOAD_STATE',
        `The upload of image "${imageId}" is over; delete the image instead`,
      );
    }
    const aborted = new RegistryError('CANCELLED', 'The upload was aborted');
    const ending = endUpload(context, image, upload, aborted);
    const event = {
      actorId: access.callerId,
      action: 'images.abortUpload',
      resource: audited('image', image),
      operationId: upload.operationId,
    };
    await writeAndTell(context, [...ending.statements, endedRow(context, event, aborted)]);
    return { operationId: upload.operationId, discard: ending.jobId };
  });
  await context.jobs.send(discard);
  const [[operation]] = await context.db.read([findOperation(context.db.orm, operationId)]);
  return operation!;
}
