import { and, eq, getTableColumns, sql } from 'drizzle-orm';
import { disks, type ImageRow, images, layers } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';
import { leasesOf } from './leases.ts';
import { prepared } from './prepared.ts';

export function findImage(orm: Orm, id: string) {
  return orm.select().from(images).where(eq(images.id, id));
}

/** Images as they are shown: with what their layer adds, and how many leases hold them at `now`. */
export function shownImages(orm: Orm, now: number) {
  return orm
    .select({
      ...getTableColumns(images),
      digest: layers.digest,
      inspection: layers.inspection,
      leases: leasesOf(sql`images.id`, now).as('leases'),
    })
    .from(images)
    .innerJoin(layers, eq(layers.id, images.layerId));
}

export const findShownImage = prepared((orm, { id, now }: { id: string; now: number }) =>
  shownImages(orm, now).where(eq(images.id, id)),
);

/** The layer that an image names. */
export function findLayerOfImage(orm: Orm, imageId: string) {
  return orm.select().from(layers).where(sql`id = (SELECT layer_id FROM images WHERE id = ${imageId})`);
}

/** Fails as `unique` when the folder has an image of this name. */
export function insertImage(orm: Orm, row: ImageRow): Statement {
  return orm.insert(images).values(row);
}

/** The disks that an image is being copied to, oldest first: a few of them. */
export function copiesOfImage(orm: Orm, id: string) {
  return orm
    .select({ id: disks.id })
    .from(disks)
    .where(and(eq(disks.sourceImageId, id), sql`status = 'CREATING'`))
    .orderBy(disks.createdAt, disks.id)
    .limit(3);
}

/** Demands that no disk is being copied from an image. */
export function demandNotCopied(orm: Orm, id: string): Statement {
  return demandOne(
    orm,
    sql`SELECT NOT EXISTS (SELECT 1 FROM disks WHERE source_image_id = ${id} AND status = 'CREATING')`,
  );
}
