import { and, eq, isNull, lte, sql } from 'drizzle-orm';
import { type UploadRow, uploads } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

export function findUpload(orm: Orm, imageId: string) {
  return orm.select().from(uploads).where(eq(uploads.imageId, imageId));
}

export function insertUpload(orm: Orm, row: UploadRow): Statement {
  return orm.insert(uploads).values(row);
}

/** Demands that the upload is still in `state`. */
export function demandUploadState(orm: Orm, imageId: string, state: UploadRow['state']): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM uploads WHERE image_id = ${imageId} AND state = ${state}`);
}

/** Demands that an upload is open and that nothing is known yet of the file that its link leads to. */
export function demandUnknownFile(orm: Orm, imageId: string): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM uploads WHERE image_id = ${imageId} AND state = 'OPEN' AND source_version IS NULL`,
  );
}

export function updateUpload(orm: Orm, imageId: string, change: Partial<UploadRow>): Statement {
  return orm.update(uploads).set(change).where(eq(uploads.imageId, imageId));
}

/** Notes the store's upload id, once: of two that open at the same time the first stays. */
export function keepStoreUpload(orm: Orm, imageId: string, storeUploadId: string): Statement {
  return orm
    .update(uploads)
    .set({ storeUploadId })
    .where(and(eq(uploads.imageId, imageId), eq(uploads.state, 'OPEN'), isNull(uploads.storeUploadId)));
}

export function deleteUpload(orm: Orm, imageId: string): Statement {
  return orm.delete(uploads).where(eq(uploads.imageId, imageId));
}

/** Open uploads whose time is over, oldest first. */
export function expiredUploads(orm: Orm, now: number, limit: number) {
  return orm
    .select({ imageId: uploads.imageId })
    .from(uploads)
    .where(and(eq(uploads.state, 'OPEN'), lte(uploads.expiresAt, now)))
    .orderBy(uploads.expiresAt)
    .limit(limit);
}
