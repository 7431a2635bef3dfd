import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** What was changed, by whom. `before` and `after` hold the fields that differ, and no secret. */
export const auditEvents = sqliteTable(
  'audit_events',
  {
    sequence: integer('sequence').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    at: integer('at').notNull(),
    /** A service account; `scheduled` for the scheduled functions. */
    actorId: text('actor_id').notNull(),
    /** The method, as operations have it: `images.create`. */
    action: text('action').notNull(),
    resourceKind: text('resource_kind').notNull(),
    resourceId: text('resource_id').notNull(),
    folderId: text('folder_id'),
    cloudId: text('cloud_id'),
    requestId: text('request_id').notNull(),
    operationId: text('operation_id'),
    before: text('before', { mode: 'json' }).$type<Record<string, unknown>>(),
    after: text('after', { mode: 'json' }).$type<Record<string, unknown>>(),
  },
  (table) => [
    index('audit_events_folder').on(table.folderId, table.at),
    index('audit_events_resource').on(table.resourceId, table.at),
    index('audit_events_age').on(table.at),
  ],
);

/** One run of a duty that did something, failed, or was asked for. */
export const maintenanceRuns = sqliteTable(
  'maintenance_runs',
  {
    sequence: integer('sequence').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    duty: text('duty').notNull(),
    dryRun: integer('dry_run', { mode: 'boolean' }).notNull(),
    startedAt: integer('started_at').notNull(),
    endedAt: integer('ended_at'),
    /** Who asked for it; none for the clock. */
    startedBy: text('started_by'),
    /** How many things it did, or would have done. */
    done: integer('done').notNull(),
    /** Whether the next run goes on. */
    more: integer('more', { mode: 'boolean' }).notNull(),
    error: text('error'),
    /** What it found, item by item as far as it is kept. */
    report: text('report', { mode: 'json' }).$type<readonly Record<string, unknown>[]>(),
  },
  (table) => [
    index('maintenance_runs_age').on(table.startedAt),
    index('maintenance_runs_duty').on(table.duty, table.sequence),
  ],
);

/** Where a duty stopped that goes over more than one run takes. The lease keeps a second run out of the same slice. */
export const dutyStates = sqliteTable('duty_states', {
  duty: text('duty').primaryKey(),
  cursor: text('cursor', { mode: 'json' }).$type<Record<string, unknown>>(),
  leaseId: text('lease_id'),
  leaseUntil: integer('lease_until'),
  updatedAt: integer('updated_at').notNull(),
});

/** Where a tenant is told what happens in a folder. */
export const webhooks = sqliteTable(
  'webhooks',
  {
    id: text('id').primaryKey(),
    folderId: text('folder_id').notNull(),
    cloudId: text('cloud_id').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    url: text('url').notNull(),
    /** Signs each delivery; shown once. */
    secret: text('secret').notNull(),
    /** The one before the last rotation, which signs as well until its end. */
    previousSecret: text('previous_secret'),
    previousSecretUntil: integer('previous_secret_until'),
    /** The types that are wanted; none means all. */
    events: text('events', { mode: 'json' }).$type<string[]>().notNull(),
    enabled: integer('enabled', { mode: 'boolean' }).notNull(),
    createdAt: integer('created_at').notNull(),
    revision: integer('revision').notNull(),
  },
  (table) => [index('webhooks_folder').on(table.folderId, table.id)],
);

/** One event for one webhook, written with the change that it tells of. The job that sends it has the same id. */
export const webhookDeliveries = sqliteTable(
  'webhook_deliveries',
  {
    id: text('id').primaryKey(),
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** The same for all deliveries of one event, so that receivers can tell repetitions. */
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    payload: text('payload', { mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    status: text('status').$type<'PENDING' | 'DELIVERED' | 'FAILED'>().notNull(),
    createdAt: integer('created_at').notNull(),
    attempts: integer('attempts').notNull(),
    lastAttemptAt: integer('last_attempt_at'),
    /** HTTP status of the last answer. */
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
  },
  (table) => [
    index('webhook_deliveries_webhook').on(table.webhookId, table.createdAt, table.id),
    index('webhook_deliveries_pending').on(table.webhookId).where(sql`status = 'PENDING'`),
    index('webhook_deliveries_age').on(table.createdAt).where(sql`status <> 'PENDING'`),
  ],
);

export type AuditEventRow = typeof auditEvents.$inferSelect;
export type MaintenanceRunRow = typeof maintenanceRuns.$inferSelect;
export type DutyStateRow = typeof dutyStates.$inferSelect;
export type WebhookRow = typeof webhooks.$inferSelect;
export type WebhookDeliveryRow = typeof webhookDeliveries.$inferSelect;
