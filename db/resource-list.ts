import { and, asc, desc, eq, getTableColumns, gt, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Condition, Order } from '../core/list-query.ts';
import type { PagePosition } from '../core/page-token.ts';
import { parseTimestamp } from '../core/timestamps.ts';
import { deletedImages, disks, images, layers, snapshots } from '../schema/tables/images.ts';
import type { Orm } from './client.ts';
import { leasesOf } from './leases.ts';

/** What a page of a list holds: at most `limit` rows behind `after`. Fields are those that the list knows. */
export interface ListPage {
  readonly folderId: string;
  readonly conditions: readonly Condition[];
  readonly order: Order;
  readonly limit: number;
  readonly after: PagePosition | undefined;
  /** Epoch milliseconds, on which it depends what is in force. */
  readonly now: number;
  /** Whether the inspections of images are wanted as well. */
  readonly full?: boolean | undefined;
}

/** The columns by which lists are ordered; each order has its index, which ends with the id. */
type OrderColumn = 'id' | 'name' | 'family' | 'status' | 'createdAt';

/** A filter's field as the text that the JSON form shows; absent is empty. */
const FILTER_TEXT: Readonly<Record<string, SQL>> = {
  id: sql`id`,
  name: sql`name`,
  family: sql`family`,
  status: sql`status`,
  osType: sql`coalesce(os_type, '')`,
  architecture: sql`coalesce(architecture, '')`,
  pooled: sql`CASE WHEN pooled THEN 'true' ELSE 'false' END`,
  typeId: sql`type_id`,
  zoneId: sql`zone_id`,
  sourceDiskId: sql`source_disk_id`,
};

/** What a row's layer and the leases on it add. Columns of a result are called by their names, each row anew. */
function shown(id: SQL, { full, now }: ListPage) {
  const inspection = sql`(SELECT inspection FROM layers WHERE layers.id = layer_id)`;
  return {
    digest: sql<string | null>`(SELECT digest FROM layers WHERE layers.id = layer_id)`.as('layer_digest'),
    inspection: (full ? inspection : sql`NULL`).mapWith(layers.inspection).as('layer_inspection'),
    leases: leasesOf(id, now).as('leases'),
  };
}

/** One page of a folder's images, with their digests and how many leases hold them. */
export function listImages(orm: Orm, page: ListPage) {
  const { where, order } = clauses(images, page);
  return orm
    .select({
      ...getTableColumns(images),
      ...shown(sql`images.id`, page),
    })
    .from(images)
    .where(where)
    .orderBy(...order)
    .limit(page.limit);
}

/** One page of what lies in the trash of a folder, in the order of `listImages`. */
export function listTrash(orm: Orm, page: ListPage) {
  const { where, order } = clauses(deletedImages, inTrash(page));
  return orm
    .select({
      ...getTableColumns(deletedImages),
      ...shown(sql`deleted_images.id`, page),
    })
    .from(deletedImages)
    .where(and(sql`purged_at IS NULL`, where, isPastTrash(page) ? sql`0` : undefined))
    .orderBy(...order)
    .limit(page.limit);
}

/** The status of all that lies in the trash. */
const TRASHED = 'DELETING';

/** An order by status is one by id there, from the beginning unless the page before ended in the trash. */
function inTrash(page: ListPage): ListPage {
  if (page.order.field !== 'status') return page;
  const after = page.after?.value === TRASHED ? page.after : undefined;
  return { ...page, order: { ...page.order, field: 'id' }, after };
}

/** Whether a list by status has all of the trash behind it. */
function isPastTrash({ after, order }: ListPage): boolean {
  if (order.field !== 'status' || after === undefined || after.value === TRASHED) return false;
  return order.direction === 'asc' ? after.value > TRASHED : after.value < TRASHED;
}

/** One page of a folder's disks. */
export function listDisks(orm: Orm, page: ListPage) {
  const { where, order } = clauses(disks, page);
  return orm
    .select()
    .from(disks)
    .where(where)
    .orderBy(...order)
    .limit(page.limit);
}

/** One page of a folder's snapshots. */
export function listSnapshots(orm: Orm, page: ListPage) {
  const { where, order } = clauses(snapshots, page);
  return orm
    .select()
    .from(snapshots)
    .where(where)
    .orderBy(...order)
    .limit(page.limit);
}

/** The page begins at a key, so that page 1,000 costs what page 1 costs. */
function clauses(of: typeof images | typeof deletedImages | typeof disks | typeof snapshots, page: ListPage) {
  // Only a list that knows families is ordered by them.
  const table = of as unknown as typeof images;
  const { folderId, conditions, order, after } = page;
  const [direction, beyond] = order.direction === 'asc' ? ([asc, gt] as const) : ([desc, lt] as const);
  const column = table[order.field as OrderColumn];
  const behind =
    after === undefined
      ? undefined
      : order.field === 'id'
        ? beyond(table.id, after.id)
        : or(beyond(column, after.value), and(eq(column, after.value), beyond(table.id, after.id)));
  return {
    where: and(eq(table.folderId, folderId), behind, ...conditions.map((one) => condition(table, one))),
    order: order.field === 'id' ? [direction(table.id)] : [direction(column), direction(table.id)],
  };
}

/** Values go in as one JSON text, because D1 takes at most 100 parameters a statement. */
function condition(table: typeof images, { field, key, negated, values }: Condition): SQL {
  const not = negated ? sql`NOT` : sql``;
  if (field === 'labels') {
    return sql`${not} EXISTS (SELECT 1 FROM json_each(${table}.labels) AS label
      WHERE label.key = ${key} AND label.value IN (SELECT value FROM json_each(${JSON.stringify(values)})))`;
  }
  if (field === 'createdAt') {
    const times = values.map(parseTimestamp).filter((time) => time !== undefined);
    return sql`created_at ${not} IN (SELECT value FROM json_each(${JSON.stringify(times)}))`;
  }
  return sql`${FILTER_TEXT[field]!} ${not} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
