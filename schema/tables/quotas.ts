import { sql } from 'drizzle-orm';
import {
  check,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core';
import type { StateOf } from '../../core/lifecycle.ts';
import type { QuotaId } from '../../core/quotas.ts';

/** Limits and use per cloud. A trigger refuses any growth of `usage` past `limit`; lowering the limit below it is allowed. */
export const quotas = sqliteTable(
  'quotas',
  {
    cloudId: text('cloud_id').notNull(),
    quotaId: text('quota_id').$type<QuotaId>().notNull(),
    limit: integer('limit').notNull(),
    usage: integer('usage').notNull(),
  },
  (table) => [
    uniqueIndex('quotas_key').on(table.cloudId, table.quotaId),
    check('quotas_usage', sql`usage >= 0`),
  ],
);

/** A tenant's wish for other limits, which an administrator settles quota by quota. */
export const quotaRequests = sqliteTable(
  'quota_requests',
  {
    id: text('id').primaryKey(),
    cloudId: text('cloud_id').notNull(),
    /** The operation that runs until the request is settled. */
    operationId: text('operation_id').notNull(),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    status: text('status').$type<StateOf<'quotaRequest'>>().notNull(),
    /** Counts changes, so that two that settle at once do not both count. */
    revision: integer('revision').notNull(),
  },
  (table) => [index('quota_requests_cloud').on(table.cloudId, table.id)],
);

export const quotaRequestItems = sqliteTable(
  'quota_request_items',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => quotaRequests.id, { onDelete: 'cascade' }),
    quotaId: text('quota_id').$type<QuotaId>().notNull(),
    /** The order in which they were asked for. */
    position: integer('position').notNull(),
    desiredLimit: real('desired_limit').notNull(),
    approvedLimit: real('approved_limit'),
    status: text('status').$type<StateOf<'quotaRequestItem'>>().notNull(),
    message: text('message'),
    modifiedBy: text('modified_by'),
  },
  (table) => [primaryKey({ columns: [table.requestId, table.quotaId] })],
);

export type QuotaRow = typeof quotas.$inferSelect;
export type QuotaRequestRow = typeof quotaRequests.$inferSelect;
export type QuotaRequestItemRow = typeof quotaRequestItems.$inferSelect;
