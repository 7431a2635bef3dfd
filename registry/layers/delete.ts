import { next } from '../../core/lifecycle.ts';
import { WriteConflict } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertJob } from '../../db/jobs.ts';
import { deleteLayer, demandUnnamed, findLayer, layersUnnamedSince, updateLayer } from '../../db/layers.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { type Context, newId } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';

const LAYERS_PER_RUN = 50;

/**
 * Starts the deletion of layers that nothing has named for the grace period. From DELETING on a layer is never named
 * again, so its bytes may go. out: how many were started.
 */
export async function deleteUnnamedLayers(context: Context): Promise<number> {
  const { orm } = context.db;
  const now = context.now();
  const before = now - context.settings.BULLION_LAYER_GRACE_SECONDS * 1000;
  const [layers] = await context.db.read([layersUnnamedSince(orm, before, LAYERS_PER_RUN)]);
  let started = 0;
  for (const layer of layers) {
    const id = newId(context, 'job');
    try {
      await context.db.write([
        demandUnnamed(orm, layer.id),
        updateLayer(orm, layer.id, { state: next('layer', 'UNNAMED', 'sweep'), unnamedAt: null }),
        insertJob(orm, {
          id,
          kind: 'delete-layer',
          subjectId: layer.id,
          runAfter: now,
          requestId: context.requestId,
          createdAt: now,
        }),
        clearGuards(orm),
      ]);
    } catch (conflict) {
      // Named again, or taken by another run.
      if (!(conflict instanceof WriteConflict)) throw conflict;
      continue;
    }
    started += 1;
    await context.jobs.send(id);
  }
  return started;
}

/** Deletes a layer's object, then its row. */
export async function deleteLayerObject(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[layer]] = await context.db.read([findLayer(orm, job.subjectId)]);
  if (layer?.state !== 'DELETING') return 'done';
  if (layer.objectKey !== '') await context.store.delete(layer.objectKey);
  await context.db.write([deleteLayer(orm, layer.id)]);
  return 'done';
}
