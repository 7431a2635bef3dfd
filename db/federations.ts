import { and, asc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm';
import { type FederationRow, federations } from '../schema/tables/identity.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** A federation as it may be shown: the issuer's keys are the registry's own business. */
export type Federation = Omit<FederationRow, 'jwks' | 'jwksReadAt' | 'jwksAskedAt' | 'jwksLeaseUntil'>;

const SHOWN = {
  id: federations.id,
  folderId: federations.folderId,
  cloudId: federations.cloudId,
  name: federations.name,
  description: federations.description,
  labels: federations.labels,
  enabled: federations.enabled,
  issuer: federations.issuer,
  audiences: federations.audiences,
  jwksUrl: federations.jwksUrl,
  createdAt: federations.createdAt,
};
const NO_KEYS = { jwks: null, jwksReadAt: null, jwksAskedAt: null, jwksLeaseUntil: null };

export function findFederation(orm: Orm, id: string) {
  return orm.select(SHOWN).from(federations).where(eq(federations.id, id));
}

/** The federations of exactly this folder, sorted by id. */
export function listFederations(orm: Orm, folderId: string, limit: number, after: string | undefined) {
  return orm
    .select(SHOWN)
    .from(federations)
    .where(
      and(eq(federations.folderId, folderId), after === undefined ? undefined : gt(federations.id, after)),
    )
    .orderBy(asc(federations.id))
    .limit(limit);
}

/** The federation of a folder that has this name. */
export function findFederationByName(orm: Orm, folderId: string, name: string) {
  return orm
    .select({ id: federations.id })
    .from(federations)
    .where(and(eq(federations.folderId, folderId), eq(federations.name, name)));
}

/** Another federation of the same folder with this name. */
export function findFederationNamesake(orm: Orm, id: string, name: string) {
  return orm
    .select({ id: federations.id })
    .from(federations)
    .where(
      sql`folder_id = (SELECT folder_id FROM federations WHERE id = ${id}) AND name = ${name} AND id <> ${id}`,
    );
}

/** Fails as `unique` when the folder has a federation of this name. */
export function insertFederation(orm: Orm, row: Federation): Statement {
  return orm.insert(federations).values({ ...row, ...NO_KEYS });
}

/** Demands that the federation is there as it was read. */
export function demandFederation(orm: Orm, row: Federation): Statement {
  const { id, name, description, labels, enabled, audiences, jwksUrl } = row;
  return demandOne(
    orm,
    sql`SELECT count(*) FROM federations WHERE id = ${id} AND name = ${name} AND description IS ${description}
      AND json(labels) IS json(${labels === null ? null : JSON.stringify(labels)})
      AND enabled = ${enabled ? 1 : 0} AND json(audiences) = json(${JSON.stringify(audiences)})
      AND jwks_url = ${jwksUrl}`,
  );
}

/** Fails as `unique` when the folder has another federation of this name. Keys of a former URL are forgotten. */
export function writeFederation(orm: Orm, row: Federation, former: Federation): Statement {
  const { id, name, description, labels, enabled, audiences, jwksUrl } = row;
  return orm
    .update(federations)
    .set({
      ...{ name, description, labels, enabled, audiences, jwksUrl },
      ...(jwksUrl === former.jwksUrl ? {} : NO_KEYS),
    })
    .where(eq(federations.id, id));
}

export function deleteFederation(orm: Orm, id: string): Statement {
  return orm.delete(federations).where(eq(federations.id, id));
}

/** One try to read an issuer's keys: what a federation names it by, and when it began. */
interface Asked {
  readonly id: string;
  readonly jwksUrl: string;
  readonly askedAt: number;
}

const isOf = ({ id, jwksUrl, askedAt }: Asked) =>
  and(eq(federations.id, id), eq(federations.jwksUrl, jwksUrl), eq(federations.jwksAskedAt, askedAt));

/** Notes that the issuer is being asked, unless it was asked after `dueBefore`; its id comes back if so. */
export function leaseKeys(orm: Orm, { id, jwksUrl, askedAt }: Asked, dueBefore: number, until: number) {
  return orm
    .update(federations)
    .set({ jwksAskedAt: askedAt, jwksLeaseUntil: until })
    .where(
      and(
        eq(federations.id, id),
        eq(federations.jwksUrl, jwksUrl),
        or(isNull(federations.jwksAskedAt), lte(federations.jwksAskedAt, dueBefore)),
      ),
    )
    .returning({ id: federations.id });
}

/** Keeps the keys with which the issuer answered, unless the federation names another URL by now. */
export function keepKeys(
  orm: Orm,
  asked: Asked,
  jwks: NonNullable<FederationRow['jwks']>,
  now: number,
): Statement {
  return orm.update(federations).set({ jwks, jwksReadAt: now, jwksLeaseUntil: null }).where(isOf(asked));
}

/** The issuer gave no answer: its keys stay as they are. */
export function releaseKeys(orm: Orm, asked: Asked): Statement {
  return orm.update(federations).set({ jwksLeaseUntil: null }).where(isOf(asked));
}

/** Whether somebody is asking the issuer, and when its keys were last read. */
export function findKeyLease(orm: Orm, id: string) {
  return orm
    .select({ jwksReadAt: federations.jwksReadAt, jwksLeaseUntil: federations.jwksLeaseUntil })
    .from(federations)
    .where(eq(federations.id, id));
}
