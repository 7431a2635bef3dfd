import type { Context } from '../context.ts';
import { applyRetention } from '../families/apply-retention.ts';
import { announceChangedLatest } from './announce-latest.ts';
import { applyDeprecations } from './apply-deprecations.ts';
import { deleteDueFolders } from './delete-due-folders.ts';
import { deleteUnnamedLayers } from './delete-unnamed-layers.ts';
import type { Duty } from './duty.ts';
import { endOverdueOperations } from './end-overdue-operations.ts';
import { expireUploads } from './expire-uploads.ts';
import { forgetting } from './forgetting.ts';
import { purgeTrash } from './purge-trash.ts';
import { reconcile } from './reconcile.ts';
import { resendJobs } from './resend-jobs.ts';

const DAY_SECONDS = 86_400;
const auditTerm = ({ settings }: Context) => settings.BULLION_AUDIT_SECONDS;

/**
 * Everything that the clock does, in this order. Most duties are made by `oneByOne` or `forgetting`. What duties begin
 * they send themselves, so jobs are looked through before there are more of them.
 */
export const DUTIES = {
  'resend-jobs': resendJobs,
  'expire-uploads': expireUploads,
  'delete-due-folders': deleteDueFolders,
  'apply-deprecations': applyDeprecations,
  'apply-retention': applyRetention,
  'end-overdue-operations': endOverdueOperations,
  'announce-latest': announceChangedLatest,
  'purge-trash': purgeTrash,
  'delete-unnamed-layers': deleteUnnamedLayers,
  reconcile,
  'forget-idempotency-keys': forgetting(
    'Forgets Idempotency-Keys a day after their first use',
    'idempotencyKeys',
    () => DAY_SECONDS,
  ),
  'forget-operations': forgetting(
    'Forgets operations 30 days after their end',
    'operations',
    () => 30 * DAY_SECONDS,
  ),
  'forget-expired-tokens': forgetting('Forgets IAM tokens that have expired', 'iamTokens'),
  'expire-leases': forgetting('Forgets leases that have expired and hold nothing any more', 'leases'),
  'forget-tombstones': forgetting(
    'Forgets what was known of purged images when their term is over',
    'tombstones',
    auditTerm,
  ),
  'forget-audit': forgetting('Forgets what was changed by whom after its term', 'auditEvents', auditTerm),
  'forget-webhook-deliveries': forgetting(
    'Forgets what was delivered to webhooks after 30 days',
    'webhookDeliveries',
    () => 30 * DAY_SECONDS,
  ),
  'forget-maintenance-runs': forgetting(
    'Forgets runs of duties after 30 days',
    'maintenanceRuns',
    () => 30 * DAY_SECONDS,
  ),
} as const satisfies Readonly<Record<string, Duty>>;

export type DutyName = keyof typeof DUTIES;
export const DUTY_NAMES = Object.keys(DUTIES) as readonly DutyName[];

export function isDutyName(text: string): text is DutyName {
  return Object.hasOwn(DUTIES, text);
}
