import { and, eq, sql } from 'drizzle-orm';
import { type DiskRow, disks, images, layers } from '../schema/tables/images.ts';
import { quotas } from '../schema/tables/quotas.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

export function findDisk(orm: Orm, id: string) {
  return orm.select().from(disks).where(eq(disks.id, id));
}

/** A row if this is an image that is optimized for deployment. */
export function findPool(orm: Orm, imageId: string) {
  return orm
    .select({ id: images.id })
    .from(images)
    .where(and(eq(images.id, imageId), eq(images.pooled, true)));
}

/** The layer that a disk began with. */
export function findLayerOfDisk(orm: Orm, diskId: string) {
  return orm.select().from(layers).where(sql`id = (SELECT layer_id FROM disks WHERE id = ${diskId})`);
}

/** Fails as `unique` when the folder has a disk of this name. */
export function insertDisk(orm: Orm, row: DiskRow): Statement {
  return orm.insert(disks).values(row);
}

/** A disk that is being copied from a snapshot. */
export function findCopyOfSnapshot(orm: Orm, snapshotId: string) {
  return orm
    .select({ id: disks.id })
    .from(disks)
    .where(and(eq(disks.sourceSnapshotId, snapshotId), sql`status = 'CREATING'`))
    .limit(1);
}

/** Demands that no disk is being copied from a snapshot. */
export function demandNoCopyOfSnapshot(orm: Orm, snapshotId: string): Statement {
  return demandOne(
    orm,
    sql`SELECT NOT EXISTS (
      SELECT 1 FROM disks WHERE source_snapshot_id = ${snapshotId} AND status = 'CREATING')`,
  );
}

/** The quotas of the cloud that a disk belongs to. */
export function quotasOfDisk(orm: Orm, id: string) {
  return orm.select().from(quotas).where(sql`cloud_id = (SELECT cloud_id FROM disks WHERE id = ${id})`);
}
