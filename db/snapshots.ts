import { eq } from 'drizzle-orm';
import { type SnapshotRow, snapshots } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';

export function findSnapshot(orm: Orm, id: string) {
  return orm.select().from(snapshots).where(eq(snapshots.id, id));
}

/** Fails as `unique` when the folder has a snapshot of this name. */
export function insertSnapshot(orm: Orm, row: SnapshotRow): Statement {
  return orm.insert(snapshots).values(row);
}
