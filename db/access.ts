import { and, eq, type SQL, sql } from 'drizzle-orm';
import { accessBindings } from '../schema/tables/identity.ts';
import { type Claim, callerId } from './callers.ts';
import type { Orm, Statement } from './client.ts';

/** The resource that a call is about: roles count on it and on everything above it. */
export interface Scope {
  readonly kind:
    | 'image'
    /** The folder in which a deleted image stood; `id` is the image's. */
    | 'folderOfDeletedImage'
    | 'disk'
    | 'snapshot'
    | 'webhook'
    | 'federation'
    | 'federatedCredential'
    | 'authorizedKey'
    /** By its prefix. */
    | 'iamToken'
    | 'quotaRequest'
    | 'operation'
    | 'folder'
    /** Also a folder that is gone, as long as it is known what was changed in it. */
    | 'auditedFolder'
    | 'cloud'
    | 'serviceAccount'
    | 'apiKey'
    | 'organization'
    /** Of the caller's own service account; `id` says nothing. */
    | 'ownOrganization'
    /** The caller's own service account; `id` says nothing. */
    | 'caller'
    | 'none';
  readonly id: string;
}

/**
 * Whether a binding on one of these places counts for a caller: is held by itself, by one of both public groups, or by
 * the users of its organization. Each pair of place and subject is one step into the key of the bindings, so that a
 * resource with many of them costs no more.
 * in: conditions on the place of `binding`, and what the caller's id and its organization's are called.
 */
export function countsFor(places: readonly SQL[], accountId: SQL, organizationId: SQL): SQL {
  const subjects = [
    sql`binding.subject_type = 'serviceAccount' AND binding.subject_id = ${accountId}`,
    sql`binding.subject_type = 'system' AND binding.subject_id = 'allAuthenticatedUsers'`,
    sql`binding.subject_type = 'system' AND binding.subject_id = 'allUsers'`,
    sql`binding.subject_type = 'system'
      AND binding.subject_id = 'group:organization:' || ${organizationId} || ':users'`,
  ];
  const pairs = places.flatMap((place) => subjects.map((subject) => sql`(${place} AND ${subject})`));
  return sql`(${sql.join(pairs, sql` OR `)})`;
}

/**
 * A condition of a list: one of these roles is bound for the caller on one of the places that a row has.
 * in: `places` is a SELECT of pairs (kind, id) which may name columns of the row.
 */
export function mayHere(claim: Claim, roleIds: readonly string[], places: SQL): SQL {
  const onScope = sql`binding.resource_kind = scope.kind AND binding.resource_id = scope.id`;
  return sql`EXISTS (
    WITH scope (kind, id) AS (${places})
    SELECT 1 FROM scope CROSS JOIN service_accounts AS caller
      LEFT JOIN clouds AS own_cloud ON own_cloud.id = caller.cloud_id
      CROSS JOIN access_bindings AS binding
    WHERE caller.id = ${callerId(claim)}
      AND ${countsFor([onScope], sql`caller.id`, sql`own_cloud.organization_id`)}
      AND binding.role_id IN (SELECT value FROM json_each(${JSON.stringify(roleIds)})))`;
}

/** The folder and the cloud in which a resource stands, as far as it has them; no row when there is no such resource. */
export function findPlace(orm: Orm, claim: Claim, scope: Scope) {
  return orm
    .select({ folderId: sql<string | null>`folder_id`, cloudId: sql<string | null>`cloud_id` })
    .from(
      sql`(WITH target (kind, id, folder_id, cloud_id) AS (${target(scope, claim)}) SELECT * FROM target)`,
    );
}

/** As `findPlace`, of what stands: for an image in the trash there is no row either. */
export function findStandingPlace(orm: Orm, claim: Claim, scope: Scope) {
  return findPlace(orm, claim, scope).where(
    sql`NOT EXISTS (SELECT 1 FROM deleted_images WHERE deleted_images.id = ${scope.id})`,
  );
}

/** Where a resource stands in the hierarchy, as one row (kind, id, folder_id, cloud_id). */
export function target({ kind, id }: Scope, claim: Claim): SQL {
  switch (kind) {
    case 'image':
      // One in the trash is under the rules that it was under before.
      return sql`SELECT 'image', id, folder_id, cloud_id FROM images WHERE id = ${id}
        UNION ALL SELECT 'image', id, folder_id, cloud_id FROM deleted_images WHERE id = ${id}`;
    case 'folderOfDeletedImage':
      return sql`SELECT 'folder', NULL, folder_id, cloud_id FROM deleted_images WHERE id = ${id}`;
    case 'disk':
      return sql`SELECT 'disk', id, folder_id, cloud_id FROM disks WHERE id = ${id}`;
    case 'snapshot':
      return sql`SELECT 'snapshot', id, folder_id, cloud_id FROM snapshots WHERE id = ${id}`;
    case 'webhook':
      return sql`SELECT 'webhook', id, folder_id, cloud_id FROM webhooks WHERE id = ${id}`;
    case 'federation':
      return sql`SELECT 'federation', id, folder_id, cloud_id FROM federations WHERE id = ${id}`;
    case 'quotaRequest':
      return sql`SELECT 'quotaRequest', id, NULL, cloud_id FROM quota_requests WHERE id = ${id}`;
    case 'operation':
      return sql`SELECT resource_kind, resource_id, folder_id, cloud_id FROM operations WHERE id = ${id}`;
    case 'folder':
      return sql`SELECT 'folder', NULL, id, cloud_id FROM folders WHERE id = ${id}`;
    case 'auditedFolder':
      return sql`SELECT 'folder', NULL, id, cloud_id FROM folders WHERE id = ${id}
        UNION ALL SELECT 'folder', NULL, ${id}, cloud_id FROM (
          SELECT cloud_id FROM audit_events WHERE folder_id = ${id} ORDER BY at DESC LIMIT 1)
        WHERE NOT EXISTS (SELECT 1 FROM folders WHERE id = ${id})`;
    case 'cloud':
      return sql`SELECT 'cloud', NULL, NULL, id FROM clouds WHERE id = ${id}`;
    case 'serviceAccount':
      return sql`SELECT 'serviceAccount', id, folder_id, cloud_id FROM service_accounts WHERE id = ${id}`;
    case 'apiKey':
      return sql`SELECT 'serviceAccount', service_accounts.id, service_accounts.folder_id, service_accounts.cloud_id
        FROM api_keys JOIN service_accounts ON service_accounts.id = api_keys.service_account_id
        WHERE api_keys.id = ${id}`;
    case 'authorizedKey':
      return sql`SELECT 'serviceAccount', service_accounts.id, service_accounts.folder_id, service_accounts.cloud_id
        FROM authorized_keys JOIN service_accounts ON service_accounts.id = authorized_keys.service_account_id
        WHERE authorized_keys.id = ${id}`;
    case 'iamToken':
      return sql`SELECT 'serviceAccount', service_accounts.id, service_accounts.folder_id, service_accounts.cloud_id
        FROM iam_tokens JOIN service_accounts ON service_accounts.id = iam_tokens.service_account_id
        WHERE iam_tokens.prefix = ${id}`;
    case 'federatedCredential':
      return sql`SELECT 'serviceAccount', service_accounts.id, service_accounts.folder_id, service_accounts.cloud_id
        FROM federated_credentials
          JOIN service_accounts ON service_accounts.id = federated_credentials.service_account_id
        WHERE federated_credentials.id = ${id}`;
    case 'organization':
      return sql`SELECT 'organization', ${id}, NULL, NULL`;
    case 'ownOrganization':
      return sql`SELECT 'organization', clouds.organization_id, NULL, NULL
        FROM service_accounts JOIN clouds ON clouds.id = service_accounts.cloud_id
        WHERE service_accounts.id = ${callerId(claim)}`;
    case 'caller':
      return sql`SELECT 'serviceAccount', id, folder_id, cloud_id FROM service_accounts
        WHERE id = ${callerId(claim)}`;
    case 'none':
      return sql`SELECT NULL, NULL, NULL, NULL WHERE 0`;
  }
}

/** All bindings set directly on a resource, in a stable order. */
export function bindingsOf(orm: Orm, resourceKind: string, resourceId: string) {
  return orm
    .select()
    .from(accessBindings)
    .where(and(eq(accessBindings.resourceKind, resourceKind), eq(accessBindings.resourceId, resourceId)))
    .orderBy(accessBindings.subjectType, accessBindings.subjectId, accessBindings.roleId);
}

/** Takes away all bindings of a resource that goes. */
export function deleteBindingsOf(orm: Orm, resourceKind: string, resourceId: string): Statement {
  return orm
    .delete(accessBindings)
    .where(and(eq(accessBindings.resourceKind, resourceKind), eq(accessBindings.resourceId, resourceId)));
}
