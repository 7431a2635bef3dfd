import { and, eq, isNotNull, isNull, lte, type SQL, sql } from 'drizzle-orm';
import { sources } from '../core/lifecycle.ts';
import { type LayerRow, layers } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** The states of a layer that a new row may name. */
const NAMEABLE = ['VERIFIED', ...sources('layer', 'name')];

/** Whether a layer has no verdict yet. */
const UNJUDGED = sql.raw(
  `state IN (${sources('layer', 'abandon')
    .map((state) => `'${state}'`)
    .join(', ')})`,
);

/**
 * Whether something names a layer: an image, also one in the trash, a disk, a snapshot, or a copy of it that is still being made.
 * in: the layer's id, or the column that has it.
 */
function named(id: SQL): SQL {
  return sql`(EXISTS (SELECT 1 FROM images WHERE images.layer_id = ${id})
    OR EXISTS (SELECT 1 FROM disks WHERE disks.layer_id = ${id})
    OR EXISTS (SELECT 1 FROM disks WHERE disks.top_layer_id = ${id})
    OR EXISTS (SELECT 1 FROM snapshots WHERE snapshots.layer_id = ${id})
    OR EXISTS (SELECT 1 FROM deleted_images WHERE deleted_images.layer_id = ${id})
    OR EXISTS (SELECT 1 FROM layers AS copy WHERE copy.copy_of = ${id}))`;
}

export function findLayer(orm: Orm, id: string) {
  return orm.select().from(layers).where(eq(layers.id, id));
}

/** The layer of which that of a disk is being copied. */
export function findSourceOfCopy(orm: Orm, diskId: string) {
  return orm
    .select()
    .from(layers)
    .where(
      sql`id = (SELECT copy_of FROM layers AS copy WHERE id = (SELECT layer_id FROM disks WHERE id = ${diskId}))`,
    );
}

export function insertLayer(orm: Orm, row: LayerRow): Statement {
  return orm.insert(layers).values(row);
}

export function updateLayer(orm: Orm, id: string, change: Partial<LayerRow>): Statement {
  return orm.update(layers).set(change).where(eq(layers.id, id));
}

/** Keeps the digest of a layer; the first one stays, since the bytes never change. */
export function publishDigest(orm: Orm, id: string, digest: string): Statement {
  return orm
    .update(layers)
    .set({ digest })
    .where(and(eq(layers.id, id), isNull(layers.digest)));
}

/**
 * Starts the grace period of a layer that nothing names any more. Stands behind the deletion of what named it.
 * One without a verdict has no such period: its upload was ended, and the job of that takes it away. A layer that is
 * still a copy in the making is left to the job that makes it.
 */
export function noteUnnamed(orm: Orm, id: string, now: number): Statement {
  return orm
    .update(layers)
    .set({
      state: sql`CASE WHEN ${UNJUDGED} THEN 'DELETING' ELSE 'UNNAMED' END`,
      unnamedAt: sql`CASE WHEN ${UNJUDGED} THEN NULL ELSE ${now} END`,
    })
    .where(and(eq(layers.id, id), isNull(layers.copyOf), sql`NOT ${named(sql`${id}`)}`));
}

/**
 * Demands that a layer can be named, VERIFIED or UNNAMED within its grace period, and ends that period. Stands in
 * the batch of every row that comes to name an existing layer.
 */
export function nameLayer(orm: Orm, id: string): Statement[] {
  return [
    demandOne(
      orm,
      sql`SELECT count(*) FROM layers WHERE id = ${id}
        AND state IN (SELECT value FROM json_each(${JSON.stringify(NAMEABLE)}))`,
    ),
    orm.update(layers).set({ state: 'VERIFIED', unnamedAt: null }).where(eq(layers.id, id)),
  ];
}

/** Layers that nothing has named since `before`, oldest first. */
export function layersUnnamedSince(orm: Orm, before: number, limit: number) {
  return orm
    .select()
    .from(layers)
    .where(and(isNotNull(layers.unnamedAt), lte(layers.unnamedAt, before), sql`NOT ${named(sql`layers.id`)}`))
    .orderBy(layers.unnamedAt)
    .limit(limit);
}

/** Demands that a layer is still UNNAMED and that nothing names it. */
export function demandUnnamed(orm: Orm, id: string): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM layers WHERE id = ${id} AND state = 'UNNAMED'
      AND NOT ${named(sql`layers.id`)}`,
  );
}

/** Removes the row of a layer, unless something names it. */
export function deleteLayer(orm: Orm, id: string): Statement {
  return orm.delete(layers).where(and(eq(layers.id, id), sql`NOT ${named(sql`${id}`)}`));
}
