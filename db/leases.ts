import { and, asc, count, eq, gt, type SQL, sql } from 'drizzle-orm';
import { images, type LeaseRow, leases } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** An expired lease holds nothing, whether its row is still there or not. */
function inForce(imageId: string | SQL, now: number): SQL {
  return and(eq(leases.imageId, imageId), gt(leases.expiresAt, now))!;
}

/** The lease of a holder on an image, in force or expired. */
export function findLease(orm: Orm, imageId: string, holder: string) {
  return orm
    .select()
    .from(leases)
    .where(and(eq(leases.imageId, imageId), eq(leases.holder, holder)));
}

/** Leases in force on an image, by their ids, behind `after`. */
export function leasesInForce(orm: Orm, imageId: string, now: number, limit: number, after?: string) {
  return orm
    .select()
    .from(leases)
    .where(and(inForce(imageId, now), after === undefined ? undefined : gt(leases.id, after)))
    .orderBy(asc(leases.id))
    .limit(limit);
}

/** How many leases on an image are in force. in: its id, also as a subquery. */
export function countLeases(orm: Orm, imageId: string | SQL, now: number) {
  return orm.select({ leases: count() }).from(leases).where(inForce(imageId, now));
}

/** How many leases are in force on the image of a row, as a column of its list. */
export function leasesOf(imageId: SQL, now: number): SQL<number> {
  return sql<number>`(SELECT count(*) FROM leases WHERE leases.image_id = ${imageId} AND leases.expires_at > ${now})`;
}

/** Demands that no lease on an image is in force. */
export function demandNotLeased(orm: Orm, imageId: string, now: number): Statement {
  return demandOne(
    orm,
    sql`SELECT NOT EXISTS (SELECT 1 FROM leases WHERE image_id = ${imageId} AND expires_at > ${now})`,
  );
}

/** Demands that a lease is in force. Those who renew one at once do not stand in each other's way: the last one counts. */
export function demandInForce(orm: Orm, id: string, now: number): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM leases WHERE id = ${id} AND expires_at > ${now}`);
}

/** Demands that fewer than `limit` leases on an image are in force. */
export function demandRoomForLease(orm: Orm, imageId: string, now: number, limit: number): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) < ${limit} FROM leases WHERE image_id = ${imageId} AND expires_at > ${now}`,
  );
}

/** Demands that an image stands READY. */
export function demandReadyImage(orm: Orm, imageId: string): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM images WHERE id = ${imageId} AND status = 'READY'`);
}

/** Fails as `unique` when the holder has a lease on the image. */
export function insertLease(orm: Orm, row: LeaseRow): Statement {
  return orm.insert(leases).values(row);
}

export function renewLease(
  orm: Orm,
  id: string,
  { renewedAt, expiresAt }: Pick<LeaseRow, 'renewedAt' | 'expiresAt'>,
): Statement {
  return orm.update(leases).set({ renewedAt, expiresAt }).where(eq(leases.id, id));
}

export function deleteLease(orm: Orm, id: string): Statement {
  return orm.delete(leases).where(eq(leases.id, id));
}

/** Takes all leases on an image away, in force or expired, when the image goes for good. */
export function deleteLeasesOf(orm: Orm, imageId: string): Statement {
  return orm.delete(leases).where(eq(leases.imageId, imageId));
}

/** Images of a folder that may not be deleted by hand: protected, or with a lease in force. At most `limit` of them. */
export function heldInFolder(orm: Orm, folderId: string, now: number, limit: number) {
  return orm
    .select({ id: images.id, deleteProtection: images.deleteProtection })
    .from(images)
    .where(
      sql`folder_id = ${folderId} AND status <> 'CREATING' AND (delete_protection = 1
        OR EXISTS (SELECT 1 FROM leases WHERE leases.image_id = images.id AND leases.expires_at > ${now}))`,
    )
    .orderBy(asc(images.id))
    .limit(limit);
}
