import { and, eq, getTableColumns, isNull, lte, ne, type SQL, sql } from 'drizzle-orm';
import { STANDARD_IMAGES } from '../core/quotas.ts';
import { type DeletedImageRow, deletedImages, images, layers } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** What is noted of a deletion. Times in epoch milliseconds. */
export type Deletion = Pick<DeletedImageRow, 'deletedAt' | 'deletedBy' | 'reason' | 'purgeAt'>;

const inTrash = isNull(deletedImages.purgedAt);

/** In the trash, or a tombstone. */
export function findDeletedImage(orm: Orm, id: string) {
  return orm.select().from(deletedImages).where(eq(deletedImages.id, id));
}

/** The layer that an image in the trash names; a tombstone names none. */
export function findLayerOfDeleted(orm: Orm, imageId: string) {
  return orm
    .select()
    .from(layers)
    .where(sql`id = (SELECT layer_id FROM deleted_images WHERE id = ${imageId})`);
}

/** An image that stands under the name of one in the trash, or under `name` when another one is wanted, in its folder. */
export function findSuccessor(orm: Orm, deletedId: string, name: string | undefined) {
  const wanted = name === undefined ? sql`(SELECT name FROM deleted_images WHERE id = ${deletedId})` : name;
  return orm
    .select({ id: images.id, name: images.name })
    .from(images)
    .where(
      and(
        sql`folder_id = (SELECT folder_id FROM deleted_images WHERE id = ${deletedId})`,
        eq(images.name, wanted),
        ne(images.name, ''),
      ),
    );
}

/** Copies a standing image into the trash, as it is now; its own row goes with another statement of the same batch. */
export function insertDeletedImage(orm: Orm, id: string, deletion: Deletion): Statement {
  return insertDeletedImages(orm, eq(images.id, id), deletion);
}

/** As `insertDeletedImage`, for all images of which a condition on the columns of `images` holds. */
export function insertDeletedImages(orm: Orm, which: SQL, deletion: Deletion): Statement {
  const { deletedAt, deletedBy, reason, purgeAt } = deletion;
  return orm.insert(deletedImages).select(
    orm
      .select({
        ...getTableColumns(images),
        status: sql<'DELETING'>`'DELETING'`.as('status'),
        revision: sql<number>`revision + 1`.as('revision'),
        deletedAt: sql<number>`${deletedAt}`.as('deleted_at'),
        deletedBy: sql<string>`${deletedBy}`.as('deleted_by'),
        reason: sql<string>`${reason}`.as('reason'),
        purgeAt: sql<number>`${purgeAt}`.as('purge_at'),
        purgedAt: sql<null>`NULL`.as('purged_at'),
        digest: sql<null>`NULL`.as('digest'),
        inspection: sql<null>`NULL`.as('inspection'),
      })
      .from(images)
      .where(which),
  );
}

/** Demands that an image lies in the trash as it was read. */
export function demandTrashed(
  orm: Orm,
  { id, revision }: Pick<DeletedImageRow, 'id' | 'revision'>,
): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM deleted_images WHERE id = ${id} AND revision = ${revision} AND purged_at IS NULL`,
  );
}

/** Leaves of an image in the trash what was known of it; it names its layer no longer. */
export function buryImage(orm: Orm, id: string, now: number): Statement {
  return orm
    .update(deletedImages)
    .set({
      layerId: null,
      purgedAt: now,
      digest: sql`(SELECT layers.digest FROM layers WHERE layers.id = layer_id)`,
      inspection: sql`(SELECT layers.inspection FROM layers WHERE layers.id = layer_id)`,
      revision: sql`revision + 1`,
    })
    .where(eq(deletedImages.id, id));
}

export function deleteDeletedImage(orm: Orm, id: string): Statement {
  return orm.delete(deletedImages).where(eq(deletedImages.id, id));
}

/** What is to be purged, the longest due first. */
export function trashDue(orm: Orm, now: number, limit: number) {
  return orm
    .select()
    .from(deletedImages)
    .where(and(inTrash, lte(deletedImages.purgeAt, now)))
    .orderBy(deletedImages.purgeAt)
    .limit(limit);
}

/** Some of what lies in the trash of a folder. */
export function trashInFolder(orm: Orm, folderId: string, limit: number) {
  return orm
    .select()
    .from(deletedImages)
    .where(and(inTrash, eq(deletedImages.folderId, folderId)))
    .orderBy(deletedImages.id)
    .limit(limit);
}

/** The bytes that purging all of a cloud's trash would free: those of layers that no standing image of it counts. */
export function trashedBytes(orm: Orm, cloudId: string) {
  const trashed = sql`SELECT layer_id FROM deleted_images
    WHERE cloud_id = ${cloudId} AND folder_id <> ${STANDARD_IMAGES} AND purged_at IS NULL`;
  const counted: SQL = sql`EXISTS (SELECT 1 FROM images WHERE images.layer_id = layers.id
    AND images.cloud_id = ${cloudId} AND images.folder_id <> ${STANDARD_IMAGES})`;
  return orm
    .select({ bytes: sql<number>`coalesce(sum(size_bytes), 0)` })
    .from(layers)
    .where(sql`id IN (${trashed}) AND NOT ${counted}`);
}
