import { and, eq, ne, sql } from 'drizzle-orm';
import type { SQLiteUpdateSetSource } from 'drizzle-orm/sqlite-core';
import {
  type DiskRow,
  disks,
  type ImageRow,
  images,
  type SnapshotRow,
  snapshots,
} from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** What stands in a folder under a name of its own; each kind has its table, and its names. */
const TABLES = { image: images, disk: disks, snapshot: snapshots } as const;

export type NamedKind = keyof typeof TABLES;

/** What their rows have in common. */
export type NamedRow = Pick<
  ImageRow,
  'id' | 'folderId' | 'cloudId' | 'name' | 'description' | 'labels' | 'status' | 'revision'
>;

/** The tables have in common all that is asked of them here; one stands for all. */
function tableOf(kind: NamedKind): typeof images {
  return TABLES[kind] as typeof images;
}

/** The one of a folder that has this name; none for the empty name. */
export function findByName(orm: Orm, kind: NamedKind, folderId: string, name: string) {
  const table = tableOf(kind);
  return orm
    .select({ id: table.id })
    .from(table)
    .where(and(eq(table.folderId, folderId), eq(table.name, name), ne(table.name, '')));
}

/** Another one with this name in the folder of this one; none for the empty name. */
export function findNamesake(orm: Orm, kind: NamedKind, id: string, name: string) {
  const table = tableOf(kind);
  return orm
    .select({ id: table.id })
    .from(table)
    .where(
      sql`folder_id = (SELECT folder_id FROM ${table} WHERE id = ${id}) AND name = ${name} AND name <> '' AND id <> ${id}`,
    );
}

/** One of a folder with the name of this one, which may come there; none for the empty name. */
export function findNamesakeIn(orm: Orm, kind: NamedKind, id: string, folderId: string) {
  const table = tableOf(kind);
  return orm
    .select({ id: table.id })
    .from(table)
    .where(
      sql`folder_id = ${folderId} AND name = (SELECT name FROM ${table} WHERE id = ${id}) AND name <> '' AND id <> ${id}`,
    );
}

/** Demands that it is as it was read: the same revision. */
export function demandRevision(orm: Orm, kind: NamedKind, id: string, revision: number): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM ${tableOf(kind)} WHERE id = ${id} AND revision = ${revision}`,
  );
}

/** Changes columns, and counts the change. */
export function changeResource(
  orm: Orm,
  kind: NamedKind,
  id: string,
  change: Partial<ImageRow | DiskRow | SnapshotRow>,
): Statement {
  const table = tableOf(kind);
  const set = { ...change, revision: sql`revision + 1` } as SQLiteUpdateSetSource<typeof images>;
  return orm.update(table).set(set).where(eq(table.id, id));
}

export function deleteResource(orm: Orm, kind: NamedKind, id: string): Statement {
  const table = tableOf(kind);
  return orm.delete(table).where(eq(table.id, id));
}
