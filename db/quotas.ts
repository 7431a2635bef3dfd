import { and, eq, sql } from 'drizzle-orm';
import type { QuotaId } from '../core/quotas.ts';
import { quotas } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';

export function quotasOfCloud(orm: Orm, cloudId: string) {
  return orm.select().from(quotas).where(eq(quotas.cloudId, cloudId));
}

/** The quotas of the cloud that a folder belongs to. */
export function quotasOfFolder(orm: Orm, folderId: string) {
  return orm
    .select()
    .from(quotas)
    .where(sql`cloud_id = (SELECT cloud_id FROM folders WHERE id = ${folderId})`);
}

/** Makes the row of a quota with its default, if the cloud has none yet. */
export function ensureQuota(orm: Orm, cloudId: string, quotaId: QuotaId, defaultLimit: number): Statement {
  return orm.insert(quotas).values({ cloudId, quotaId, limit: defaultLimit, usage: 0 }).onConflictDoNothing();
}

/** Adds to a use, or gives back with a negative `delta`. A trigger undoes the whole batch past the limit. */
export function changeUsage(orm: Orm, cloudId: string, quotaId: QuotaId, delta: number): Statement {
  return orm
    .update(quotas)
    .set({ usage: sql`usage + ${delta}` })
    .where(and(eq(quotas.cloudId, cloudId), eq(quotas.quotaId, quotaId)));
}

/**
 * Gives back the bytes of an image's layer when no other image that counts in this cloud names it: a layer counts
 * once per cloud. Stands before the deletion of the image. `uncountedFolder` counts for nobody.
 */
export function releaseLayerBytes(
  orm: Orm,
  quotaId: QuotaId,
  image: { id: string; cloudId: string; layerId: string },
  uncountedFolder: string,
): Statement {
  return orm
    .update(quotas)
    .set({ usage: sql`usage - (SELECT size_bytes FROM layers WHERE id = ${image.layerId})` })
    .where(
      and(
        eq(quotas.cloudId, image.cloudId),
        eq(quotas.quotaId, quotaId),
        sql`NOT EXISTS (SELECT 1 FROM images WHERE layer_id = ${image.layerId} AND cloud_id = ${image.cloudId}
          AND folder_id <> ${uncountedFolder} AND id <> ${image.id})`,
      ),
    );
}
