import { lt, lte, sql } from 'drizzle-orm';
import { iamTokens } from '../../schema/tables/identity.ts';
import { maintenanceRuns } from '../../schema/tables/records.ts';
import { idempotencyKeys, operations } from '../../schema/tables/work.ts';
import { deleteDueFolders } from '../identity/delete-folder.ts';
import { resendJobs } from '../jobs/run.ts';
import { deleteUnnamedLayers } from '../layers/delete.ts';
import { expireUploads } from '../uploads/abort.ts';
import { counting, type Duty } from './duty.ts';
import { forgetting } from './forgetting.ts';

const DAY_MS = 86_400_000;

/** Everything that the clock does, in this order. */
export const DUTIES = {
  'expire-uploads': counting('Ends uploads that were not completed in time', expireUploads),
  'delete-due-folders': counting('Begins the deletion of folders whose day has come', deleteDueFolders),
  'delete-unnamed-layers': counting(
    'Deletes layers that nothing has named for the grace period',
    deleteUnnamedLayers,
  ),
  'resend-jobs': counting('Sends a message for each job that is due and that nobody has', resendJobs),
  'forget-idempotency-keys': forgetting(
    'Forgets Idempotency-Keys a day after their first use',
    idempotencyKeys,
    (context) => lt(idempotencyKeys.createdAt, context.now() - DAY_MS),
  ),
  'forget-operations': forgetting(
    'Forgets operations 30 days after their end',
    operations,
    (context) => sql`done = 1 AND modified_at < ${context.now() - 30 * DAY_MS}`,
  ),
  'forget-expired-tokens': forgetting('Forgets IAM tokens that have expired', iamTokens, (context) =>
    lte(iamTokens.expiresAt, context.now()),
  ),
  'forget-maintenance-runs': forgetting('Forgets runs of duties after 30 days', maintenanceRuns, (context) =>
    lt(maintenanceRuns.startedAt, context.now() - 30 * DAY_MS),
  ),
} as const satisfies Readonly<Record<string, Duty>>;

export type DutyName = keyof typeof DUTIES;
export const DUTY_NAMES = Object.keys(DUTIES) as readonly DutyName[];

export function isDutyName(text: string): text is DutyName {
  return Object.hasOwn(DUTIES, text);
}
