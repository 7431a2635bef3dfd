import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import { next } from '../core/lifecycle.ts';
import { type LayerRow, layers } from '../schema/tables/images.ts';
import { jobs } from '../schema/tables/work.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';
import type { NamedKind } from './resources.ts';

/** A layer as it is held against the store. */
export type StoredLayer = Pick<LayerRow, 'id' | 'objectKey' | 'state' | 'sizeBytes' | 'etag' | 'createdAt'>;

const STORED_LAYER = {
  id: layers.id,
  objectKey: layers.objectKey,
  state: layers.state,
  sizeBytes: layers.sizeBytes,
  etag: layers.etag,
  createdAt: layers.createdAt,
};

/** The layers behind one that are meant to have an object, by id; a key is `layers/` and the id. */
export function layersAfter(orm: Orm, afterId: string, limit: number) {
  return orm
    .select(STORED_LAYER)
    .from(layers)
    .where(sql`id > ${afterId} AND object_key <> ''`)
    .orderBy(layers.id)
    .limit(limit);
}

/** One row when the layer stands as it was read. */
export function sameLayer(orm: Orm, { id, state, etag }: StoredLayer) {
  return orm
    .select({ id: layers.id })
    .from(layers)
    .where(
      and(
        eq(layers.id, id),
        eq(layers.state, state),
        etag === null ? isNull(layers.etag) : eq(layers.etag, etag),
      ),
    );
}

/** Marks a layer LOST; undone unless it stands as it was read. */
export function loseLayer(orm: Orm, { id, state, etag }: StoredLayer): Statement[] {
  return [
    demandOne(
      orm,
      sql`SELECT count(*) FROM layers WHERE id = ${id} AND state = ${state} AND etag IS ${etag}`,
    ),
    orm
      .update(layers)
      .set({ state: next('layer', state, 'lose') })
      .where(eq(layers.id, id)),
  ];
}

/** A layer that is still to be filled, or deleted, when nothing will do it: one row. */
export function forsakenLayer(orm: Orm, id: string) {
  return orm
    .select(STORED_LAYER)
    .from(layers)
    .where(sql`id = ${id} AND (
    state = 'PENDING'
      AND NOT EXISTS (SELECT 1 FROM uploads WHERE layer_id = layers.id)
      AND NOT EXISTS (SELECT 1 FROM disks JOIN jobs ON jobs.kind = 'copy-layer' AND jobs.subject_id = disks.id
        WHERE disks.layer_id = layers.id)
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE cursor ->> '$.layerId' = layers.id)
    OR state = 'DELETING'
      AND NOT EXISTS (SELECT 1 FROM uploads WHERE layer_id = layers.id AND state = 'ABORTED')
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'delete-layer' AND subject_id = layers.id))`);
}

/** Whether any layer has an object. */
export function anyStoredLayer(orm: Orm) {
  return orm
    .select({ id: layers.id })
    .from(layers)
    .where(sql`state IN ('STORED', 'VERIFIED') AND object_key <> ''`)
    .limit(1);
}

/** What stands READY on a layer, at most `limit` of it. */
export function readyOnLayer(orm: Orm, layerId: string, limit: number) {
  return orm
    .select({
      kind: sql<NamedKind>`kind`,
      id: sql<string>`id`,
      folderId: sql<string>`folder_id`,
      cloudId: sql<string>`cloud_id`,
    })
    .from(
      sql`(SELECT 'image' AS kind, id, folder_id, cloud_id FROM images WHERE layer_id = ${layerId} AND status = 'READY'
        UNION ALL SELECT 'disk', id, folder_id, cloud_id FROM disks WHERE layer_id = ${layerId} AND status = 'READY'
        UNION ALL SELECT 'snapshot', id, folder_id, cloud_id FROM snapshots
          WHERE layer_id = ${layerId} AND status = 'READY')`,
    )
    .limit(limit);
}

/** Which of the store's ids of open uploads a row knows. */
export function knownUploads(orm: Orm, storeUploadIds: readonly string[]) {
  return orm
    .select({ id: sql<string>`value` })
    .from(sql`json_each(${JSON.stringify(storeUploadIds)})`)
    .where(
      sql`value IN (SELECT store_upload_id FROM uploads)
      OR value IN (SELECT cursor ->> '$.upload.storeUploadId' FROM jobs)`,
    );
}

/** Jobs that were given up behind one, by id. */
export function deadJobsAfter(orm: Orm, after: string, limit: number) {
  return orm
    .select()
    .from(jobs)
    .where(and(eq(jobs.state, 'DEAD'), gt(jobs.id, after)))
    .orderBy(jobs.id)
    .limit(limit);
}
