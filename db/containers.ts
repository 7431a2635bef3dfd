import { and, eq, gt, ne, type SQL, sql } from 'drizzle-orm';
import type { RunnableQuery } from 'drizzle-orm/runnable-query';
import type { Condition } from '../core/list-query.ts';
import type { clouds, folders, serviceAccounts } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** A statement that reads such rows. */
export type Query<Row> = RunnableQuery<Row[], 'sqlite'>;

/** The tables of what holds other things: they have the same fields that can be changed. */
export type ContentTable = typeof clouds | typeof folders | typeof serviceAccounts;

/** What can be changed of a cloud, a folder or a service account. */
export interface Content {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly labels: Record<string, string> | null;
}

/** Demands that the row is there as it was read. */
export function demandContent(
  orm: Orm,
  table: ContentTable,
  { id, name, description, labels }: Content,
): Statement {
  const labelsText = labels === null ? null : JSON.stringify(labels);
  return demandOne(
    orm,
    sql`SELECT count(*) FROM ${table} WHERE id = ${id} AND name = ${name} AND description IS ${description}
      AND json(labels) IS json(${labelsText})`,
  );
}

/** Fails as `unique` when another one has the name. */
export function writeContent(orm: Orm, table: ContentTable, { id, ...content }: Content): Statement {
  const { name, description, labels } = content;
  return orm.update(table).set({ name, description, labels }).where(eq(table.id, id));
}

/** Another one of the same cloud with this name. Clouds themselves may share a name. */
export function findNamesake(
  orm: Orm,
  table: typeof folders | typeof serviceAccounts,
  id: string,
  name: string,
) {
  return orm
    .select({ id: table.id })
    .from(table)
    .where(
      and(
        sql`cloud_id = (SELECT cloud_id FROM ${table} WHERE id = ${id})`,
        eq(table.name, name),
        ne(table.id, id),
      ),
    );
}

/** A page of rows sorted by id: at most `limit` behind `after`, those for which `visible` holds if it is given. */
export interface PageOfIds {
  /** On the name, as the filter of a list has them. */
  readonly conditions: readonly Condition[];
  readonly visible?: SQL;
  readonly limit: number;
  readonly after: string | undefined;
}

/** The condition that a row is on this page or a later one. */
export function onPage(table: ContentTable, { conditions, after, visible }: PageOfIds): SQL | undefined {
  const named = conditions.map(({ negated, values }) => {
    const not = negated ? sql`NOT` : sql``;
    return sql`${table.name} ${not} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
  });
  return and(...named, after === undefined ? undefined : gt(table.id, after), visible);
}
