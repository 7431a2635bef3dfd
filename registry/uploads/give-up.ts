import { RegistryError } from '../../core/errors.ts';
import { findImage } from '../../db/images.ts';
import { findUpload } from '../../db/uploads.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import { endUpload } from './end.ts';

/** Ends a creation by upload whose job has used up its attempts. One that has ended meanwhile stays as it is. */
export async function giveUpUpload(context: Context, job: JobRow): Promise<void> {
  const { orm } = context.db;
  const [[image], [upload]] = await context.db.read([
    findImage(orm, job.subjectId),
    findUpload(orm, job.subjectId),
  ]);
  if (image === undefined || upload === undefined || image.status !== 'CREATING') return;
  const error = new RegistryError(
    'UNAVAILABLE',
    `The uploaded disk could not be judged: after ${job.attempts} attempts a part of the registry still did not answer. Nothing was kept; create the image again`,
  );
  const ending = endUpload(context, image, upload, error);
  await context.db.write(ending.statements);
  await context.jobs.send(ending.jobId);
}
