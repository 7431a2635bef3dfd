import { and, eq, type SQL, sql } from 'drizzle-orm';
import { type QuotaId, type QuotaUse, STANDARD_IMAGES } from '../core/quotas.ts';
import { quotas } from '../schema/tables/quotas.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

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

/** Sets a limit, also below the use: only new use is refused then. */
export function setLimit(orm: Orm, cloudId: string, quotaId: QuotaId, limit: number): Statement {
  return orm
    .insert(quotas)
    .values({ cloudId, quotaId, limit, usage: 0 })
    .onConflictDoUpdate({ target: [quotas.cloudId, quotas.quotaId], set: { limit } });
}

/** Demands that a quota stands as it was read; one without a row is at its default, unused. */
export function demandQuota(
  orm: Orm,
  cloudId: string,
  { quotaId, limit, usage }: QuotaUse,
  defaultLimit: number,
): Statement {
  return demandOne(
    orm,
    sql`SELECT coalesce((SELECT "limit" = ${limit} AND usage = ${usage} FROM quotas
      WHERE cloud_id = ${cloudId} AND quota_id = ${quotaId}), ${limit === defaultLimit && usage === 0 ? 1 : 0})`,
  );
}

/** Adds to a use, or gives back with a negative `delta`. A trigger undoes the whole batch past the limit. */
export function changeUsage(orm: Orm, cloudId: string, quotaId: QuotaId, delta: number): Statement {
  return orm
    .update(quotas)
    .set({ usage: sql`usage + ${delta}` })
    .where(and(eq(quotas.cloudId, cloudId), eq(quotas.quotaId, quotaId)));
}

/**
 * The rows whose stored bytes count: a layer that several of a cloud name counts once for each noun. What lies in the
 * trash still takes room.
 */
const COUNTED = {
  'compute.images.size': sql`(SELECT id, layer_id, cloud_id, folder_id FROM images
    UNION ALL SELECT id, layer_id, cloud_id, folder_id FROM deleted_images)`,
  'compute.snapshots.size': sql`snapshots`,
} as const;

export type StoredBytesQuota = keyof typeof COUNTED;

/** A row that names a layer, of the noun that a quota counts. */
export interface NamesLayer {
  readonly id: string;
  readonly cloudId: string;
  readonly layerId: string;
}

/** Whether another row than `id` that counts in the cloud names the layer. */
function countedElsewhere(quotaId: StoredBytesQuota, { id, cloudId, layerId }: NamesLayer): SQL {
  return sql`EXISTS (SELECT 1 FROM ${COUNTED[quotaId]} WHERE layer_id = ${layerId} AND cloud_id = ${cloudId}
    AND folder_id <> ${STANDARD_IMAGES} AND id <> ${id})`;
}

/** Takes the bytes of a layer that is being named, unless the cloud counts it already. Stands in the batch of the row. */
export function claimLayerBytes(orm: Orm, quotaId: StoredBytesQuota, row: NamesLayer): Statement {
  return changeLayerBytes(
    orm,
    quotaId,
    row,
    sql`usage + (SELECT size_bytes FROM layers WHERE id = ${row.layerId})`,
  );
}

/** Gives them back when no other row that counts names it. Stands in the batch that deletes the row. */
export function releaseLayerBytes(orm: Orm, quotaId: StoredBytesQuota, row: NamesLayer): Statement {
  return changeLayerBytes(
    orm,
    quotaId,
    row,
    sql`usage - (SELECT size_bytes FROM layers WHERE id = ${row.layerId})`,
  );
}

function changeLayerBytes(orm: Orm, quotaId: StoredBytesQuota, row: NamesLayer, usage: SQL): Statement {
  return orm
    .update(quotas)
    .set({ usage })
    .where(
      and(
        eq(quotas.cloudId, row.cloudId),
        eq(quotas.quotaId, quotaId),
        sql`NOT ${countedElsewhere(quotaId, row)}`,
      ),
    );
}

/**
 * The bytes that naming a layer would add to the use of a folder's cloud: none when the cloud counts it already, or
 * when the folder counts for nobody. in: `layerId` as a value or a subquery. out: one row.
 */
export function bytesToCount(orm: Orm, quotaId: StoredBytesQuota, folderId: string, layerId: SQL) {
  return orm.select({ bytes: sql<number>`bytes` }).from(
    sql`(SELECT coalesce((SELECT size_bytes FROM layers AS layer WHERE layer.id = ${layerId}
      AND ${folderId} <> ${STANDARD_IMAGES} AND NOT EXISTS (SELECT 1 FROM ${COUNTED[quotaId]}
        WHERE layer_id = layer.id AND cloud_id = (SELECT cloud_id FROM folders WHERE id = ${folderId})
        AND folder_id <> ${STANDARD_IMAGES})), 0) AS bytes)`,
  );
}
