import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** What is kept of a family besides its images: its policy, and the latest that was announced. Times in milliseconds. */
export const families = sqliteTable(
  'families',
  {
    folderId: text('folder_id').notNull(),
    cloudId: text('cloud_id').notNull(),
    family: text('family').notNull(),
    /** The policy; without an action there is none. */
    action: text('action').$type<'DELETE' | 'DEPRECATE'>(),
    keepLast: integer('keep_last'),
    keepWithinMs: integer('keep_within_ms'),
    minAgeMs: integer('min_age_ms'),
    includePublic: integer('include_public', { mode: 'boolean' }).notNull().default(false),
    /** When the policy is applied next. */
    nextRunAt: integer('next_run_at'),
    /** The image that was last announced as the latest; empty when the family had none. */
    announcedImageId: text('announced_image_id'),
    /** Counts changes. */
    revision: integer('revision').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.folderId, table.family] }),
    index('families_due').on(table.nextRunAt).where(sql`next_run_at IS NOT NULL`),
  ],
);

/** Each time that somebody made an image the latest of its family. `sequence` orders them, also within a millisecond. */
export const promotions = sqliteTable(
  'promotions',
  {
    sequence: integer('sequence').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    folderId: text('folder_id').notNull(),
    family: text('family').notNull(),
    imageId: text('image_id').notNull(),
    /** The latest before; none when there was none. */
    fromImageId: text('from_image_id'),
    promotedAt: integer('promoted_at').notNull(),
    promotedBy: text('promoted_by').notNull(),
    note: text('note'),
  },
  (table) => [index('promotions_family').on(table.folderId, table.family, table.sequence)],
);

export type FamilyRow = typeof families.$inferSelect;
export type PromotionRow = typeof promotions.$inferSelect;
