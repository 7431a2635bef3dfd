import type { Statement } from '../../db/client.ts';
import { insertJob } from '../../db/jobs.ts';
import type { UploadRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';

/** The job that fetches the parts of an upload from its link. in: its id, and when it is due. */
export function insertImport(
  context: Context,
  jobId: string,
  { imageId, operationId }: Pick<UploadRow, 'imageId' | 'operationId'>,
  runAfter: number,
): Statement {
  return insertJob(context.db.orm, {
    id: jobId,
    kind: 'import-image',
    subjectId: imageId,
    operationId,
    runAfter,
    requestId: context.requestId,
    createdAt: context.now(),
  });
}
