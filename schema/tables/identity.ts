import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { StateOf } from '../../core/lifecycle.ts';

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
    /** Nothing new is made in one that is not ACTIVE. */
    status: text('status').$type<StateOf<'folder'>>().notNull().default('ACTIVE'),
    /** When a folder that is being deleted goes with all that it holds. */
    deleteAt: integer('delete_at'),
    /** The operation of that deletion, by which it can be called off. */
    deletionId: text('deletion_id'),
  },
  (table) => [
    uniqueIndex('folders_name').on(table.cloudId, table.name),
    index('folders_deletion').on(table.deleteAt).where(sql`status = 'PENDING_DELETION'`),
  ],
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
    /** A suspended one is nobody: none of its credentials is taken. */
    suspendedAt: integer('suspended_at'),
    /** To the hour. */
    lastAuthenticatedAt: integer('last_authenticated_at'),
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

/** A public key whose owner may exchange a token signed with the private one for an IAM token. */
export const authorizedKeys = sqliteTable(
  'authorized_keys',
  {
    id: text('id').primaryKey(),
    serviceAccountId: text('service_account_id')
      .notNull()
      .references(() => serviceAccounts.id, { onDelete: 'cascade' }),
    description: text('description'),
    keyAlgorithm: text('key_algorithm').$type<'RSA_2048' | 'RSA_4096'>().notNull(),
    /** SPKI in PEM. */
    publicKey: text('public_key').notNull(),
    createdAt: createdAt(),
    lastUsedAt: integer('last_used_at'),
  },
  (table) => [index('authorized_keys_service_account').on(table.serviceAccountId, table.id)],
);

/** A short-lived token of a service account, found like an API key by the public part of its text. */
export const iamTokens = sqliteTable(
  'iam_tokens',
  {
    prefix: text('prefix').primaryKey(),
    secretHash: text('secret_hash').notNull(),
    serviceAccountId: text('service_account_id')
      .notNull()
      .references(() => serviceAccounts.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    index('iam_tokens_service_account').on(table.serviceAccountId),
    index('iam_tokens_expiry').on(table.expiresAt),
  ],
);

/** An issuer of OIDC tokens that a folder trusts, for the subjects that its federated credentials name. */
export const federations = sqliteTable(
  'federations',
  {
    id: text('id').primaryKey(),
    folderId: text('folder_id')
      .notNull()
      .references(() => folders.id),
    cloudId: text('cloud_id').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    labels: labels(),
    enabled: integer('enabled', { mode: 'boolean' }).notNull(),
    issuer: text('issuer').notNull(),
    audiences: text('audiences', { mode: 'json' }).$type<string[]>().notNull(),
    jwksUrl: text('jwks_url').notNull(),
    /** The issuer's public keys as they were last read, and when that was. */
    jwks: text('jwks', { mode: 'json' }).$type<{ keys: Record<string, unknown>[] }>(),
    jwksReadAt: integer('jwks_read_at'),
    /** When the issuer was last asked for them, whatever came of it. */
    jwksAskedAt: integer('jwks_asked_at'),
    /** Somebody is asking, until then at the latest. */
    jwksLeaseUntil: integer('jwks_lease_until'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('federations_name').on(table.folderId, table.name),
    index('federations_issuer').on(table.issuer),
    index('federations_folder').on(table.folderId, table.id),
  ],
);

/** Lets an outside subject act as a service account; `externalSubjectId` may end in `*`. */
export const federatedCredentials = sqliteTable(
  'federated_credentials',
  {
    id: text('id').primaryKey(),
    serviceAccountId: text('service_account_id')
      .notNull()
      .references(() => serviceAccounts.id, { onDelete: 'cascade' }),
    federationId: text('federation_id')
      .notNull()
      .references(() => federations.id),
    externalSubjectId: text('external_subject_id').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('federated_credentials_subject').on(table.federationId, table.externalSubjectId),
    index('federated_credentials_service_account').on(table.serviceAccountId, table.id),
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
export type AuthorizedKeyRow = typeof authorizedKeys.$inferSelect;
export type IamTokenRow = typeof iamTokens.$inferSelect;
export type FederationRow = typeof federations.$inferSelect;
export type FederatedCredentialRow = typeof federatedCredentials.$inferSelect;
export type AccessBindingRow = typeof accessBindings.$inferSelect;
