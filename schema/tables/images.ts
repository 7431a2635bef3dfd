import { sql } from 'drizzle-orm';
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { StateOf } from '../../core/lifecycle.ts';
import type { QuotaId } from '../../core/quotas.ts';

/**
 * The stored object that holds a disk's bytes. Immutable once stored; images name it. `etag` pins the version
 * that was inspected. `unnamedAt` is set when the last row that named it went, and starts the grace period.
 */
export const layers = sqliteTable(
  'layers',
  {
    id: text('id').primaryKey(),
    objectKey: text('object_key').notNull(),
    state: text('state').$type<StateOf<'layer'>>().notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    etag: text('etag'),
    /** `sha256:…` once known. */
    digest: text('digest'),
    /** The inspection's report without its cost. */
    inspection: text('inspection', { mode: 'json' }).$type<Record<string, unknown>>(),
    createdAt: integer('created_at').notNull(),
    unnamedAt: integer('unnamed_at'),
  },
  (table) => [index('layers_unnamed').on(table.unnamedAt).where(sql`unnamed_at IS NOT NULL`)],
);

/** While an image is CREATING, `osType`, `minDiskSize` and `hardwareGeneration` hold what the caller declared, if anything. */
export const images = sqliteTable(
  'images',
  {
    id: text('id').primaryKey(),
    folderId: text('folder_id').notNull(),
    /** The folder's cloud: a folder never moves, and quotas and access need both. */
    cloudId: text('cloud_id').notNull(),
    createdAt: integer('created_at').notNull(),
    /** Empty for none, like `family`, so that both sort and page like any text. */
    name: text('name').notNull(),
    description: text('description'),
    labels: text('labels', { mode: 'json' }).$type<Record<string, string>>(),
    family: text('family').notNull(),
    status: text('status').$type<'CREATING' | 'READY' | 'ERROR' | 'DELETING'>().notNull(),
    sizeBytes: integer('size_bytes'),
    storageSize: integer('storage_size'),
    minDiskSize: integer('min_disk_size'),
    /** The smallest `minDiskSize` that an update may set: the disk's own size. */
    smallestDiskSize: integer('smallest_disk_size'),
    productIds: text('product_ids', { mode: 'json' }).$type<string[]>(),
    osType: text('os_type').$type<'LINUX' | 'WINDOWS'>(),
    nvidiaDriver: text('nvidia_driver'),
    pooled: integer('pooled', { mode: 'boolean' }).notNull(),
    hardwareGeneration: text('hardware_generation').$type<'GEN_1_1' | 'GEN_1_2' | 'GEN_2'>(),
    architecture: text('architecture'),
    layerId: text('layer_id')
      .notNull()
      .references(() => layers.id),
    source: text('source', { mode: 'json' }).$type<{ kind: 'upload'; id?: string; uri?: string }>().notNull(),
    /** When it last became the latest of its family; its creation counts as the first promotion. */
    promotedAt: integer('promoted_at').notNull(),
    /** Counts changes; the ETag is made from it. */
    revision: integer('revision').notNull(),
  },
  (table) => [
    uniqueIndex('images_name').on(table.folderId, table.name).where(sql`name <> ''`),
    // One index an order of the list, so that a page costs what it holds.
    index('images_by_id').on(table.folderId, table.id),
    index('images_by_created_at').on(table.folderId, table.createdAt, table.id),
    index('images_by_name').on(table.folderId, table.name, table.id),
    index('images_by_family').on(table.folderId, table.family, table.id),
    index('images_by_status').on(table.folderId, table.status, table.id),
    index('images_latest')
      .on(table.folderId, table.family, table.promotedAt, table.createdAt, table.id)
      .where(sql`family <> '' AND status = 'READY'`),
    index('images_layer').on(table.layerId),
  ],
);

/** An upload lives as long as its image is being created. `id` is public; `storeUploadId` is the object store's own. */
export const uploads = sqliteTable(
  'uploads',
  {
    imageId: text('image_id').primaryKey(),
    id: text('id').notNull(),
    layerId: text('layer_id').notNull(),
    operationId: text('operation_id').notNull(),
    state: text('state').$type<'OPEN' | 'COMPLETING' | 'COMPLETED' | 'ABORTED'>().notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    partSizeBytes: integer('part_size_bytes').notNull(),
    partCount: integer('part_count').notNull(),
    /** Declared by the caller: lower-case hexadecimal. */
    sha256: text('sha256'),
    declaredFormat: text('declared_format').$type<'QCOW2' | 'VMDK' | 'VHD' | 'RAW'>(),
    fileName: text('file_name'),
    /** Absent until the first part is signed: opening it then leaves nothing behind when a creation fails. */
    storeUploadId: text('store_upload_id'),
    /** The parts that the store was told to join; fixed once, so that no second list is ever sent. */
    parts: text('parts', { mode: 'json' }).$type<{ partNumber: number; etag: string }[]>(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('uploads_expiry').on(table.expiresAt).where(sql`state = 'OPEN'`)],
);

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

export type LayerRow = typeof layers.$inferSelect;
export type ImageRow = typeof images.$inferSelect;
export type UploadRow = typeof uploads.$inferSelect;
export type QuotaRow = typeof quotas.$inferSelect;
