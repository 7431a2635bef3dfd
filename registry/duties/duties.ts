import { lt, lte, sql } from 'drizzle-orm';
import { iamTokens } from '../../schema/tables/identity.ts';
import { deletedImages, leases } from '../../schema/tables/images.ts';
import { auditEvents, maintenanceRuns, webhookDeliveries } from '../../schema/tables/records.ts';
import { idempotencyKeys, operations } from '../../schema/tables/work.ts';
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

const DAY_MS = 86_400_000;

/**
 * Everything that the clock does, in this order. Most duties are made by `oneByOne` or `forgetting`; one that only
 * counts is made by `counting` until it can tell what it would do.
 */
export const DUTIES = {
  'expire-uploads': expireUploads,
  'delete-due-folders': deleteDueFolders,
  'apply-deprecations': applyDeprecations,
  'apply-retention': applyRetention,
  'end-overdue-operations': endOverdueOperations,
  'announce-latest': announceChangedLatest,
  'purge-trash': purgeTrash,
  'delete-unnamed-layers': deleteUnnamedLayers,
  'resend-jobs': resendJobs,
  reconcile,
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
  'expire-leases': forgetting(
    'Forgets leases that have expired and hold nothing any more',
    leases,
    (context) => lte(leases.expiresAt, context.now()),
  ),
  'forget-tombstones': forgetting(
    'Forgets what was known of purged images when their term is over',
    deletedImages,
    ({ now, settings }) =>
      sql`purged_at IS NOT NULL AND purged_at <= ${now() - settings.BULLION_AUDIT_SECONDS * 1000}`,
  ),
  'forget-audit': forgetting('Forgets what was changed by whom after its term', auditEvents, (context) =>
    lt(auditEvents.at, context.now() - context.settings.BULLION_AUDIT_SECONDS * 1000),
  ),
  'forget-webhook-deliveries': forgetting(
    'Forgets what was delivered to webhooks after 30 days',
    webhookDeliveries,
    (context) => sql`status <> 'PENDING' AND created_at < ${context.now() - 30 * DAY_MS}`,
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
