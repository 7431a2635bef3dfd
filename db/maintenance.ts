import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { dutyStates, type MaintenanceRunRow, maintenanceRuns } from '../schema/tables/records.ts';
import type { Orm } from './client.ts';

export function insertRun(orm: Orm, row: Omit<MaintenanceRunRow, 'sequence'>) {
  return orm.insert(maintenanceRuns).values(row);
}

/** Newest first; `before` is the sequence of the last one on the page before. */
export function listRuns(orm: Orm, duty: string | undefined, limit: number, before: number | undefined) {
  return orm
    .select()
    .from(maintenanceRuns)
    .where(
      and(
        duty === undefined ? undefined : eq(maintenanceRuns.duty, duty),
        before === undefined ? undefined : lt(maintenanceRuns.sequence, before),
      ),
    )
    .orderBy(desc(maintenanceRuns.sequence))
    .limit(limit);
}

/** The last recorded run of each duty. */
export function lastRuns(orm: Orm) {
  return orm
    .select()
    .from(maintenanceRuns)
    .where(sql`sequence IN (SELECT max(sequence) FROM maintenance_runs GROUP BY duty)`);
}

export function findDutyState(orm: Orm, duty: string) {
  return orm.select().from(dutyStates).where(eq(dutyStates.duty, duty));
}

/** Notes where a duty stopped; null when it begins anew. */
export function keepDutyState(orm: Orm, duty: string, cursor: Record<string, unknown> | null, now: number) {
  return orm
    .insert(dutyStates)
    .values({ duty, cursor, updatedAt: now })
    .onConflictDoUpdate({ target: dutyStates.duty, set: { cursor, updatedAt: now } });
}

/** Takes a duty for `leaseMs`: its state comes back, or none while another run has it. */
export function leaseDuty(orm: Orm, duty: string, leaseId: string, now: number, leaseMs: number) {
  const lease = { leaseId, leaseUntil: now + leaseMs };
  return orm
    .insert(dutyStates)
    .values({ duty, updatedAt: 0, ...lease })
    .onConflictDoUpdate({
      target: dutyStates.duty,
      set: lease,
      setWhere: sql`${dutyStates.leaseUntil} IS NULL OR ${dutyStates.leaseUntil} <= ${now}`,
    })
    .returning();
}

/** Notes where the holder of a lease stopped, and lets go of the duty. */
export function releaseDuty(
  orm: Orm,
  duty: string,
  leaseId: string,
  change: { readonly cursor?: Record<string, unknown> | null; readonly updatedAt?: number },
) {
  return orm
    .update(dutyStates)
    .set({ ...change, leaseId: null, leaseUntil: null })
    .where(and(eq(dutyStates.duty, duty), eq(dutyStates.leaseId, leaseId)));
}
