import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** Times are epoch milliseconds everywhere in the tables. */
const createdAt = () => integer('created_at').notNull();
const labels = () => text('labels', { mode: 'json' }).$type<Record<string, string>>();

/** A cloud is a tenant: quotas are counted per cloud. */
export const clouds = sqliteTable('clouds', {
  id: text('id').primaryKey(),
  organizationId: text('organization_id').notNull(),
  name: text('name').notNull(),
  description: text('description'),
  labels: labels(),
  createdAt: createdAt(),
});

export const folders = sqliteTable(
  'folders',
  {
    id: text('id').primaryKey(),
    cloudId: text('cloud_id')
      .notNull()
      .references(() => clouds.id),
    name: text('name').notNull(),
    description: text('description'),
    labels: labels(),
    createdAt: createdAt(),
  },
  (table) => [uniqueIndex('folders_name').on(table.cloudId, table.name)],
);

export const serviceAccounts = sqliteTable(
  'service_accounts',
  {
    id: text('id').primaryKey(),
    folderId: text('folder_id')
      .notNull()
      .references(() => folders.id),
    /** The folder's cloud, kept here because a name is unique in the cloud and a folder never moves. */
    cloudId: text('cloud_id').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    labels: labels(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('service_accounts_name').on(table.cloudId, table.name),
    index('service_accounts_folder').on(table.folderId, table.id),
  ],
);

/** An API key is found by its public prefix; of the secret only a SHA-256 is kept (it has 256 random bits). */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    serviceAccountId: text('service_account_id')
      .notNull()
      .references(() => serviceAccounts.id, { onDelete: 'cascade' }),
    prefix: text('prefix').notNull(),
    secretHash: text('secret_hash').notNull(),
    maskedSecret: text('masked_secret').notNull(),
    description: text('description'),
    scopes: text('scopes', { mode: 'json' }).$type<('read' | 'write' | 'admin')[]>(),
    createdAt: createdAt(),
    expiresAt: integer('expires_at'),
    lastUsedAt: integer('last_used_at'),
  },
  (table) => [
    uniqueIndex('api_keys_prefix').on(table.prefix),
    index('api_keys_service_account').on(table.serviceAccountId, table.id),
  ],
);

/** One role for one subject on one resource; the key is the whole row, so a binding exists once. */
export const accessBindings = sqliteTable(
  'access_bindings',
  {
    resourceKind: text('resource_kind').notNull(),
    resourceId: text('resource_id').notNull(),
    subjectType: text('subject_type').notNull(),
    subjectId: text('subject_id').notNull(),
    roleId: text('role_id').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.resourceKind, table.resourceId, table.subjectType, table.subjectId, table.roleId],
    }),
    index('access_bindings_subject').on(table.subjectType, table.subjectId),
  ],
);

export type CloudRow = typeof clouds.$inferSelect;
export type FolderRow = typeof folders.$inferSelect;
export type ServiceAccountRow = typeof serviceAccounts.$inferSelect;
export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type AccessBindingRow = typeof accessBindings.$inferSelect;
