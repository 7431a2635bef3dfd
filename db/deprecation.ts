import { and, asc, eq, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Deprecation } from '../core/deprecation.ts';
import { type ImageRow, images } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** What an image keeps of its deprecation; no row for an id of anything else. */
export function findDeprecation(orm: Orm, id: string) {
  return orm
    .select({
      deprecateAt: images.deprecateAt,
      obsoleteAt: images.obsoleteAt,
      replacementImageId: images.replacementImageId,
      deprecationMessage: images.deprecationMessage,
    })
    .from(images)
    .where(eq(images.id, id));
}

/** The condition that an image is not OBSOLETE at a time; it names columns of `images`. */
export function notObsolete(now: number): SQL {
  return sql`(images.obsolete_at IS NULL OR images.obsolete_at > ${now})`;
}

/** How many images may stand one behind the other as replacements. */
export const MAX_REPLACEMENTS = 16;

/** The images that replace each other, from `id` on, with the step at which each comes: one more than may be. */
function chain(id: string): SQL {
  return sql`WITH RECURSIVE chain (id, step) AS (
    SELECT ${id}, 1
    UNION ALL SELECT images.replacement_image_id, chain.step + 1 FROM chain JOIN images ON images.id = chain.id
      WHERE images.replacement_image_id IS NOT NULL AND chain.step <= ${MAX_REPLACEMENTS})`;
}

/** A replacement and all that replace it in turn, in that order; the last one may be one too many. */
export function findReplacements(orm: Orm, id: string) {
  return orm.select({ id: sql<string>`id` }).from(sql`(${chain(id)} SELECT id FROM chain ORDER BY step)`);
}

/** Demands that the replacement of an image stands, and that following the replacements never leads back to it. */
export function demandReplacement(orm: Orm, imageId: string, replacementImageId: string): Statement[] {
  return [
    demandOne(orm, sql`SELECT count(*) FROM images WHERE id = ${replacementImageId} AND status = 'READY'`),
    demandOne(
      orm,
      sql`SELECT NOT EXISTS (${chain(replacementImageId)}
        SELECT 1 FROM chain WHERE id = ${imageId} OR step > ${MAX_REPLACEMENTS})`,
    ),
  ];
}

/** What an image keeps of its deprecation, and whether it is passed over; counts the change. */
export function deprecate(
  orm: Orm,
  id: string,
  change: Deprecation & Pick<ImageRow, 'passedOver'>,
): Statement {
  return orm
    .update(images)
    .set({ ...change, revision: sql`revision + 1` })
    .where(eq(images.id, id));
}

/** Images whose deprecation or obsolescence has begun and was not noted, the longest due first. */
export function imagesBegun(orm: Orm, now: number, limit: number) {
  const due = (column: SQL) => sql`SELECT id, ${column} AS due FROM images
    WHERE ${column} IS NOT NULL AND passed_over = 0 AND ${column} <= ${now}`;
  return orm
    .select()
    .from(images)
    .where(
      sql`id IN (SELECT id FROM (${due(sql`deprecate_at`)} UNION ALL ${due(sql`obsolete_at`)})
        ORDER BY due LIMIT ${limit})`,
    );
}

/** Demands that an image is as it was read, and that nobody has noted yet that it is passed over. */
export function demandNotNoted(orm: Orm, id: string, revision: number): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM images WHERE id = ${id} AND revision = ${revision} AND passed_over = 0`,
  );
}

/**
 * Notes that an image is passed over. It is no change that a version counts: what the image shows goes by its dates.
 */
export function notePassedOver(orm: Orm, id: string): Statement {
  return orm.update(images).set({ passedOver: true }).where(eq(images.id, id));
}

/** READY images whose day of deletion has come and which nothing holds, the longest due first. */
export function imagesToDelete(orm: Orm, now: number, limit: number) {
  return orm
    .select()
    .from(images)
    .where(
      and(
        isNotNull(images.deleteAt),
        lte(images.deleteAt, now),
        eq(images.deleteProtection, false),
        sql`NOT EXISTS (SELECT 1 FROM leases WHERE leases.image_id = images.id AND leases.expires_at > ${now})`,
        sql`NOT EXISTS (SELECT 1 FROM disks WHERE disks.source_image_id = images.id AND disks.status = 'CREATING')`,
      ),
    )
    .orderBy(asc(images.deleteAt))
    .limit(limit);
}
