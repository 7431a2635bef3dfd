import { next } from '../../core/lifecycle.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertJob } from '../../db/jobs.ts';
import { demandUnnamed, layersUnnamedSince, updateLayer } from '../../db/layers.ts';
import { newId } from '../context.ts';
import { oneByOne } from './one-by-one.ts';

/** From DELETING on a layer is never named again, so its bytes may go (`registry/layers/delete.ts`). */
export const deleteUnnamedLayers = oneByOne({
  description: 'Begins the deletion of layers that nothing has named for the grace period',
  async find({ db, now, settings }, limit) {
    const before = now() - settings.BULLION_LAYER_GRACE_SECONDS * 1000;
    return (await db.read([layersUnnamedSince(db.orm, before, limit)]))[0];
  },
  tell: ({ id, sizeBytes }) => ({ layerId: id, sizeBytes }),
  async act(context, { id }) {
    const { orm } = context.db;
    const now = context.now();
    const jobId = newId(context, 'job');
    await context.db.write([
      demandUnnamed(orm, id),
      updateLayer(orm, id, { state: next('layer', 'UNNAMED', 'sweep'), unnamedAt: null }),
      insertJob(orm, {
        id: jobId,
        kind: 'delete-layer',
        subjectId: id,
        runAfter: now,
        requestId: context.requestId,
        createdAt: now,
      }),
      clearGuards(orm),
    ]);
    await context.jobs.send(jobId);
    return true;
  },
});
