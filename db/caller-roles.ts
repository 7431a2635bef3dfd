import { type SQL, sql } from 'drizzle-orm';
import { countsFor, type Scope, target } from './access.ts';
import { type CallerRow, type Claim, findCaller } from './callers.ts';
import type { Orm } from './client.ts';
import type { Query } from './containers.ts';
import { prepared } from './prepared.ts';

/** Where roles count: on the resource itself and on everything above it. */
const PLACES = [
  sql`binding.resource_kind = target.kind AND binding.resource_id = target.id`,
  sql`binding.resource_kind = 'folder' AND binding.resource_id = target.folder_id`,
  sql`binding.resource_kind = 'cloud' AND binding.resource_id = target.cloud_id`,
  sql`binding.resource_kind = 'organization' AND binding.resource_id = clouds.organization_id`,
];

const readRoles = (json: string): readonly string[] => JSON.parse(json);
const NO_ROLES = sql`'[]'`.mapWith(readRoles);

/**
 * The roles of the caller of `findCaller` on a resource, as a column. Deleted resources have none of their own; an
 * operation keeps its resource's folder and cloud.
 */
function rolesOn(scope: Scope, claim: Claim): SQL<readonly string[]> {
  return sql`(WITH target (kind, id, folder_id, cloud_id) AS (${target(scope, claim)})
    SELECT json_group_array(DISTINCT binding.role_id)
    FROM target LEFT JOIN clouds ON clouds.id = target.cloud_id CROSS JOIN access_bindings AS binding
    WHERE ${countsFor(PLACES, sql`service_accounts.id`, sql`own_cloud.organization_id`)})`.mapWith(readRoles);
}

/** What finds a caller, whichever kind of credential it has, and the ids of what the call is about. */
interface Asked {
  readonly prefix: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiencesJson: string;
  readonly scopeId: string;
  readonly sourceId: string;
}

const NOTHING = { prefix: '', issuer: '', subject: '', audiencesJson: '' };

type CallerStatement = (orm: Orm, asked: Asked) => Query<CallerRow>;

/** By the kinds in what is asked, on which the text depends. */
const statements = new Map<string, CallerStatement>();

/**
 * The caller of a credential, with its roles on what the call is about and on a second resource that it uses, if any.
 * At most one row; none for a credential that finds no service account, or a suspended one.
 */
export function findCallerWithRoles(orm: Orm, claim: Claim, scope: Scope, source?: Scope): Query<CallerRow> {
  const kinds = `${claim.kind} ${scope.kind} ${source?.kind}`;
  let statement = statements.get(kinds);
  if (statement === undefined) {
    statement = statementFor(claim.kind, scope.kind, source?.kind);
    statements.set(kinds, statement);
  }
  return statement(orm, { ...NOTHING, ...claim, scopeId: scope.id, sourceId: source?.id ?? '' });
}

function statementFor(
  claimKind: Claim['kind'],
  scopeKind: Scope['kind'],
  sourceKind: Scope['kind'] | undefined,
): CallerStatement {
  return prepared((orm, { prefix, issuer, subject, audiencesJson, scopeId, sourceId }) => {
    const claim: Claim =
      claimKind === 'oidc'
        ? { kind: claimKind, issuer, subject, audiencesJson }
        : { kind: claimKind, prefix };
    const source = sourceKind === undefined ? NO_ROLES : rolesOn({ kind: sourceKind, id: sourceId }, claim);
    return findCaller(orm, claim, {
      roles: rolesOn({ kind: scopeKind, id: scopeId }, claim).as('roles'),
      sourceRoles: source.as('source_roles'),
    });
  });
}
