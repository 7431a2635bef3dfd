import type { RegistryError } from '../../core/errors.ts';
import { next } from '../../core/lifecycle.ts';
import type { Statement } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { deleteJobsOf, insertJob } from '../../db/jobs.ts';
import { demandRunning } from '../../db/operations.ts';
import { updateUpload } from '../../db/uploads.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';
import { type Context, newId } from '../context.ts';
import { withdrawImage } from '../images/remove.ts';
import { endOperation } from '../operations/end.ts';
import { announceRefusal } from '../webhooks/image-events.ts';

/**
 * How a creation by upload ends without an image: refused, cancelled, deleted or out of time. One batch takes the
 * image away, gives its quota back and ends the operation with `error`; a job of the same batch then discards what
 * the store holds. The batch is undone when the operation has ended meanwhile, so only one end ever counts.
 *
 *   this end                      | the verdict's end               | what comes of it
 *   reads the operation running   | reads the operation running     |
 *   batch: guard holds, ended     |                                 | the creation ends with `error`
 *                                 | batch: guard fails, undone      | the worker finds the job gone and stops
 *
 * out: the statements, and the id of the job to send once they are written.
 */
export function endUpload(
  context: Context,
  image: ImageRow,
  upload: UploadRow,
  error: RegistryError,
): { statements: Statement[]; jobId: string } {
  const { orm } = context.db;
  const now = context.now();
  const jobId = newId(context, 'job');
  return {
    jobId,
    statements: [
      demandRunning(orm, upload.operationId),
      ...withdrawImage(context, image),
      updateUpload(orm, image.id, { state: next('upload', upload.state, 'abort'), sourceUri: null }),
      deleteJobsOf(orm, ['import-image', 'judge-upload'], image.id),
      insertJob(orm, {
        id: jobId,
        kind: 'discard-upload',
        subjectId: image.id,
        operationId: upload.operationId,
        runAfter: now,
        requestId: context.requestId,
        createdAt: now,
      }),
      endOperation(context, upload.operationId, { error }),
      ...announceRefusal(context, image, error, upload.operationId),
      clearGuards(orm),
    ],
  };
}
