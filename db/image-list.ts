import { and, asc, desc, eq, getTableColumns, gt, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Condition, Order } from '../core/list-query.ts';
import type { PagePosition } from '../core/page-token.ts';
import { parseTimestamp } from '../core/timestamps.ts';
import { images } from '../schema/tables/images.ts';
import type { Orm } from './client.ts';

const ORDER_COLUMNS = {
  id: images.id,
  name: images.name,
  family: images.family,
  status: images.status,
  createdAt: images.createdAt,
} as const;

export type OrderField = keyof typeof ORDER_COLUMNS;

/** A filter's field as the text that the JSON form shows; absent is empty. */
const FILTER_TEXT: Readonly<Record<string, SQL>> = {
  id: sql`id`,
  name: sql`name`,
  family: sql`family`,
  status: sql`status`,
  osType: sql`coalesce(os_type, '')`,
  architecture: sql`coalesce(architecture, '')`,
  pooled: sql`CASE WHEN pooled THEN 'true' ELSE 'false' END`,
};

/**
 * One page of a folder's images with their digests: at most `limit` rows behind `after`. Each order has its index and the page begins at
 * a key, so that page 1,000 costs what page 1 costs.
 */
export function listImages(
  orm: Orm,
  folderId: string,
  conditions: readonly Condition[],
  order: Order & { field: string },
  limit: number,
  after: PagePosition | undefined,
) {
  const column = ORDER_COLUMNS[order.field as OrderField];
  const [direction, beyond] = order.direction === 'asc' ? ([asc, gt] as const) : ([desc, lt] as const);
  const behind =
    after === undefined
      ? undefined
      : order.field === 'id'
        ? beyond(images.id, after.id)
        : or(beyond(column, after.value), and(eq(column, after.value), beyond(images.id, after.id)));
  return orm
    .select({
      ...getTableColumns(images),
      digest: sql<string | null>`(SELECT digest FROM layers WHERE layers.id = layer_id)`,
    })
    .from(images)
    .where(and(eq(images.folderId, folderId), behind, ...conditions.map(condition)))
    .orderBy(...(order.field === 'id' ? [direction(images.id)] : [direction(column), direction(images.id)]))
    .limit(limit);
}

/** Values go in as one JSON text, because D1 takes at most 100 parameters a statement. */
function condition({ field, key, negated, values }: Condition): SQL {
  const not = negated ? sql`NOT` : sql``;
  if (field === 'labels') {
    return sql`${not} EXISTS (SELECT 1 FROM json_each(images.labels) AS label
      WHERE label.key = ${key} AND label.value IN (SELECT value FROM json_each(${JSON.stringify(values)})))`;
  }
  if (field === 'createdAt') {
    const times = values.map(parseTimestamp).filter((time) => time !== undefined);
    return sql`created_at ${not} IN (SELECT value FROM json_each(${JSON.stringify(times)}))`;
  }
  return sql`${FILTER_TEXT[field]!} ${not} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
