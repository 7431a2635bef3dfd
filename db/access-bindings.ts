import { and, asc, eq, getTableColumns, gt, sql } from 'drizzle-orm';
import type { AccessBinding } from '../core/access-bindings.ts';
import { accessBindings, clouds, folders, serviceAccounts } from '../schema/tables/identity.ts';
import { disks, images, snapshots } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** The tables of the resources that carry bindings. */
const TABLES = {
  image: images,
  disk: disks,
  snapshot: snapshots,
  folder: folders,
  cloud: clouds,
  serviceAccount: serviceAccounts,
} as const;

/** A resource that carries bindings. */
export interface BoundResource {
  readonly kind: keyof typeof TABLES;
  readonly id: string;
}

function on({ kind, id }: BoundResource) {
  return and(eq(accessBindings.resourceKind, kind), eq(accessBindings.resourceId, id));
}

/** One page of the bindings set directly on a resource, in the order in which they were made, behind `after`. */
export function listBindings(orm: Orm, resource: BoundResource, limit: number, after: number | undefined) {
  return orm
    .select({ ...getTableColumns(accessBindings), position: sql<number>`rowid` })
    .from(accessBindings)
    .where(and(on(resource), after === undefined ? undefined : gt(sql`rowid`, after)))
    .orderBy(asc(sql`rowid`))
    .limit(limit);
}

/** The resource, if it stands: an image in the trash keeps its bindings, but nobody reads or changes them. */
export function findStanding(orm: Orm, { kind, id }: BoundResource) {
  const table = TABLES[kind] as (typeof TABLES)['image'];
  return orm.select({ id: table.id }).from(table).where(eq(table.id, id));
}

/** Demands that the resource is there, so that nothing is bound to what has just gone. */
export function demandResource(orm: Orm, { kind, id }: BoundResource): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM ${TABLES[kind]} WHERE id = ${id}`);
}

/** Bindings go in as one JSON text, because D1 takes at most 100 parameters a statement. */
function rowsOf(bindings: readonly AccessBinding[]) {
  const rows = bindings.map(({ roleId, subject }) => [subject.type, subject.id, roleId]);
  return sql`json_each(${JSON.stringify(rows)})`;
}

/** Demands that the resource has all these bindings. */
export function demandBindings(
  orm: Orm,
  { kind, id }: BoundResource,
  bindings: readonly AccessBinding[],
): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) = ${bindings.length}
      FROM ${rowsOf(bindings)} AS wanted CROSS JOIN access_bindings AS binding
      WHERE binding.resource_kind = ${kind} AND binding.resource_id = ${id}
        AND binding.subject_type = wanted.value ->> 0 AND binding.subject_id = wanted.value ->> 1
        AND binding.role_id = wanted.value ->> 2`,
  );
}

/** Demands that the resource has this many bindings. */
export function demandBindingCount(orm: Orm, { kind, id }: BoundResource, count: number): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) = ${count} FROM access_bindings WHERE resource_kind = ${kind} AND resource_id = ${id}`,
  );
}

/** Fails as `unique` when the resource has one of them. */
export function insertBindings(
  orm: Orm,
  { kind, id }: BoundResource,
  bindings: readonly AccessBinding[],
): Statement {
  return orm
    .insert(accessBindings)
    .select(
      sql`SELECT ${kind}, ${id}, made.value ->> 0, made.value ->> 1, made.value ->> 2 FROM ${rowsOf(bindings)} AS made`,
    );
}

export function deleteBindings(
  orm: Orm,
  resource: BoundResource,
  bindings: readonly AccessBinding[],
): Statement {
  return orm.delete(accessBindings).where(
    and(
      on(resource),
      sql`(subject_type, subject_id, role_id) IN (
          SELECT gone.value ->> 0, gone.value ->> 1, gone.value ->> 2 FROM ${rowsOf(bindings)} AS gone)`,
    ),
  );
}

/** Takes away everything that a subject holds, when the subject goes. */
export function deleteBindingsFor(orm: Orm, subjectType: string, subjectId: string): Statement {
  return orm
    .delete(accessBindings)
    .where(and(eq(accessBindings.subjectType, subjectType), eq(accessBindings.subjectId, subjectId)));
}

/** Those of these ids that no service account has. */
export function findUnknownServiceAccounts(orm: Orm, ids: readonly string[]) {
  return orm
    .select({ id: sql<string>`value` })
    .from(sql`json_each(${JSON.stringify(ids)})`)
    .where(sql`value NOT IN (SELECT id FROM service_accounts)`);
}
