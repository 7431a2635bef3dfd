import { type SQL, sql } from 'drizzle-orm';
import { families } from '../schema/tables/families.ts';
import type { Orm, Statement } from './client.ts';
import { type FamilyName, latestId } from './families.ts';
import { type FolderEvents, insertDeliveries } from './webhooks.ts';

/**
 * Which image of a family was told to webhooks as its latest: kept for all families of folders that have webhooks,
 * whatever those want to hear, and of no use in others.
 */

type Family = FamilyName & { readonly folderId: string; readonly family: string };

const hasWebhooks = (folderId: string) =>
  sql`EXISTS (SELECT 1 FROM webhooks WHERE webhooks.folder_id = ${folderId})`;

function announced({ folderId, family }: Family): SQL {
  return sql`(SELECT announced_image_id FROM families WHERE folder_id = ${folderId} AND family = ${family})`;
}

/** The deliveries of an event that tells the latest of a family, if it is another one than was told last. */
export function insertLatestDeliveries(orm: Orm, family: Family, told: FolderEvents): Statement {
  const [latest, before] = [latestId(family, told.at), announced(family)];
  return insertDeliveries(orm, {
    ...told,
    patch: sql`json_object('data', json_object('imageId', ${latest}, 'previousImageId', ${before}))`,
    condition: sql`${latest} IS NOT ${before}`,
  });
}

/** Notes what `insertLatestDeliveries` told, behind it. */
export function noteLatestTold(orm: Orm, family: Family, now: number): Statement {
  const { folderId, family: name } = family;
  return orm
    .insert(families)
    .select(
      sql`SELECT folders.id, folders.cloud_id, ${name}, NULL, NULL, NULL, NULL, 0, NULL, ${latestId(family, now)}, 0
        FROM folders WHERE folders.id = ${folderId} AND ${hasWebhooks(folderId)}`,
    )
    .onConflictDoUpdate({
      target: [families.folderId, families.family],
      set: { announcedImageId: sql`excluded.announced_image_id` },
      setWhere: sql`families.announced_image_id IS NOT excluded.announced_image_id`,
    });
}

/**
 * Takes the latest of every family of a folder as told, unless the folder has a webhook already: what was so before
 * its first webhook is no event. Stands before the insertion of a webhook.
 */
export function takeLatestAsTold(orm: Orm, folderId: string, now: number): Statement[] {
  const unheard = sql`NOT ${hasWebhooks(folderId)}`;
  return [
    orm
      .update(families)
      .set({ announcedImageId: latestId({ folderId, family: sql`families.family` }, now) })
      .where(sql`families.folder_id = ${folderId} AND ${unheard}`),
    orm
      .insert(families)
      .select(
        sql`SELECT folders.id, folders.cloud_id, named.family, NULL, NULL, NULL, NULL, 0, NULL,
            ${latestId({ folderId, family: sql`named.family` }, now)}, 0
          FROM folders CROSS JOIN (SELECT DISTINCT family FROM images WHERE folder_id = ${folderId} AND family <> '') AS named
          WHERE folders.id = ${folderId} AND ${unheard}`,
      )
      .onConflictDoNothing(),
  ];
}

/** Where a walk over all families stopped. */
export interface FamilyPlace {
  readonly folderId: string;
  readonly family: string;
}

/**
 * Families of folders with webhooks, at most `limit` behind a place, each with whether its latest is another one than
 * was told.
 */
export function familiesHeard(orm: Orm, after: FamilyPlace, now: number, limit: number) {
  const latest = latestId({ folderId: sql`families.folder_id`, family: sql`families.family` }, now);
  return orm
    .select({
      folderId: families.folderId,
      family: families.family,
      changed: sql<number>`${latest} IS NOT families.announced_image_id`,
    })
    .from(families)
    .where(
      sql`(families.folder_id, families.family) > (${after.folderId}, ${after.family})
        AND families.folder_id IN (SELECT webhooks.folder_id FROM webhooks WHERE webhooks.folder_id >= ${after.folderId})`,
    )
    .orderBy(families.folderId, families.family)
    .limit(limit);
}
