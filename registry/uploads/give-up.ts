import { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { findImage } from '../../db/images.ts';
import { findUpload } from '../../db/uploads.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { type Actor, audited, endedRow, REGISTRY } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { endUpload } from './end.ts';

/** Ends a creation whose verdict has used up the attempts of its job. */
export async function giveUpUpload(context: Context, job: JobRow): Promise<void> {
  const error = new RegistryError(
    'UNAVAILABLE',
    `The uploaded disk could not be judged: after ${job.attempts} attempts a part of the registry still did not answer. Nothing was kept; create the image again`,
  );
  await endCreation(context, job.subjectId, error);
}

/** Ends a creation by upload with `error`, by a job. One that has ended meanwhile stays as it is. */
export async function endCreation(context: Context, imageId: string, error: RegistryError): Promise<void> {
  const { orm } = context.db;
  const [[image], [upload]] = await context.db.read([findImage(orm, imageId), findUpload(orm, imageId)]);
  if (image === undefined || upload === undefined || image.status !== 'CREATING') return;
  await endCreationOf(context, image, upload, error, REGISTRY);
}

/** Ends a creation by upload as it was read, on behalf of nobody who asks; `demands` belong to its batch. */
export async function endCreationOf(
  context: Context,
  image: ImageRow,
  upload: UploadRow,
  error: RegistryError,
  actorId: Actor,
  demands: readonly Statement[] = [],
): Promise<void> {
  const ending = endUpload(context, image, upload, error);
  const event = {
    actorId,
    action: 'images.create',
    resource: audited('image', image),
    operationId: upload.operationId,
  };
  await writeAndTell(context, [...demands, ...ending.statements, endedRow(context, event, error)]);
  await context.jobs.send(ending.jobId);
}
