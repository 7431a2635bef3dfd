import { eq } from 'drizzle-orm';
import { type DiskRow, disks } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';

export function findDisk(orm: Orm, id: string) {
  return orm.select().from(disks).where(eq(disks.id, id));
}

/** Fails as `unique` when the folder has a disk of this name. */
export function insertDisk(orm: Orm, row: DiskRow): Statement {
  return orm.insert(disks).values(row);
}
