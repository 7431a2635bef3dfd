import { insertJob } from '../../db/jobs.ts';
import { deleteLayer, findLayer, layersUnnamedSince, updateLayer } from '../../db/layers.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { type Context, newId } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';

const LAYERS_PER_RUN = 50;

/**
 * Starts the deletion of layers that nothing has named for the grace period. A layer that is UNNAMED is never named
 * again, so from here on its bytes may go. out: how many were started.
 */
export async function deleteUnnamedLayers(context: Context): Promise<number> {
  const { orm } = context.db;
  const now = context.now();
  const before = now - context.settings.BULLION_LAYER_GRACE_SECONDS * 1000;
  const [layers] = await context.db.read([layersUnnamedSince(orm, before, LAYERS_PER_RUN)]);
  for (const layer of layers) {
    const id = newId(context, 'job');
    await context.db.write([
      updateLayer(orm, layer.id, { unnamedAt: null }),
      insertJob(orm, {
        id,
        kind: 'delete-layer',
        subjectId: layer.id,
        runAfter: now,
        requestId: context.requestId,
        createdAt: now,
      }),
    ]);
    await context.jobs.send(id);
  }
  return layers.length;
}

/** Deletes an unnamed layer's object, then its row. */
export async function deleteLayerObject(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[layer]] = await context.db.read([findLayer(orm, job.subjectId)]);
  if (layer === undefined || layer.state !== 'UNNAMED') return 'done';
  await context.store.delete(layer.objectKey);
  await context.db.write([deleteLayer(orm, layer.id)]);
  return 'done';
}
