import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import { NAMED_OF_EACH } from '../core/families.ts';
import { type FamilyRow, families, type PromotionRow, promotions } from '../schema/tables/families.ts';
import { folders } from '../schema/tables/identity.ts';
import { type ImageRow, images, layers } from '../schema/tables/images.ts';
import { operations } from '../schema/tables/work.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';
import { shownImages } from './images.ts';
import { prepared } from './prepared.ts';

/** A family, by its values or by statements that give them. */
export interface FamilyName {
  readonly folderId: string | SQL;
  readonly family: string | SQL;
}

/** The family of an image, for use inside other statements. */
export function familyOfImage(id: string): FamilyName {
  return {
    folderId: sql`(SELECT folder_id FROM images WHERE id = ${id})`,
    family: sql`(SELECT family FROM images WHERE id = ${id})`,
  };
}

/** The images that are not passed over at a time. Those whose date came are skipped until a duty has noted it. */
export function standing({ folderId, family }: FamilyName, now: number): SQL {
  return sql`folder_id = ${folderId} AND family = ${family} AND family <> '' AND status = 'READY' AND passed_over = 0
    AND (deprecate_at IS NULL OR deprecate_at > ${now}) AND (obsolete_at IS NULL OR obsolete_at > ${now})`;
}

/** The latest first: `compareStanding`, in the order of the index. */
export const LATEST_FIRST = sql`images.promoted_at DESC, images.created_at DESC, images.id DESC`;

/** One column of the latest of a family, for use inside other statements; null when there is none. */
function ofLatest(column: 'id' | 'promoted_at', name: FamilyName, now: number): SQL {
  return sql`(SELECT ${sql.raw(column)} FROM images WHERE ${standing(name, now)} ORDER BY ${LATEST_FIRST} LIMIT 1)`;
}

/** The id of the latest of a family at a time, for use inside other statements; null when there is none. */
export function latestId(name: FamilyName, now: number): SQL {
  return ofLatest('id', name, now);
}

/** The latest of a family, with what its layer adds and how many leases hold it. */
export const findLatest = prepared(
  (orm, { folderId, family, now }: { folderId: string; family: string; now: number }) =>
    shownImages(orm, now).where(standing({ folderId, family }, now)).orderBy(LATEST_FIRST).limit(1),
);

/** The images of a family that are not passed over, the latest first. */
export function imagesInStanding(orm: Orm, name: FamilyName, now: number, limit: number) {
  return orm.select().from(images).where(standing(name, now)).orderBy(LATEST_FIRST).limit(limit);
}

/** The layers of what `imagesInStanding` answers. */
export function layersInStanding(orm: Orm, name: FamilyName, now: number, limit: number) {
  return orm
    .select()
    .from(layers)
    .where(
      sql`id IN (SELECT layer_id FROM images WHERE ${standing(name, now)} ORDER BY ${LATEST_FIRST} LIMIT ${limit})`,
    );
}

/** The images of a family by what decides whether they are passed over at a time, those promoted last named first. */
export function groupFamily(orm: Orm, { folderId, family }: FamilyName, now: number) {
  const grouped = sql`status, candidate, deprecate_at <= ${now}, obsolete_at <= ${now}`;
  return orm
    .select({
      status: sql<ImageRow['status']>`status`,
      candidate: sql<number>`candidate`,
      deprecateAt: sql<number | null>`deprecate_at`,
      obsoleteAt: sql<number | null>`obsolete_at`,
      images: sql<number>`images`,
      ids: sql<string>`ids`,
    })
    .from(
      sql`(SELECT status, candidate, min(deprecate_at) AS deprecate_at, min(obsolete_at) AS obsolete_at,
          count(*) AS images, group_concat(CASE WHEN place <= ${NAMED_OF_EACH} THEN id END) AS ids
        FROM (SELECT *, row_number() OVER (PARTITION BY ${grouped} ORDER BY ${LATEST_FIRST}) AS place
          FROM images WHERE folder_id = ${folderId} AND family = ${family} AND family <> '')
        GROUP BY ${grouped})`,
    );
}

/** The folder of an image. */
export function findFolderOfImage(orm: Orm, imageId: string) {
  return orm.select().from(folders).where(sql`id = (SELECT folder_id FROM images WHERE id = ${imageId})`);
}

/** Demands that this is the latest of a family. */
export function demandLatest(orm: Orm, name: FamilyName, id: string, now: number): Statement {
  return demandOne(orm, sql`SELECT ${ofLatest('id', name, now)} IS ${id}`);
}

/** Demands that this is not the latest of a family. */
export function demandNotLatest(orm: Orm, name: FamilyName, id: string, now: number): Statement {
  return demandOne(orm, sql`SELECT ${ofLatest('id', name, now)} IS NOT ${id}`);
}

type NewPromotion = Omit<PromotionRow, 'sequence' | 'fromImageId' | 'promotedAt'>;

/**
 * Makes an image the latest of its family, whatever was promoted since it was read: later than every promotion of the
 * family and than its latest, and at `now` at the earliest. The row of the promotion tells what was the latest before;
 * `fillPromotion` tells the operation.
 */
export function promote(orm: Orm, promotion: NewPromotion, now: number): Statement[] {
  const { id, folderId, family, imageId, promotedBy, note } = promotion;
  const after = (time: SQL) => sql`coalesce(${time} + 1, 0)`;
  return [
    orm.insert(promotions).select(
      sql`SELECT NULL, ${id}, ${folderId}, ${family}, ${imageId}, ${ofLatest('id', promotion, now)},
        max(${now}, ${after(ofLatest('promoted_at', promotion, now))}, ${after(ofLastPromotion('promoted_at', promotion))}),
        ${promotedBy}, ${note}`,
    ),
    orm
      .update(images)
      .set({
        promotedAt: sql`${ofLastPromotion('promoted_at', promotion)}`,
        candidate: false,
        passedOver: false,
        revision: sql`revision + 1`,
      })
      .where(eq(images.id, imageId)),
  ];
}

/** Writes into the operation of a promotion when that was, and from what; stands behind `promote`. out: the operation. */
export function fillPromotion(orm: Orm, operationId: string, name: FamilyName) {
  const promotedAt = ofLastPromotion('promoted_at', name);
  return orm
    .update(operations)
    .set({
      response: sql`json_set(response, '$.value.promotedAt', ${promotedAt})`,
      metadata: sql`json_set(metadata, '$.fromImageId', ${ofLastPromotion('from_image_id', name)})`,
    })
    .where(eq(operations.id, operationId))
    .returning();
}

/** One column of the last promotion of a family, for use inside other statements. */
function ofLastPromotion(column: 'promoted_at' | 'from_image_id', { folderId, family }: FamilyName): SQL {
  return sql`(SELECT ${sql.raw(column)} FROM promotions WHERE folder_id = ${folderId} AND family = ${family}
    ORDER BY sequence DESC LIMIT 1)`;
}

/** Promotions of a family, newest first; `before` is the sequence of the last one on the page before. */
export function promotionsOfFamily(
  orm: Orm,
  folderId: string,
  family: string,
  limit: number,
  before: number | undefined,
) {
  return orm
    .select()
    .from(promotions)
    .where(
      and(
        eq(promotions.folderId, folderId),
        eq(promotions.family, family),
        before === undefined ? undefined : lt(promotions.sequence, before),
      ),
    )
    .orderBy(desc(promotions.sequence))
    .limit(limit);
}

/** The first family of a folder, by name, for which `condition` on the column `family` holds. */
function firstFamily(folderId: string, condition: SQL): SQL {
  return sql`(SELECT min(family) FROM (
    SELECT min(family) AS family FROM images WHERE folder_id = ${folderId} AND family <> '' AND ${condition}
    UNION ALL SELECT min(family) FROM families
      WHERE folder_id = ${folderId} AND action IS NOT NULL AND ${condition}))`;
}

/**
 * Families of a folder that have images or a policy, by name: at most `limit` behind `after`, each found by one step
 * into the index.
 */
export function listFamilies(
  orm: Orm,
  folderId: string,
  now: number,
  page: { limit: number; after: string },
) {
  const { limit, after } = page;
  return describe(
    orm,
    folderId,
    now,
    sql`found (family) AS (
      SELECT ${firstFamily(folderId, sql`family > ${after}`)}
      UNION ALL SELECT ${firstFamily(folderId, sql`family > found.family`)} FROM found
        WHERE found.family IS NOT NULL LIMIT ${limit})`,
  );
}

/** One family of a folder; no row when it has neither an image nor a policy. */
export function findFamily(orm: Orm, folderId: string, family: string, now: number) {
  return describe(
    orm,
    folderId,
    now,
    sql`found (family) AS (SELECT ${firstFamily(folderId, sql`family = ${family}`)})`,
  );
}

/** The columns of a family's policy, and when it is applied next. */
const POLICY = {
  action: sql<FamilyRow['action']>`action`,
  keepLast: sql<number | null>`keep_last`,
  keepWithinMs: sql<number | null>`keep_within_ms`,
  minAgeMs: sql<number | null>`min_age_ms`,
  includePublic: sql<boolean>`include_public`.mapWith(Boolean),
  nextRunAt: sql<number | null>`next_run_at`,
};

/** What is known of families without their images being read one by one. in: `found` is a table expression of names. */
function describe(orm: Orm, folderId: string, now: number, found: SQL) {
  return orm
    .select({
      family: sql<string>`family`,
      imageCount: sql<number>`image_count`,
      candidateCount: sql<number>`candidate_count`,
      sizeBytes: sql<number>`size_bytes`,
      latestImageId: sql<string | null>`latest_image_id`,
      ...POLICY,
    })
    .from(
      sql`(WITH RECURSIVE ${found}
        SELECT found.family AS family, count(member.id) AS image_count,
          coalesce(sum(member.candidate), 0) AS candidate_count,
          (SELECT coalesce(sum(size_bytes), 0) FROM layers WHERE id IN
            (SELECT layer_id FROM images WHERE folder_id = ${folderId} AND family = found.family)) AS size_bytes,
          ${ofLatest('id', { folderId, family: sql`found.family` }, now)} AS latest_image_id,
          kept.action, kept.keep_last, kept.keep_within_ms, kept.min_age_ms, kept.include_public, kept.next_run_at
        FROM found LEFT JOIN images AS member ON member.folder_id = ${folderId} AND member.family = found.family
          LEFT JOIN families AS kept ON kept.folder_id = ${folderId} AND kept.family = found.family
        WHERE found.family IS NOT NULL
        GROUP BY found.family ORDER BY found.family)`,
    );
}

/** Takes away what is kept of a folder's families besides their images. */
export function deleteFamilies(orm: Orm, folderId: string): Statement[] {
  return [
    orm.delete(families).where(eq(families.folderId, folderId)),
    orm.delete(promotions).where(eq(promotions.folderId, folderId)),
  ];
}
