import { deadJobsAfter } from '../../db/reconcile.ts';
import type { Part } from './pass.ts';

const PAGE = 100;

/** Tells of the jobs that were given up; what waited for them was ended then. */
export const listDeadJobs: Part = async (pass, after) => {
  const { db } = pass.context;
  const [dead] = await db.read([deadJobsAfter(db.orm, after ?? '', PAGE)]);
  for (const { id, kind, subjectId, lastError } of dead) {
    pass.found('DEAD_JOB', { jobId: id, kind, subjectId, lastError, mended: false });
  }
  return dead.length === PAGE ? dead.at(-1)?.id : undefined;
};
