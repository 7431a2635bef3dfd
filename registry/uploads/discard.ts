import { deleteJob } from '../../db/jobs.ts';
import { deleteLayer } from '../../db/layers.ts';
import { deleteUpload, findUpload } from '../../db/uploads.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { objectKeyOf } from './sign-parts.ts';

/**
 * Takes away what the store holds of an ended upload: its open parts, and the object if they were joined. The rows
 * go last, so that nothing is in the store that no row names.
 */
export async function discardUpload(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[upload]] = await context.db.read([findUpload(orm, job.subjectId)]);
  if (upload === undefined || upload.state !== 'ABORTED') return 'done';
  const key = objectKeyOf(upload);
  if (upload.storeUploadId !== null) {
    await context.store.abortMultipart(key, upload.storeUploadId);
    await context.store.delete(key);
  }
  await context.db.write([
    deleteUpload(orm, upload.imageId),
    deleteLayer(orm, upload.layerId),
    deleteJob(orm, job.id),
  ]);
  return 'ended';
}
