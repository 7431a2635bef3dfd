import { sql } from 'drizzle-orm';
import { check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** A response of an operation: the record as it was when the operation ended, shaped by the door that shows it. */
export interface OperationResult {
  readonly type: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** An error of an operation, as `core/errors.ts` has it. */
export interface OperationError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly unknown[];
}

/** A long-running operation. `sequence` orders operations by their start, also within one millisecond. */
export const operations = sqliteTable(
  'operations',
  {
    sequence: integer('sequence').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    /** The method that started it, for example `images.create`. */
    kind: text('kind').notNull(),
    description: text('description').notNull(),
    resourceKind: text('resource_kind').notNull(),
    resourceId: text('resource_id').notNull(),
    folderId: text('folder_id'),
    cloudId: text('cloud_id'),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    modifiedAt: integer('modified_at').notNull(),
    done: integer('done', { mode: 'boolean' }).notNull(),
    stage: text('stage').$type<
      'AWAITING_UPLOAD' | 'COPYING' | 'INSPECTING' | 'VERIFYING_DIGEST' | 'FINALIZING'
    >(),
    bytesDone: integer('bytes_done'),
    bytesTotal: integer('bytes_total'),
    /** When it ends at the latest, whatever happens; null for one that is done in its call. */
    deadlineAt: integer('deadline_at'),
    metadata: text('metadata', { mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    response: text('response', { mode: 'json' }).$type<OperationResult>(),
    error: text('error', { mode: 'json' }).$type<OperationError>(),
  },
  (table) => [
    uniqueIndex('operations_id').on(table.id),
    index('operations_resource').on(table.resourceKind, table.resourceId, table.sequence),
    index('operations_folder').on(table.folderId, table.sequence),
    index('operations_active').on(table.folderId).where(sql`done = 0 AND stage <> 'AWAITING_UPLOAD'`),
    index('operations_deadline').on(table.deadlineAt).where(sql`done = 0 AND deadline_at IS NOT NULL`),
    index('operations_ended').on(table.modifiedAt).where(sql`done = 1`),
  ],
);

/**
 * Work that goes on after the answer. The row is the truth; a queue message carries its id and is only a hint.
 * `leaseUntil` makes sure that one worker has it; `runAfter` is when the scheduled function sends it again.
 */
export const jobs = sqliteTable(
  'jobs',
  {
    id: text('id').primaryKey(),
    kind: text('kind')
      .$type<
        | 'judge-upload'
        | 'discard-upload'
        | 'delete-layer'
        | 'import-image'
        | 'copy-layer'
        | 'discard-copy'
        | 'digest-layer'
        | 'empty-folder'
        | 'deliver-webhook'
      >()
      .notNull(),
    /** The image, disk, layer or folder that the job is about. */
    subjectId: text('subject_id').notNull(),
    /** The operation that waits for it; none for clean-up. */
    operationId: text('operation_id'),
    state: text('state').$type<'READY' | 'LEASED' | 'DEAD'>().notNull(),
    /** What a sliced job remembers between slices. */
    cursor: text('cursor', { mode: 'json' }).$type<Record<string, unknown>>(),
    runAfter: integer('run_after').notNull(),
    leaseId: text('lease_id'),
    leaseUntil: integer('lease_until'),
    attempts: integer('attempts').notNull(),
    lastError: text('last_error'),
    requestId: text('request_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('jobs_due').on(table.runAfter).where(sql`state <> 'DEAD'`),
    index('jobs_subject').on(table.subjectId),
  ],
);

/** The first request that used a key, so that its repetition gets the same operation. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    callerId: text('caller_id').notNull(),
    key: text('key').notNull(),
    /** SHA-256 over method, path and canonical body. */
    fingerprint: text('fingerprint').notNull(),
    operationId: text('operation_id').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.callerId, table.key] }),
    index('idempotency_keys_age').on(table.createdAt),
  ],
);

/**
 * A condition of a batch: `INSERT INTO guards SELECT count(*) …` fails the whole batch unless the count is one.
 * Always empty after a batch.
 */
export const guards = sqliteTable('guards', { holds: integer('holds').notNull() }, () => [
  check('guards_hold', sql`holds = 1`),
]);

export type OperationRow = typeof operations.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
