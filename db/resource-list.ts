import { and, asc, desc, eq, getTableColumns, gt, lt, or, type SQL, sql } from 'drizzle-orm';
import type { SQLiteSelect } from 'drizzle-orm/sqlite-core';
import type { Condition, Order } from '../core/list-query.ts';
import type { PagePosition } from '../core/page-token.ts';
import { parseTimestamp } from '../core/timestamps.ts';
import {
  deletedImages,
  disks,
  images,
  type LabelledKind,
  layers,
  snapshots,
} from '../schema/tables/images.ts';
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
  const listed = orm.select({ ...getTableColumns(images), ...shown(sql`images.id`, page) }).from(images);
  return onPage(listed.$dynamic(), 'image', page);
}

/** One page of what lies in the trash of a folder, in the order of `listImages`. */
export function listTrash(orm: Orm, page: ListPage) {
  const listed = orm
    .select({ ...getTableColumns(deletedImages), ...shown(sql`deleted_images.id`, page) })
    .from(deletedImages);
  const standing = isPastTrash(page) ? sql`0` : sql`purged_at IS NULL`;
  return onPage(listed.$dynamic(), 'deletedImage', inTrash(page), standing);
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
  return onPage(orm.select(getTableColumns(disks)).from(disks).$dynamic(), 'disk', page);
}

/** One page of a folder's snapshots. */
export function listSnapshots(orm: Orm, page: ListPage) {
  return onPage(orm.select(getTableColumns(snapshots)).from(snapshots).$dynamic(), 'snapshot', page);
}

const TABLES = { image: images, disk: disks, snapshot: snapshots, deletedImage: deletedImages };

/**
 * A page costs what it holds: it begins at a key, so that page 1,000 costs what page 1 costs, and is read from an index
 * that has its rows in their order: of the folder, or in the order of ids of one label. A condition on few rows (an id,
 * names, families) is looked up first, and what it finds is sorted.
 */
function onPage<Listed extends SQLiteSelect>(
  listed: Listed,
  kind: LabelledKind,
  page: ListPage,
  more?: SQL,
): Listed {
  // Only a list that knows families is ordered by them.
  const table = TABLES[kind] as unknown as typeof images;
  const { folderId, conditions, order, after } = page;
  const label = leadingLabel(page);
  const id = label === undefined ? sql`${table.id}` : sql`labelled.resource_id`;
  const keys = order.field === 'id' ? [id] : [sql`${table[order.field as OrderColumn]}`, id];
  const [direction, beyond] = order.direction === 'asc' ? ([asc, gt] as const) : ([desc, lt] as const);
  // A sign before a column keeps SQLite from beginning with it: from going through the whole folder in an order.
  const sorted = isSorted(page);
  if (label !== undefined) listed.innerJoin(labelled(kind, folderId, label), eq(table.id, id));
  listed
    .where(
      and(
        label === undefined ? eq(table.folderId, folderId) : undefined,
        after && behind(keys, after, beyond),
        ...conditions.filter((one) => one !== label).map((one) => condition(kind, folderId, one)),
        more,
      ),
    )
    .orderBy(...keys.map((key) => direction(sorted ? sql`+${key}` : key)))
    .limit(page.limit);
  return listed;
}

/** in: the columns of the order, and that which says what comes later in it. */
function behind(keys: readonly SQL[], { value, id }: PagePosition, beyond: typeof gt): SQL | undefined {
  const [first, second] = keys;
  if (second === undefined) return beyond(first!, id);
  return or(beyond(first!, value), and(eq(first!, value), beyond(second, id)));
}

/** Fields of which one value, or a few, mean few rows. */
const NARROW: readonly string[] = ['id', 'name', 'family'];
const isNarrow = ({ field, negated }: Condition) => NARROW.includes(field) && !negated;

/** Whether the rows are found by a narrow condition in another order than the one that is wanted. */
function isSorted({ conditions, order }: ListPage): boolean {
  const narrow = conditions.find(isNarrow);
  return narrow !== undefined && (order.field !== 'id' || narrow.values.length > 1);
}

/** The label whose entries have the rows of a list in its order: by ids, unless something narrower is asked for. */
function leadingLabel({ conditions, order }: ListPage): Condition | undefined {
  if (order.field !== 'id' || conditions.some(isNarrow)) return undefined;
  return conditions.find(
    ({ field, negated, values }) => field === 'labels' && !negated && values.length === 1,
  );
}

function labelled(kind: LabelledKind, folderId: string, { key, values }: Condition): SQL {
  return sql`(SELECT resource_id FROM label_index
    WHERE kind = ${kind} AND folder_id = ${folderId} AND key = ${key} AND value = ${values[0]}) AS labelled`;
}

function condition(kind: LabelledKind, folderId: string, { field, key, negated, values }: Condition): SQL {
  if (field === 'labels') {
    return sql`${negated ? sql`NOT` : sql``} EXISTS (SELECT 1 FROM label_index
      WHERE kind = ${kind} AND folder_id = ${folderId} AND key = ${key} AND value ${among(values)}
        AND resource_id = ${TABLES[kind].id})`;
  }
  if (field === 'createdAt') {
    const times = values.map(parseTimestamp).filter((time) => time !== undefined);
    return sql`created_at ${among(times, negated)}`;
  }
  return sql`${FILTER_TEXT[field]!} ${among(values, negated)}`;
}

/** Several values go in as one JSON text, because D1 takes at most 100 parameters a statement. */
function among(values: readonly (string | number)[], negated = false): SQL {
  const [only] = values;
  if (values.length === 1) return negated ? sql`<> ${only}` : sql`= ${only}`;
  return sql`${negated ? sql`NOT` : sql``} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
