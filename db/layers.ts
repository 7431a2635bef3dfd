import { and, eq, isNotNull, lte, sql } from 'drizzle-orm';
import { type LayerRow, layers } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

export function findLayer(orm: Orm, id: string) {
  return orm.select().from(layers).where(eq(layers.id, id));
}

/** The layers that these images name. */
export function layersOfImages(orm: Orm, imageIds: readonly string[]) {
  return orm
    .select()
    .from(layers)
    .where(
      sql`id IN (SELECT layer_id FROM images WHERE id IN (SELECT value FROM json_each(${JSON.stringify(imageIds)})))`,
    );
}

export function insertLayer(orm: Orm, row: LayerRow): Statement {
  return orm.insert(layers).values(row);
}

export function updateLayer(orm: Orm, id: string, change: Partial<LayerRow>): Statement {
  return orm.update(layers).set(change).where(eq(layers.id, id));
}

/** Starts the grace period of a layer that no image names any more. Stands behind the deletion of the image. */
export function noteUnnamed(orm: Orm, id: string, now: number): Statement {
  return orm
    .update(layers)
    .set({ state: 'UNNAMED', unnamedAt: now })
    .where(and(eq(layers.id, id), sql`NOT EXISTS (SELECT 1 FROM images WHERE images.layer_id = ${id})`));
}

/** Layers that nothing has named since `before`, oldest first. */
export function layersUnnamedSince(orm: Orm, before: number, limit: number) {
  return orm
    .select()
    .from(layers)
    .where(
      and(
        isNotNull(layers.unnamedAt),
        lte(layers.unnamedAt, before),
        sql`NOT EXISTS (SELECT 1 FROM images WHERE images.layer_id = layers.id)`,
      ),
    )
    .orderBy(layers.unnamedAt)
    .limit(limit);
}

/** Demands that a layer is still UNNAMED and that no image names it. */
export function demandUnnamed(orm: Orm, id: string): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM layers WHERE id = ${id} AND state = 'UNNAMED'
      AND NOT EXISTS (SELECT 1 FROM images WHERE images.layer_id = layers.id)`,
  );
}

/** Removes the row of a layer, unless an image names it. */
export function deleteLayer(orm: Orm, id: string): Statement {
  return orm
    .delete(layers)
    .where(and(eq(layers.id, id), sql`NOT EXISTS (SELECT 1 FROM images WHERE images.layer_id = ${id})`));
}
