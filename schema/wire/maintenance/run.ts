import * as z from '../../zod.ts';
import {
  bool,
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredText,
  timestamp,
} from '../json.ts';

const DUTY = { description: 'a duty by its name', example: 'expire-uploads' };
const APPLY = {
  description: 'mend what was found that is safe to mend; for `reconcile`, which only reports without it',
};

export const startRunQuery = query({ apply: bool().optional().openapi(APPLY) });
export const startRunBody = message({
  duty: requiredText(50).openapi(DUTY),
  dryRun: bool().optional().openapi({ description: 'tell what would be done, and change nothing' }),
  apply: bool().optional().openapi(APPLY),
}).openapi('StartMaintenanceRunRequest', { example: { duty: 'expire-uploads', dryRun: true } });

export const listRunsQuery = query({ duty: optionalText(50).openapi(DUTY), pageSize, pageToken });
export const listDutiesQuery = query({});

export const maintenanceRun = z
  .object({
    id: z.string(),
    duty: z.string().openapi(DUTY),
    dryRun: z.boolean().openapi({ description: 'whether it changed nothing' }),
    startedAt: timestamp.openapi({ description: 'when it began' }),
    endedAt: timestamp.optional().openapi({ description: 'when it was over' }),
    startedBy: z
      .string()
      .optional()
      .openapi({ description: 'the service account that asked for it; missing when the clock did' }),
    done: z
      .number()
      .int()
      .openapi({ description: 'how many things it did, found, or with `dryRun` would have done' }),
    more: z.boolean().openapi({ description: 'whether another run has something to go on with' }),
    error: z
      .string()
      .optional()
      .openapi({ description: 'what it failed with; it goes on with the next run' }),
    report: z
      .array(z.looseObject({}))
      .optional()
      .openapi({ description: 'what it did or found, item by item as far as it is kept' }),
  })
  .openapi('MaintenanceRun', {
    description: 'One run of a duty',
    example: {
      id: 'fd8m7c2n4b6v8x0z1l3k',
      duty: 'expire-uploads',
      dryRun: true,
      startedAt: '2026-04-01T07:13:41.123Z',
      endedAt: '2026-04-01T07:13:41.131Z',
      startedBy: 'ajek4h1v9r6w3b8n0q5m',
      done: 1,
      more: false,
      report: [{ imageId: 'fd8q3k0v5m2r7t9w1x4z' }],
    },
  });

export const maintenanceRunList = z
  .object({
    runs: z.array(maintenanceRun).optional().openapi({ description: 'the runs of this page, newest first' }),
    nextPageToken,
  })
  .openapi('ListMaintenanceRunsResponse');

export const dutyList = z
  .object({
    duties: z
      .array(
        z.object({
          name: z.string().openapi(DUTY),
          description: z.string().openapi({ description: 'what it does' }),
          lastRun: maintenanceRun.optional(),
        }),
      )
      .openapi({ description: 'every duty, in the order in which they run' }),
  })
  .openapi('ListDutiesResponse');
