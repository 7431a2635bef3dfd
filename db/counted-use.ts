import { type SQL, sql } from 'drizzle-orm';
import { type QuotaId, STANDARD_IMAGES } from '../core/quotas.ts';
import { clouds } from '../schema/tables/identity.ts';
import { quotas } from '../schema/tables/quotas.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** Which quota the sizes of each type of disks count for, besides that of all disks. */
export type SizeOfType = Readonly<Record<string, QuotaId>>;

type Counts = Readonly<Partial<Record<QuotaId, SQL>>>;

/** What the rows of a cloud come to, quota by quota. in: the cloud's id as a value or a column. */
function countsOf(cloudId: SQL, sizeOfType: SizeOfType): Counts {
  const here = sql`folder_id IN (SELECT id FROM folders WHERE cloud_id = ${cloudId}) AND folder_id <> ${STANDARD_IMAGES}`;
  const things = (table: SQL, where = sql`1`) =>
    sql`(SELECT count(*) FROM ${table} WHERE ${here} AND ${where})`;
  const bytes = (named: SQL) => sql`(SELECT coalesce(sum(size_bytes), 0) FROM layers WHERE id IN (${named}))`;
  const disks = (where = sql`1`) =>
    sql`(SELECT coalesce(sum(size_bytes), 0) FROM disks WHERE ${here} AND ${where})`;
  return {
    'compute.images.count': things(sql`images`),
    'compute.images.size': bytes(sql`SELECT layer_id FROM images WHERE ${here}
      UNION ALL SELECT layer_id FROM deleted_images WHERE ${here}`),
    'compute.diskPools.count': things(sql`images`, sql`pooled = 1`),
    'compute.disks.count': things(sql`disks`),
    'compute.disks.size': disks(),
    'compute.snapshots.count': things(sql`snapshots`),
    'compute.snapshots.size': bytes(sql`SELECT layer_id FROM snapshots WHERE ${here}`),
    ...Object.fromEntries(
      Object.entries(sizeOfType).map(([typeId, quotaId]) => [quotaId, disks(sql`type_id = ${typeId}`)]),
    ),
  };
}

/** The clouds behind one, by id. */
export function cloudsAfter(orm: Orm, after: string, limit: number) {
  return orm.select({ id: clouds.id }).from(clouds).where(sql`id > ${after}`).orderBy(clouds.id).limit(limit);
}

/** One row: what the rows of a cloud come to. */
export function countUse(orm: Orm, cloudId: string, sizeOfType: SizeOfType) {
  const counts = Object.entries(countsOf(sql`${cloudId}`, sizeOfType));
  return orm
    .select(
      Object.fromEntries(counts.map(([quotaId, count]) => [quotaId, count.mapWith(Number).as(quotaId)])),
    )
    .from(sql`(SELECT 1)`);
}

/**
 * Sets the use of a quota to what the rows come to as the batch finds them. Going over the limit is no new use, so the
 * limit steps aside meanwhile. in: a quota that is counted, and its limit as it was read.
 */
export function recount(
  orm: Orm,
  cloudId: string,
  quotaId: QuotaId,
  limit: number,
  sizeOfType: SizeOfType,
): Statement[] {
  const count = countsOf(sql`${cloudId}`, sizeOfType)[quotaId];
  if (count === undefined) throw new RangeError(`nothing is counted for ${quotaId}`);
  const here = sql`cloud_id = ${cloudId} AND quota_id = ${quotaId}`;
  const update = (set: { limit: number | SQL } | { usage: SQL }) => orm.update(quotas).set(set).where(here);
  return [
    orm.insert(quotas).values({ cloudId, quotaId, limit, usage: 0 }).onConflictDoNothing(),
    demandOne(orm, sql`SELECT count(*) FROM quotas WHERE ${here} AND "limit" = ${limit}`),
    update({ limit: sql`max("limit", ${count})` }),
    update({ usage: count }),
    update({ limit }),
  ];
}
