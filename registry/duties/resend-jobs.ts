import { dueJobs } from '../../db/jobs.ts';
import type { Duty } from './duty.ts';

const JOBS_PER_RUN = 100;

/** A message is only a hint: one that a queue lost is sent again as long as its row is there. */
export const resendJobs: Duty = {
  description: 'Sends a message for each job that is due and that nobody has',
  async run(context, { dryRun, budget }) {
    const [found] = await context.db.read([dueJobs(context.db.orm, context.now(), JOBS_PER_RUN + 1)]);
    const due = found.slice(0, JOBS_PER_RUN);
    const sent: Record<string, number> = {};
    let done = 0;
    for (const { id, kind } of due) {
      if (!dryRun && !budget.allows(1)) break;
      if (!dryRun) await context.jobs.send(id);
      sent[kind] = (sent[kind] ?? 0) + 1;
      done += 1;
    }
    const report = Object.entries(sent).map(([kind, jobs]) => ({ kind, jobs }));
    return { done, more: done < found.length, report };
  },
};
