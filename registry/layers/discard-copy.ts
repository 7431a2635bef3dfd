import { deleteJob } from '../../db/jobs.ts';
import { deleteLayer, findLayer, noteUnnamed } from '../../db/layers.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';

/**
 * What the job that copies remembers between its runs, and all that the one that clears away is told. `upload` is there
 * once a copy in parts has begun.
 */
export interface CopyCursor {
  readonly layerId: string;
  readonly upload?: {
    readonly storeUploadId: string;
    /** As it was when the copy began: the setting may change meanwhile. */
    readonly partSizeBytes: number;
    /** The first ones; those behind may be there as well. */
    readonly partsCopied: number;
  };
}

/**
 * Takes away what the store holds of a copy whose disk is gone: its open uploads, and the object if it was finished.
 * The row goes last, and with it the copy's name on its source.
 */
export async function discardCopy(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const { layerId } = job.cursor as unknown as CopyCursor;
  const [[layer]] = await context.db.read([findLayer(orm, layerId)]);
  // A copy that was finished belongs to those who name it.
  if (layer === undefined || layer.copyOf === null) return 'done';
  await context.store.abortUploadsOf(layer.objectKey);
  await context.store.delete(layer.objectKey);
  await context.db.write([
    deleteLayer(orm, layer.id),
    noteUnnamed(orm, layer.copyOf, context.now()),
    deleteJob(orm, job.id),
  ]);
  return 'ended';
}
