import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { FamilyCandidate } from '../core/families.ts';
import { families } from '../schema/tables/families.ts';
import { images } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { type FamilyName, LATEST_FIRST, latestId, standing } from './families.ts';
import { demandOne } from './guards.ts';

/** A family by its name. */
export type Family = FamilyName & { readonly folderId: string; readonly family: string };

/** What is kept of a family besides its images; it may have a policy or none. */
export function findFamilyRow(orm: Orm, { folderId, family }: Family) {
  return orm
    .select()
    .from(families)
    .where(and(eq(families.folderId, folderId), eq(families.family, family)));
}

/** The columns of a policy; all of them null take it away. */
export type PolicyColumns = Pick<
  typeof families.$inferSelect,
  'action' | 'keepLast' | 'keepWithinMs' | 'minAgeMs' | 'includePublic' | 'nextRunAt'
>;

/** Sets or takes away the policy of a family, and counts the change. */
export function setPolicy(orm: Orm, name: Family & { cloudId: string }, policy: PolicyColumns): Statement {
  const { folderId, cloudId, family } = name;
  return orm
    .insert(families)
    .values({ folderId, cloudId, family, ...policy, revision: 1 })
    .onConflictDoUpdate({
      target: [families.folderId, families.family],
      set: { ...policy, revision: sql`revision + 1` },
    });
}

/** Demands that the row of a family is as it was read; undefined when there was none. */
export function demandFamilyRow(
  orm: Orm,
  { folderId, family }: Family,
  revision: number | undefined,
): Statement {
  return demandOne(
    orm,
    sql`SELECT (SELECT revision FROM families WHERE folder_id = ${folderId} AND family = ${family})
      IS ${revision ?? null}`,
  );
}

/**
 * Families whose policy is due, the longest due first. in: `latest` is when the next run may be at the latest; one
 * beyond it was set by a clock that went wrong, and is due as well.
 */
export function familiesDue(orm: Orm, now: number, latest: number, limit: number) {
  // Each by a look at its end of the index: one condition for both would go through all policies.
  const some = (due: SQL) => sql`SELECT rowid FROM (SELECT rowid FROM families
    WHERE next_run_at IS NOT NULL AND action IS NOT NULL AND ${due} ORDER BY next_run_at LIMIT ${limit})`;
  return orm
    .select()
    .from(families)
    .where(
      sql`rowid IN (${some(sql`next_run_at <= ${now}`)} UNION ALL ${some(sql`next_run_at > ${latest}`)})`,
    )
    .orderBy(families.nextRunAt, families.folderId, families.family)
    .limit(limit);
}

/** Notes when a policy is applied next, if it is still the one that was read. */
export function setNextRun(orm: Orm, name: Family, revision: number, nextRunAt: number): Statement {
  return orm
    .update(families)
    .set({ nextRunAt })
    .where(
      and(
        eq(families.folderId, name.folderId),
        eq(families.family, name.family),
        eq(families.revision, revision),
      ),
    );
}

/** All images of a family, in the index of their standing. */
function inFamily({ folderId, family }: Family): SQL {
  return sql`images.folder_id = ${folderId} AND images.family = ${family} AND images.family <> ''`;
}

/** The first READY one whatever was said against it; see `FamilyFrame.firstId`. */
function firstId(name: Family): SQL {
  const first = (condition: SQL) => sql`(SELECT id FROM images
    WHERE ${inFamily(name)} AND status = 'READY' AND ${condition} ORDER BY ${LATEST_FIRST} LIMIT 1)`;
  return sql`coalesce(${first(sql`candidate = 0`)}, ${first(sql`1`)})`;
}

/** Columns of the image that takes the last of the places; nothing while there are places left, or none are given. */
function lastKept(columns: SQL, name: Family, keepLast: number | null, now: number): SQL {
  return sql`(SELECT ${columns} FROM images WHERE ${standing(name, now)} AND ${keepLast} IS NOT NULL
    ORDER BY ${LATEST_FIRST} LIMIT 1 OFFSET ${(keepLast ?? 1) - 1})`;
}

/** What a plan has to know of a family as a whole, and the time by the clock of the database: one row. */
export function familyFrame(orm: Orm, name: Family, keepLast: number | null, now: number) {
  const last = (column: SQL) => lastKept(column, name, keepLast, now);
  return orm
    .select({
      latestId: sql<string | null>`latest_id`,
      firstId: sql<string | null>`first_id`,
      readyImages: sql<number>`ready_images`,
      lastId: sql<string | null>`last_id`,
      lastCreatedAt: sql<number | null>`last_created_at`,
      lastPromotedAt: sql<number | null>`last_promoted_at`,
      databaseNow: sql<number>`database_now`,
    })
    .from(
      sql`(SELECT ${latestId(name, now)} AS latest_id, ${firstId(name)} AS first_id,
        (SELECT count(*) FROM (SELECT 1 FROM images WHERE ${inFamily(name)} AND status = 'READY' LIMIT 2)) AS ready_images,
        ${last(sql`id`)} AS last_id, ${last(sql`created_at`)} AS last_created_at,
        ${last(sql`promoted_at`)} AS last_promoted_at,
        CAST(unixepoch('subsec') * 1000 AS INTEGER) AS database_now)`,
    );
}

/** Whether another image names the one of a row as its replacement. */
const IS_REPLACEMENT = sql`EXISTS (SELECT 1 FROM images AS replaced
  WHERE replaced.replacement_image_id = images.id AND replaced.id <> images.id)`;

const IS_COPIED = sql`EXISTS (SELECT 1 FROM disks WHERE disks.source_image_id = images.id AND disks.status = 'CREATING')`;

/** Whether everybody has a role on one place: looked up there, because much may be public elsewhere. */
const isPublic = (kind: string, id: SQL) => sql`EXISTS (SELECT 1 FROM access_bindings
  WHERE resource_kind = ${sql.raw(`'${kind}'`)} AND resource_id = ${id} AND subject_type = 'system'
    AND subject_id IN ('allUsers', 'allAuthenticatedUsers'))`;

/** Whether everybody has a role on the image of a row, or on what it stands in. */
const IS_PUBLIC = sql`(${isPublic('image', sql`images.id`)} OR ${isPublic('folder', sql`images.folder_id`)}
  OR ${isPublic('cloud', sql`images.cloud_id`)}
  OR ${isPublic('organization', sql`(SELECT organization_id FROM clouds WHERE clouds.id = images.cloud_id)`)})`;

/** Bytes of the layer of a row when nothing else names it. */
const OWN_BYTES = sql`coalesce((SELECT size_bytes FROM layers WHERE layers.id = images.layer_id
  AND NOT EXISTS (SELECT 1 FROM images AS other WHERE other.layer_id = layers.id AND other.id <> images.id)
  AND NOT EXISTS (SELECT 1 FROM deleted_images WHERE deleted_images.layer_id = layers.id)
  AND NOT EXISTS (SELECT 1 FROM disks WHERE disks.layer_id = layers.id)
  AND NOT EXISTS (SELECT 1 FROM snapshots WHERE snapshots.layer_id = layers.id)
  AND NOT EXISTS (SELECT 1 FROM layers AS copy WHERE copy.copy_of = layers.id)), 0)`;

/** Where a slice of a family begins. */
export interface ImagesSlice {
  /** The last image of the slice before. */
  readonly after: FamilyCandidate | undefined;
  readonly limit: number;
  /** Only images that a policy could take at `now`, by what indexes tell; the plan looks at each. */
  readonly takenBy?: {
    readonly action: 'DELETE' | 'DEPRECATE';
    readonly keepLast: number | null;
    readonly keepWithinMs: number | null;
    readonly minAgeMs: number;
  };
}

/** Images of a family in the order of standing, with all that a plan looks at. */
export function imagesToPlan(orm: Orm, name: Family, { after, limit, takenBy }: ImagesSlice, now: number) {
  const columns = sql`images.promoted_at, images.created_at, images.id`;
  return orm
    .select({
      ...getTableColumns(images),
      leasedUntil: sql<number | null>`(SELECT max(expires_at) FROM leases WHERE leases.image_id = images.id)`,
      isReplacement: flag(IS_REPLACEMENT),
      isCopied: flag(IS_COPIED),
      isPublic: flag(IS_PUBLIC),
      ownBytes: sql<number>`${OWN_BYTES}`,
    })
    .from(images)
    .where(
      and(
        inFamily(name),
        after && sql`(${columns}) < (${after.promotedAt}, ${after.createdAt}, ${after.id})`,
        takenBy && sql`images.status = 'READY'`,
        takenBy && sql`images.promoted_at <= ${now - Math.max(takenBy.minAgeMs, takenBy.keepWithinMs ?? 0)}`,
        takenBy?.keepLast != null
          ? sql`(${columns}) < ${lastKept(sql`promoted_at, created_at, id`, name, takenBy.keepLast, now)}`
          : undefined,
        // What was deprecated or is a candidate is not deprecated by a policy.
        takenBy?.action === 'DEPRECATE' ? sql`images.passed_over = 0` : undefined,
      ),
    )
    .orderBy(LATEST_FIRST)
    .limit(limit);
}

function flag(condition: SQL) {
  return sql<boolean>`${condition}`.mapWith(Boolean);
}

/** What was planned for some images of a family, those that stand first first. */
export interface PlannedImages {
  readonly name: Family;
  /** Of the row of the family, which has the policy. */
  readonly familyRevision: number;
  readonly policy: { readonly keepLast: number | null; readonly includePublic: boolean };
  readonly images: readonly (FamilyCandidate & { readonly revision: number })[];
}

/**
 * Demands that everything still stands as it was when images were planned to be taken: the policy and each image, and
 * that none of them is the latest or the first of its family, leased, protected, a replacement, copied from, public,
 * or among the last that are kept.
 */
export function demandPlanned(
  orm: Orm,
  { name, familyRevision, policy, images }: PlannedImages,
  now: number,
) {
  const ids = idsOf(images);
  const versions = JSON.stringify(images.map(({ id, revision }) => [id, revision]));
  const first = images[0]!;
  const held = sql`images.delete_protection = 1
    OR EXISTS (SELECT 1 FROM leases WHERE leases.image_id = images.id AND leases.expires_at > ${now})
    OR ${IS_REPLACEMENT} OR ${IS_COPIED} OR (${policy.includePublic ? 0 : 1} AND ${IS_PUBLIC})`;
  const kept = lastKept(sql`promoted_at, created_at, id`, name, policy.keepLast, now);
  return [
    demandFamilyRow(orm, name, familyRevision),
    // All in one statement: their number is what limits a run.
    demandOne(
      orm,
      sql`SELECT (SELECT count(*) = ${images.length} FROM json_each(${versions}) AS planned CROSS JOIN images
          WHERE images.id = planned.value ->> 0 AND images.revision = planned.value ->> 1
            AND ${inFamily(name)} AND images.status = 'READY' AND NOT (${held}))
        AND coalesce(${latestId(name, now)} NOT IN ${ids}, 1) AND ${firstId(name)} NOT IN ${ids}
        AND (${policy.keepLast} IS NULL
          OR coalesce((${first.promotedAt}, ${first.createdAt}, ${first.id}) < ${kept}, 0))`,
    ),
  ];
}

/** The values of a list in one parameter. */
function idsOf(of: readonly { readonly id: string }[]): SQL {
  return sql`(SELECT value FROM json_each(${JSON.stringify(of.map(({ id }) => id))}))`;
}

/** These images, for use in a condition. */
export function areImages(of: readonly { readonly id: string }[]): SQL {
  return sql`id IN ${idsOf(of)}`;
}

export function deleteImages(orm: Orm, of: readonly { readonly id: string }[]): Statement {
  return orm.delete(images).where(areImages(of));
}

/** Deprecates images from `now` on; what was said of an image before stays said. */
export function deprecateImages(
  orm: Orm,
  of: readonly { readonly id: string }[],
  message: string,
  now: number,
): Statement {
  return orm
    .update(images)
    .set({
      deprecateAt: now,
      passedOver: true,
      deprecationMessage: sql`coalesce(deprecation_message, ${message})`,
      revision: sql`revision + 1`,
    })
    .where(areImages(of));
}
