import { and, asc, eq, inArray, lte, type SQL, sql } from 'drizzle-orm';
import { type FolderRow, federations, folders, serviceAccounts } from '../schema/tables/identity.ts';
import { disks, images, snapshots, uploads } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { onPage, type PageOfIds } from './containers.ts';
import { demandOne } from './guards.ts';

export function findFolder(orm: Orm, id: string) {
  return orm.select().from(folders).where(eq(folders.id, id));
}

export function listFolders(orm: Orm, cloudId: string, page: PageOfIds) {
  return orm
    .select()
    .from(folders)
    .where(and(eq(folders.cloudId, cloudId), onPage(folders, page)))
    .orderBy(asc(folders.id))
    .limit(page.limit);
}

/** Where roles on a row of `listFolders` count. */
export const FOLDER_PLACES = sql`SELECT 'folder', ${folders.id} UNION ALL SELECT 'cloud', ${folders.cloudId}
  UNION ALL SELECT 'organization', clouds.organization_id FROM clouds WHERE clouds.id = ${folders.cloudId}`;

/** The folder of a cloud that has this name. */
export function findFolderByName(orm: Orm, cloudId: string, name: string) {
  return orm
    .select({ id: folders.id })
    .from(folders)
    .where(and(eq(folders.cloudId, cloudId), eq(folders.name, name)));
}

/** Fails as `unique` when the cloud has a folder of this name. */
export function insertFolder(orm: Orm, row: FolderRow): Statement {
  return orm.insert(folders).values(row);
}

/** The tables of what stands in a folder. */
const CONTENTS = {
  images: sql`images`,
  trash: sql`(SELECT folder_id FROM deleted_images WHERE purged_at IS NULL)`,
  disks: sql`disks`,
  snapshots: sql`snapshots`,
  serviceAccounts: sql`service_accounts`,
  federations: sql`federations`,
} as const;

export type FolderContents = Readonly<Record<keyof typeof CONTENTS, number>>;

/** How much a folder holds, which stands in the way of its deletion. */
export function countInFolder(orm: Orm, id: string) {
  const counts = Object.entries(CONTENTS).map(([noun, table]) => [
    noun,
    sql<number>`(SELECT count(*) FROM ${table} WHERE folder_id = ${id})`,
  ]);
  return orm
    .select(Object.fromEntries(counts) as Record<keyof typeof CONTENTS, SQL<number>>)
    .from(folders)
    .where(eq(folders.id, id));
}

export function demandEmptyFolder(orm: Orm, id: string): Statement {
  const none = Object.values(CONTENTS).map(
    (table) => sql`NOT EXISTS (SELECT 1 FROM ${table} WHERE folder_id = ${id})`,
  );
  return demandOne(orm, sql`SELECT ${sql.join(none, sql` AND `)}`);
}

/** Demands that the folder is there and is not being deleted, so that nothing is made in one that goes. */
export function demandActiveFolder(orm: Orm, id: string): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM folders WHERE id = ${id} AND status = 'ACTIVE'`);
}

export function deleteFolder(orm: Orm, id: string): Statement {
  return orm.delete(folders).where(eq(folders.id, id));
}

/** Demands that the folder is being deleted by this operation, and how far that is. */
export function demandDeletion(
  orm: Orm,
  { id, status, deletionId }: Pick<FolderRow, 'id' | 'status' | 'deletionId'>,
): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM folders WHERE id = ${id} AND status = ${status} AND deletion_id = ${deletionId}`,
  );
}

export function updateFolder(
  orm: Orm,
  id: string,
  change: Pick<FolderRow, 'status' | 'deleteAt' | 'deletionId'>,
): Statement {
  return orm.update(folders).set(change).where(eq(folders.id, id));
}

/** Folders whose day has come, the longest due first. */
export function foldersDue(orm: Orm, now: number, limit: number) {
  return orm
    .select()
    .from(folders)
    .where(and(eq(folders.status, 'PENDING_DELETION'), lte(folders.deleteAt, now)))
    .orderBy(asc(folders.deleteAt))
    .limit(limit);
}

/** Some of the images of a folder. */
export function imagesInFolder(orm: Orm, id: string, limit: number) {
  return orm.select().from(images).where(eq(images.folderId, id)).orderBy(asc(images.id)).limit(limit);
}

/** The uploads of the images that `imagesInFolder` answers; not joined, because a batch keeps one column of a name. */
export function uploadsInFolder(orm: Orm, id: string, limit: number) {
  const found = orm
    .select({ id: images.id })
    .from(images)
    .where(eq(images.folderId, id))
    .orderBy(asc(images.id))
    .limit(limit);
  return orm.select().from(uploads).where(inArray(uploads.imageId, found));
}

export function disksInFolder(orm: Orm, id: string, limit: number) {
  return orm.select().from(disks).where(eq(disks.folderId, id)).orderBy(asc(disks.id)).limit(limit);
}

export function snapshotsInFolder(orm: Orm, id: string, limit: number) {
  return orm
    .select()
    .from(snapshots)
    .where(eq(snapshots.folderId, id))
    .orderBy(asc(snapshots.id))
    .limit(limit);
}

export function federationsInFolder(orm: Orm, id: string, limit: number) {
  return orm
    .select({ id: federations.id })
    .from(federations)
    .where(eq(federations.folderId, id))
    .orderBy(asc(federations.id))
    .limit(limit);
}

export function accountsInFolder(orm: Orm, id: string, limit: number) {
  return orm
    .select({ id: serviceAccounts.id })
    .from(serviceAccounts)
    .where(eq(serviceAccounts.folderId, id))
    .orderBy(asc(serviceAccounts.id))
    .limit(limit);
}
