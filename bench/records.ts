/** Rows of everything that duties look through, as many as are asked for, written straight into a database. */
import type { D1Database } from '@cloudflare/workers-types';

const DAY_MS = 86_400_000;
/** A time at which everything is over. */
const LONG_AGO = 1;

interface Records {
  /** So many images have one. */
  readonly ofImages: number;
  /** Of one whose time has not come, from now. */
  readonly aheadMs: number;
  /** ?1: how its ids begin; ?2: its time; `n` counts. */
  readonly insert: string;
  /** Those whose time has come, until the duty has done with them. */
  readonly over?: string;
}

export type RecordDuty =
  | 'delete-due-folders'
  | 'end-overdue-operations'
  | 'delete-unnamed-layers'
  | 'resend-jobs'
  | 'forget-idempotency-keys'
  | 'forget-operations'
  | 'forget-expired-tokens'
  | 'expire-leases'
  | 'forget-tombstones'
  | 'forget-audit'
  | 'forget-webhook-deliveries'
  | 'forget-maintenance-runs';

/** By the duty that looks for them. */
const RECORDS: Readonly<Record<RecordDuty, Records>> = {
  'delete-due-folders': {
    ofImages: 1000,
    aheadMs: DAY_MS,
    insert: `folders (id, cloud_id, name, labels, created_at, status, delete_at, deletion_id)
      SELECT ?1 || n, 'local', ?1 || n, '{}', 0, 'PENDING_DELETION', ?2, ?1 || n`,
    over: `folders WHERE status = 'PENDING_DELETION' AND delete_at = ${LONG_AGO}`,
  },
  'end-overdue-operations': {
    ofImages: 100,
    aheadMs: DAY_MS,
    insert: `operations (id, kind, description, resource_kind, resource_id, folder_id, cloud_id, created_at,
        created_by, modified_at, done, deadline_at, metadata)
      SELECT ?1 || n, 'images.update', 'Update image', 'image', ?1 || n, 'default', 'local', ?2, 'bench', ?2, 0, ?2,
        '{}'`,
    over: `operations WHERE done = 0 AND deadline_at = ${LONG_AGO}`,
  },
  'delete-unnamed-layers': {
    ofImages: 100,
    aheadMs: 0,
    insert: `layers (id, object_key, state, size_bytes, created_at, unnamed_at)
      SELECT ?1 || n, 'layers/' || ?1 || n, 'UNNAMED', 1, ?2, ?2`,
    over: `layers WHERE unnamed_at = ${LONG_AGO}`,
  },
  'resend-jobs': {
    ofImages: 100,
    aheadMs: DAY_MS,
    insert: `jobs (id, kind, subject_id, state, run_after, attempts, created_at)
      SELECT ?1 || n, 'delete-layer', ?1 || n, 'READY', ?2, 0, ?2`,
  },
  'forget-idempotency-keys': {
    ofImages: 10,
    aheadMs: 0,
    insert: `idempotency_keys (caller_id, key, fingerprint, operation_id, created_at)
      SELECT 'bench', ?1 || n, '', '', ?2`,
    over: `idempotency_keys WHERE created_at = ${LONG_AGO}`,
  },
  'forget-operations': {
    ofImages: 1,
    aheadMs: 0,
    insert: `operations (id, kind, description, resource_kind, resource_id, folder_id, cloud_id, created_at,
        created_by, modified_at, done, metadata)
      SELECT ?1 || n, 'images.update', 'Update image', 'image', ?1 || n, 'default', 'local', ?2, 'bench', ?2, 1, '{}'`,
    over: `operations WHERE done = 1 AND modified_at = ${LONG_AGO}`,
  },
  'forget-expired-tokens': {
    ofImages: 100,
    aheadMs: DAY_MS,
    insert: `iam_tokens (prefix, secret_hash, service_account_id, created_at, expires_at)
      SELECT ?1 || n, '', (SELECT id FROM service_accounts LIMIT 1), 0, ?2`,
    over: `iam_tokens WHERE expires_at = ${LONG_AGO}`,
  },
  'expire-leases': {
    ofImages: 10,
    aheadMs: DAY_MS,
    insert: `leases (id, image_id, holder, created_at, created_by, renewed_at, expires_at)
      SELECT ?1 || n, ?1 || n, 'fleet', 0, 'bench', 0, ?2`,
    over: `leases WHERE expires_at = ${LONG_AGO}`,
  },
  'forget-tombstones': {
    ofImages: 10,
    aheadMs: 0,
    insert: `deleted_images (id, folder_id, cloud_id, created_at, name, family, status, size_bytes, pooled, source,
        promoted_at, revision, deleted_at, deleted_by, reason, purge_at, purged_at)
      SELECT ?1 || n, 'default', 'local', 0, '', '', 'READY', 1, 0, '{"kind":"upload"}', 0, 1, ?2, 'bench',
        'REQUEST', ?2, ?2`,
    over: `deleted_images WHERE purged_at = ${LONG_AGO}`,
  },
  'forget-audit': {
    ofImages: 1,
    aheadMs: 0,
    insert: `audit_events (id, at, actor_id, action, resource_kind, resource_id, folder_id, cloud_id, request_id)
      SELECT ?1 || n, ?2, 'bench', 'images.update', 'image', ?1 || n, 'default', 'local', ''`,
    over: `audit_events WHERE at = ${LONG_AGO}`,
  },
  'forget-webhook-deliveries': {
    ofImages: 10,
    aheadMs: 0,
    insert: `webhook_deliveries (id, webhook_id, event_id, type, payload, status, created_at, attempts)
      SELECT ?1 || n, 'fleet', ?1 || n, 'image.ready', '{}', 'DELIVERED', ?2, 1`,
    over: `webhook_deliveries WHERE status = 'DELIVERED' AND created_at = ${LONG_AGO}`,
  },
  'forget-maintenance-runs': {
    ofImages: 1000,
    aheadMs: 0,
    insert: `maintenance_runs (id, duty, dry_run, started_at, done, more)
      SELECT ?1 || n, 'expire-uploads', 0, ?2, 1, 0`,
    over: `maintenance_runs WHERE started_at = ${LONG_AGO}`,
  },
};

/** Images in the trash whose time has not come; their layers are those of others, which does not matter to looking. */
const TRASH = `deleted_images (id, folder_id, cloud_id, created_at, name, family, status, size_bytes, pooled, source,
    promoted_at, revision, deleted_at, deleted_by, reason, purge_at)
  SELECT ?1 || n, 'default', 'local', 0, '', '', 'READY', 1, 0, '{"kind":"upload"}', 0, 1, 0, 'bench', 'REQUEST', ?2`;

/** A listener, so that every event of the folder is looked after; it is disabled, so that nothing is sent. */
const WEBHOOK = `INSERT INTO webhooks (id, folder_id, cloud_id, name, url, secret, events, enabled, created_at, revision)
  VALUES ('fleet', 'default', 'local', 'fleet', 'https://hooks.example.com/bullion', '', '[]', 0, 0, 1)`;

/** Writes as many records as so many images have, none of which is over. */
export async function writeRecords(database: D1Database, images: number): Promise<void> {
  const now = Date.now();
  await database.batch([
    database.prepare(WEBHOOK),
    numbered(database, TRASH, 'in-trash-', now + DAY_MS, images / 10),
    ...Object.entries(RECORDS).map(([duty, { insert, aheadMs, ofImages }]) =>
      numbered(database, insert, `${duty}-`, now + aheadMs, Math.max(1, images / ofImages)),
    ),
  ]);
}

export const RECORD_DUTIES = Object.keys(RECORDS) as readonly RecordDuty[];

/** Writes so many for each of these duties that are over. in: `prefix`, one of its own for every time. */
export async function writeRecordsThatAreOver(
  database: D1Database,
  duties: readonly RecordDuty[],
  count: number,
  prefix: string,
): Promise<void> {
  await database.batch(
    duties.map((duty) => numbered(database, RECORDS[duty].insert, `${prefix}${duty}-`, LONG_AGO, count)),
  );
}

/** Table and condition of those that are over; none for jobs, which are there until the queue has run them. */
export const overOf = (duty: RecordDuty): string | undefined => RECORDS[duty].over;

function numbered(database: D1Database, insert: string, prefix: string, at: number, count: number) {
  return database
    .prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?3)
        INSERT INTO ${insert} FROM numbers`,
    )
    .bind(prefix, at, Math.ceil(count));
}
