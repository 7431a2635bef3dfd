import { and, asc, eq, sql } from 'drizzle-orm';
import { type CloudRow, clouds, folders } from '../schema/tables/identity.ts';
import { quotas } from '../schema/tables/quotas.ts';
import type { Orm, Statement } from './client.ts';
import { onPage, type PageOfIds } from './containers.ts';
import { demandOne } from './guards.ts';

export function findCloud(orm: Orm, id: string) {
  return orm.select().from(clouds).where(eq(clouds.id, id));
}

export function listClouds(orm: Orm, organizationId: string | undefined, page: PageOfIds) {
  return orm
    .select()
    .from(clouds)
    .where(
      and(
        organizationId === undefined ? undefined : eq(clouds.organizationId, organizationId),
        onPage(clouds, page),
      ),
    )
    .orderBy(asc(clouds.id))
    .limit(page.limit);
}

/** Where roles on a row of `listClouds` count. */
export const CLOUD_PLACES = sql`SELECT 'cloud', ${clouds.id} UNION ALL SELECT 'organization', ${clouds.organizationId}`;

export function insertCloud(orm: Orm, row: CloudRow): Statement {
  return orm.insert(clouds).values(row);
}

/** How much a cloud holds, which stands in the way of its deletion. */
export function countInCloud(orm: Orm, id: string) {
  return orm
    .select({ folders: sql<number>`(SELECT count(*) FROM folders WHERE cloud_id = ${id})` })
    .from(clouds)
    .where(eq(clouds.id, id));
}

/** Demands that the cloud is there, so that nothing is made for one that goes. */
export function demandCloud(orm: Orm, id: string): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM ${clouds} WHERE id = ${id}`);
}

export function demandEmptyCloud(orm: Orm, id: string): Statement {
  return demandOne(orm, sql`SELECT NOT EXISTS (SELECT 1 FROM ${folders} WHERE cloud_id = ${id})`);
}

/** A cloud's quotas go with it; its bindings are taken away by `deleteBindingsOf`. */
export function deleteCloud(orm: Orm, id: string): Statement[] {
  return [orm.delete(quotas).where(eq(quotas.cloudId, id)), orm.delete(clouds).where(eq(clouds.id, id))];
}
