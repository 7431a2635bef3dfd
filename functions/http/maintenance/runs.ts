import type { z } from 'zod';
import type { Run } from '../../../registry/maintenance/run-duty.ts';
import { listDuties, listRuns, startRun } from '../../../registry/maintenance/runs.ts';
import {
  dutyList,
  listDutiesQuery,
  listRunsQuery,
  maintenanceRun,
  maintenanceRunList,
  startRunBody,
  startRunQuery,
} from '../../../schema/wire/maintenance/run.ts';
import { type App, answer, jsonOf, route } from '../app.ts';
import { compact, time } from '../wire.ts';

const TAGS = ['Maintenance'];
const RUNS_PATH = '/maintenance/v1/runs';

const start = route({
  method: 'post',
  path: RUNS_PATH,
  tags: TAGS,
  summary: 'Run a duty now; for administrators of the organization',
  request: { query: startRunQuery, body: jsonOf(startRunBody) },
  responses: answer(maintenanceRun, 'The run, already over'),
});

const list = route({
  method: 'get',
  path: RUNS_PATH,
  tags: TAGS,
  summary: 'List the runs that did something, failed or were asked for',
  request: { query: listRunsQuery },
  responses: answer(maintenanceRunList, 'One page, newest first'),
});

const duties = route({
  method: 'get',
  path: '/maintenance/v1/duties',
  tags: TAGS,
  summary: 'List the duties with the last run of each',
  request: { query: listDutiesQuery },
  responses: answer(dutyList, 'Every duty'),
});

export function mountMaintenance(app: App): void {
  app.openapi(start, async (c) => {
    const { apply: applyInQuery = false } = c.req.valid('query');
    const { duty, dryRun = false, apply = false } = c.req.valid('json');
    const run = await startRun(c.get('context'), { duty, dryRun, apply: apply || applyInQuery });
    return c.json(runShape(run), 200);
  });

  app.openapi(list, async (c) => {
    const { duty, ...request } = c.req.valid('query');
    const page = await listRuns(c.get('context'), { ...request, duty: duty || undefined });
    return c.json(compact({ runs: page.items.map(runShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(duties, async (c) => {
    const found = await listDuties(c.get('context'));
    const shapes = found.map(({ name, description, lastRun }) => ({
      name,
      description,
      ...(lastRun === undefined ? {} : { lastRun: runShape({ ...lastRun, report: null }) }),
    }));
    return c.json({ duties: shapes }, 200);
  });
}

/** `dryRun`, `done` and `more` are shown always: a run that did nothing says so. */
function runShape(run: Run): z.infer<typeof maintenanceRun> {
  return {
    ...compact({
      id: run.id,
      duty: run.duty,
      startedAt: time(run.startedAt),
      endedAt: run.endedAt === null ? undefined : time(run.endedAt),
      startedBy: run.startedBy,
      error: run.error,
      report: run.report === null ? undefined : [...run.report],
    }),
    dryRun: run.dryRun,
    done: run.done,
    more: run.more,
  } as z.infer<typeof maintenanceRun>;
}
