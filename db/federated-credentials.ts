import { and, asc, eq, getTableColumns, gt, sql } from 'drizzle-orm';
import {
  type FederatedCredentialRow,
  federatedCredentials,
  serviceAccounts,
} from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** With the folder and the cloud of its service account. */
export function findFederatedCredential(orm: Orm, id: string) {
  return orm
    .select({
      ...getTableColumns(federatedCredentials),
      folderId: serviceAccounts.folderId,
      cloudId: serviceAccounts.cloudId,
    })
    .from(federatedCredentials)
    .innerJoin(serviceAccounts, eq(serviceAccounts.id, federatedCredentials.serviceAccountId))
    .where(eq(federatedCredentials.id, id));
}

/** What credentials are listed of: a service account, or a federation. */
export type CredentialsOf =
  | Pick<FederatedCredentialRow, 'serviceAccountId'>
  | Pick<FederatedCredentialRow, 'federationId'>;

/** All of it, sorted by their ids. */
export function listFederatedCredentials(
  orm: Orm,
  of: CredentialsOf,
  limit: number,
  after: string | undefined,
) {
  return orm
    .select()
    .from(federatedCredentials)
    .where(
      and(
        'federationId' in of
          ? eq(federatedCredentials.federationId, of.federationId)
          : eq(federatedCredentials.serviceAccountId, of.serviceAccountId),
        after === undefined ? undefined : gt(federatedCredentials.id, after),
      ),
    )
    .orderBy(asc(federatedCredentials.id))
    .limit(limit);
}

/** The credential of a federation for exactly this subject. */
export function findCredentialOfSubject(orm: Orm, federationId: string, externalSubjectId: string) {
  return orm
    .select({ id: federatedCredentials.id, serviceAccountId: federatedCredentials.serviceAccountId })
    .from(federatedCredentials)
    .where(
      and(
        eq(federatedCredentials.federationId, federationId),
        eq(federatedCredentials.externalSubjectId, externalSubjectId),
      ),
    );
}

/** Demands that both that a new credential ties together are still there. */
export function demandParties(
  orm: Orm,
  { serviceAccountId, federationId }: Pick<FederatedCredentialRow, 'serviceAccountId' | 'federationId'>,
): Statement {
  return demandOne(
    orm,
    sql`SELECT count(*) FROM service_accounts JOIN federations
      WHERE service_accounts.id = ${serviceAccountId} AND federations.id = ${federationId}`,
  );
}

/** Fails as `unique` when the federation has a credential for this subject. */
export function insertFederatedCredential(orm: Orm, row: FederatedCredentialRow): Statement {
  return orm.insert(federatedCredentials).values(row);
}

export function demandFederatedCredential(orm: Orm, id: string): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM federated_credentials WHERE id = ${id}`);
}

export function deleteFederatedCredential(orm: Orm, id: string): Statement {
  return orm.delete(federatedCredentials).where(eq(federatedCredentials.id, id));
}

export function deleteCredentialsOf(orm: Orm, federationId: string): Statement {
  return orm.delete(federatedCredentials).where(eq(federatedCredentials.federationId, federationId));
}

/** How many credentials a federation has, which stand in the way of its deletion. */
export function countCredentials(orm: Orm, federationId: string) {
  return orm
    .select({ count: sql<number>`count(*)` })
    .from(federatedCredentials)
    .where(eq(federatedCredentials.federationId, federationId));
}

export function demandNoCredentials(orm: Orm, federationId: string): Statement {
  return demandOne(
    orm,
    sql`SELECT NOT EXISTS (SELECT 1 FROM federated_credentials WHERE federation_id = ${federationId})`,
  );
}
