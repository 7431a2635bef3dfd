import { and, asc, eq, type SQL, sql } from 'drizzle-orm';
import { type FolderRow, folders } from '../schema/tables/identity.ts';
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
