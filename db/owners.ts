import { type SQL, sql } from 'drizzle-orm';
import { OWNER_ROLES } from '../core/access.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** Service accounts that are to be lost together: one by its id, or all of a folder. */
export type Leavers = { readonly serviceAccountId: string } | { readonly folderId: string };

/** Something that is left without an owner when these go. */
export interface Ownership {
  readonly serviceAccountId: string;
  readonly resourceKind: string;
  readonly resourceId: string;
  readonly roleId: string;
}

function idsOf(leavers: Leavers): SQL {
  return 'folderId' in leavers
    ? sql`SELECT id FROM service_accounts WHERE folder_id = ${leavers.folderId}`
    : sql`SELECT ${leavers.serviceAccountId}`;
}

/** What clouds and organizations these alone own; a suspended service account is no owner to be left with. */
function soleOwnerships(leavers: Leavers): SQL {
  const leaving = idsOf(leavers);
  return sql`SELECT subject_id, resource_kind, resource_id, role_id FROM access_bindings AS held
    WHERE subject_type = 'serviceAccount' AND subject_id IN (${leaving})
      AND resource_kind IN ('cloud', 'organization')
      AND role_id IN (SELECT value FROM json_each(${JSON.stringify(OWNER_ROLES)}))
      AND NOT EXISTS (SELECT 1 FROM access_bindings AS other
        WHERE other.resource_kind = held.resource_kind AND other.resource_id = held.resource_id
          AND other.role_id = held.role_id
          AND NOT (other.subject_type = 'serviceAccount' AND (other.subject_id IN (${leaving})
            OR other.subject_id IN (SELECT id FROM service_accounts WHERE suspended_at IS NOT NULL))))`;
}

/** One of those that stand in the way, if any does. */
export function findSoleOwnership(orm: Orm, leavers: Leavers) {
  return orm
    .select({
      serviceAccountId: sql<string>`subject_id`,
      resourceKind: sql<string>`resource_kind`,
      resourceId: sql<string>`resource_id`,
      roleId: sql<string>`role_id`,
    })
    .from(sql`(${soleOwnerships(leavers)})`)
    .limit(1);
}

export function demandNoSoleOwnership(orm: Orm, leavers: Leavers): Statement {
  return demandOne(orm, sql`SELECT NOT EXISTS (${soleOwnerships(leavers)})`);
}
