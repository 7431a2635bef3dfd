import { and, eq, inArray, lte, ne, type SQL, sql } from 'drizzle-orm';
import { type JobRow, jobs } from '../schema/tables/work.ts';
import type { Orm } from './client.ts';

export function insertJob(
  orm: Orm,
  row: Pick<JobRow, 'id' | 'kind' | 'subjectId' | 'runAfter' | 'requestId' | 'createdAt'> &
    Partial<Pick<JobRow, 'operationId' | 'cursor'>>,
) {
  return orm.insert(jobs).values({ ...row, state: 'READY', attempts: 0 });
}

/**
 * Takes a due job for `leaseMs`: one row comes back, or none when it is not due, held by another worker, or gone.
 * Counting the attempt here means that a worker that dies is counted too.
 */
export function leaseJob(orm: Orm, id: string, leaseId: string, now: number, leaseMs: number) {
  return orm
    .update(jobs)
    .set({ state: 'LEASED', leaseId, leaseUntil: now + leaseMs, attempts: sql`attempts + 1` })
    .where(
      and(
        eq(jobs.id, id),
        ne(jobs.state, 'DEAD'),
        lte(jobs.runAfter, now),
        sql`(lease_until IS NULL OR lease_until <= ${now})`,
      ),
    )
    .returning();
}

/** Makes a job due at `runAfter`, whoever holds it no longer does. `progressed` forgets earlier failures. */
export function releaseJob(
  orm: Orm,
  id: string,
  leaseId: string,
  change: {
    runAfter: number;
    lastError: string | null;
    cursor?: Record<string, unknown>;
    progressed?: boolean;
  },
) {
  return orm
    .update(jobs)
    .set({
      state: 'READY',
      leaseId: null,
      leaseUntil: null,
      runAfter: change.runAfter,
      lastError: change.lastError,
      ...(change.cursor === undefined ? {} : { cursor: change.cursor }),
      ...(change.progressed === true ? { attempts: 0 } : {}),
    })
    .where(and(eq(jobs.id, id), eq(jobs.leaseId, leaseId)));
}

/** Notes how far a job is while it runs; the row as it then is comes back, none when another worker has it. */
export function keepCursor(orm: Orm, id: string, leaseId: string | null, cursor: Record<string, unknown>) {
  return orm
    .update(jobs)
    .set({ cursor })
    .where(and(eq(jobs.id, id), eq(jobs.leaseId, leaseId ?? '')))
    .returning({ id: jobs.id });
}

/** Makes a waiting job due now. */
export function hastenJob(orm: Orm, id: string, now: number) {
  return orm
    .update(jobs)
    .set({ runAfter: now })
    .where(and(eq(jobs.id, id), eq(jobs.state, 'READY')));
}

/** Takes away a job that is finished, unless it was taken from its worker meanwhile: then it is not. */
export function endJob(orm: Orm, id: string, leaseId: string) {
  return orm.delete(jobs).where(and(eq(jobs.id, id), eq(jobs.leaseId, leaseId)));
}

export function deleteJob(orm: Orm, id: string) {
  return orm.delete(jobs).where(eq(jobs.id, id));
}

export function deleteJobsOf(orm: Orm, kinds: readonly JobRow['kind'][], subjectId: string) {
  return orm.delete(jobs).where(and(inArray(jobs.kind, [...kinds]), eq(jobs.subjectId, subjectId)));
}

/** The jobs that read a layer for its digest. in: the layer's id as a value or a subquery. */
export function digestJobsOf(orm: Orm, layerId: SQL) {
  return orm
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(eq(jobs.kind, 'digest-layer'), ne(jobs.state, 'DEAD'), sql`subject_id = ${layerId}`));
}

/** The job of a kind that works for this. */
export function findJobOf(orm: Orm, kind: JobRow['kind'], subjectId: string) {
  return orm
    .select()
    .from(jobs)
    .where(and(eq(jobs.kind, kind), eq(jobs.subjectId, subjectId)));
}

/** Adds a member to what a job remembers, and makes it due now if it waits. */
export function remindJob(orm: Orm, id: string, member: { name: string; value: string }, now: number) {
  return orm
    .update(jobs)
    .set({
      cursor: sql`json_set(coalesce(cursor, '{}'), ${`$.${member.name}`}, ${member.value})`,
      runAfter: sql`min(run_after, ${now})`,
    })
    .where(eq(jobs.id, id));
}

export function findJob(orm: Orm, id: string) {
  return orm.select().from(jobs).where(eq(jobs.id, id));
}

/** Keeps a job that was given up, so that an operator sees why; it is not run again. */
export function buryJob(orm: Orm, id: string, lastError: string) {
  return orm
    .update(jobs)
    .set({ state: 'DEAD', leaseId: null, leaseUntil: null, lastError })
    .where(eq(jobs.id, id));
}

/** Jobs that are due and that nobody holds, oldest first: what a queue may have lost. */
export function dueJobs(orm: Orm, now: number, limit: number) {
  return orm
    .select({ id: jobs.id, kind: jobs.kind })
    .from(jobs)
    .where(
      and(
        lte(jobs.runAfter, now),
        ne(jobs.state, 'DEAD'),
        sql`(lease_until IS NULL OR lease_until <= ${now})`,
      ),
    )
    .orderBy(jobs.runAfter)
    .limit(limit);
}
