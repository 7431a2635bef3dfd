import { deleteJob } from '../../db/jobs.ts';
import { deleteLayer, findLayer } from '../../db/layers.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';

/** Deletes a layer's object, then its row. */
export async function deleteLayerObject(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[layer]] = await context.db.read([findLayer(orm, job.subjectId)]);
  if (layer?.state !== 'DELETING') return 'done';
  if (layer.objectKey !== '') await context.store.delete(layer.objectKey);
  await context.db.write([deleteLayer(orm, layer.id), deleteJob(orm, job.id)]);
  return 'ended';
}
