import { eq, sql } from 'drizzle-orm';
import { type SnapshotRow, snapshots } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

export function findSnapshot(orm: Orm, id: string) {
  return orm.select().from(snapshots).where(eq(snapshots.id, id));
}

/** Fails as `unique` when the folder has a snapshot of this name. */
export function insertSnapshot(orm: Orm, row: SnapshotRow): Statement {
  return orm.insert(snapshots).values(row);
}

/** One of the snapshots of a disk, in whatever folder. */
export function findSnapshotOfDisk(orm: Orm, diskId: string) {
  return orm.select({ id: snapshots.id }).from(snapshots).where(eq(snapshots.sourceDiskId, diskId)).limit(1);
}

/** Demands that a disk has snapshots, or that it has none. */
export function demandSnapshotsOfDisk(orm: Orm, diskId: string, some: boolean): Statement {
  const exists = sql`EXISTS (SELECT 1 FROM snapshots WHERE source_disk_id = ${diskId})`;
  return demandOne(orm, some ? sql`SELECT ${exists}` : sql`SELECT NOT ${exists}`);
}
