import { RegistryError } from '../../core/errors.ts';
import { type Statement, WriteConflict } from '../../db/client.ts';
import { findDisk } from '../../db/disks.ts';
import { clearGuards } from '../../db/guards.ts';
import { deleteJob, deleteJobsOf, findJob, findJobOf, insertJob, remindJob } from '../../db/jobs.ts';
import { demandRunning } from '../../db/operations.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { audited, endedRow, REGISTRY } from '../audit/record.ts';
import { type Context, newId } from '../context.ts';
import { endOperation } from '../operations/end.ts';
import { removeDisk } from './remove.ts';

/**
 * How a creation ends without a disk: cancelled, deleted, or without its source. One batch takes the disk away, gives
 * its quota back and ends the operation with `error`; it is undone when the operation has ended meanwhile. The job
 * that has the bytes copied stays, finds its disk gone, and clears away (`registry/layers/copy.ts`).
 *
 * in: a disk that is CREATING. out: the statements, and the id of the job to send once they are written.
 * Throws WriteConflict when the creation has ended meanwhile.
 */
export async function endDisk(
  context: Context,
  disk: DiskRow,
  error: RegistryError,
): Promise<{ statements: Statement[]; jobId: string }> {
  const { orm } = context.db;
  const now = context.now();
  const [[job]] = await context.db.read([findJobOf(orm, 'copy-layer', disk.id)]);
  if (job === undefined) throw new WriteConflict('guard', `the creation of ${disk.id} has ended`);
  return {
    jobId: job.id,
    statements: [
      ...ending(context, disk, awaited(job), error),
      remindJob(orm, job.id, { name: 'layerId', value: disk.layerId }, now),
      clearGuards(orm),
    ],
  };
}

/**
 * Ends a creation whose job has used up its attempts, and leaves what it had copied to one that is tried for ever.
 * That begins when nobody can have the lease of this one any more.
 */
export async function giveUpCopy(context: Context, job: JobRow): Promise<void> {
  const { orm } = context.db;
  const now = context.now();
  const [[disk], [noted]] = await context.db.read([findDisk(orm, job.subjectId), findJob(orm, job.id)]);
  if (noted === undefined || (disk !== undefined && disk.status !== 'CREATING')) return;
  const error = new RegistryError(
    'UNAVAILABLE',
    `The disk could not be made: after ${job.attempts} attempts the object store had still not copied its bytes. Nothing was kept; create the disk again`,
  );
  const jobId = newId(context, 'job');
  await context.db.write([
    ...(disk === undefined
      ? []
      : [...ending(context, disk, awaited(job), error), givenUp(context, disk, job, error)]),
    deleteJob(orm, job.id),
    insertJob(orm, {
      id: jobId,
      kind: 'discard-copy',
      subjectId: job.subjectId,
      cursor: disk === undefined ? noted.cursor : { ...noted.cursor, layerId: disk.layerId },
      runAfter: Math.max(now, noted.leaseUntil ?? now),
      requestId: context.requestId,
      createdAt: now,
    }),
    clearGuards(orm),
  ]);
  await context.jobs.send(jobId);
}

/**
 * As `endDisk`, for a creation that no job works for any more, which only a fault can bring about: the clearing away
 * gets a job of its own.
 */
export function endForsakenDisk(
  context: Context,
  disk: DiskRow,
  operationId: string,
  error: RegistryError,
): { statements: Statement[]; jobId: string } {
  const { orm } = context.db;
  const jobId = newId(context, 'job');
  const now = context.now();
  return {
    jobId,
    statements: [
      ...ending(context, disk, operationId, error),
      deleteJobsOf(orm, ['copy-layer'], disk.id),
      insertJob(orm, {
        id: jobId,
        kind: 'discard-copy',
        subjectId: disk.id,
        cursor: { layerId: disk.layerId },
        runAfter: now,
        requestId: context.requestId,
        createdAt: now,
      }),
      clearGuards(orm),
    ],
  };
}

function givenUp(context: Context, disk: DiskRow, { operationId }: JobRow, error: RegistryError): Statement {
  const event = { actorId: REGISTRY, action: 'disks.create', resource: audited('disk', disk), operationId };
  return endedRow(context, event, error);
}

function awaited({ operationId, subjectId }: JobRow): string {
  if (operationId === null) throw new RegistryError('INTERNAL', `Nobody waits for the copy of ${subjectId}`);
  return operationId;
}

function ending(context: Context, disk: DiskRow, operationId: string, error: RegistryError): Statement[] {
  return [
    demandRunning(context.db.orm, operationId),
    ...removeDisk(context, disk),
    endOperation(context, operationId, { error }),
  ];
}
