import { and, asc, eq, gt, type SQL, sql } from 'drizzle-orm';
import type { Condition } from '../core/list-query.ts';
import type { clouds, folders, serviceAccounts } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** The tables of what holds other things: they have the same fields that can be changed. */
type Table = typeof clouds | typeof folders | typeof serviceAccounts;

/** What can be changed of a cloud, a folder or a service account. */
export interface Content {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly labels: Record<string, string> | null;
}

/** Demands that the row is there as it was read. */
export function demandContent(orm: Orm, table: Table, { id, name, description, labels }: Content): Statement {
  const labelsText = labels === null ? null : JSON.stringify(labels);
  return demandOne(
    orm,
    sql`SELECT count(*) FROM ${table} WHERE id = ${id} AND name = ${name} AND description IS ${description}
      AND json(labels) IS json(${labelsText})`,
  );
}

/** Fails as `unique` when another one has the name. */
export function writeContent(orm: Orm, table: Table, { id, ...content }: Content): Statement {
  const { name, description, labels } = content;
  return orm.update(table).set({ name, description, labels }).where(eq(table.id, id));
}

/** Conditions on the name, as a filter of a list has them. */
export function byName(table: Table, conditions: readonly Condition[]): SQL | undefined {
  return and(
    ...conditions.map(({ negated, values }) => {
      const not = negated ? sql`NOT` : sql``;
      return sql`${table.name} ${not} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
    }),
  );
}

/** Where a page begins, when it is sorted by id. */
export function behind(table: Table, afterId: string | undefined): SQL | undefined {
  return afterId === undefined ? undefined : gt(table.id, afterId);
}

export function inOrder(table: Table): SQL {
  return asc(table.id);
}
