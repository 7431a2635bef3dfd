import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { DeletionReason } from '../../core/deletion.ts';
import type { StateOf } from '../../core/lifecycle.ts';

/**
 * The stored object that holds a disk's bytes. Immutable once stored; images, disks and snapshots name it. `etag`
 * pins the version that was inspected. `unnamedAt` is set when the last row that named it went, and starts the
 * grace period. An empty layer has no object: its key is empty and its size 0.
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
    /** The layer of which this one is being copied, which it names until the copy is done. */
    copyOf: text('copy_of'),
  },
  (table) => [
    index('layers_unnamed').on(table.unnamedAt).where(sql`unnamed_at IS NOT NULL`),
    index('layers_digest').on(table.digest).where(sql`digest IS NOT NULL`),
    index('layers_copies').on(table.copyOf).where(sql`copy_of IS NOT NULL`),
  ],
);

/** What everything has that stands in a folder under a name of its own. */
const named = () => ({
  id: text('id').primaryKey(),
  folderId: text('folder_id').notNull(),
  /** The folder's cloud: a folder never moves, and quotas and access need both. */
  cloudId: text('cloud_id').notNull(),
  createdAt: integer('created_at').notNull(),
  /** Empty for none, so that it sorts and pages like any text. */
  name: text('name').notNull(),
  description: text('description'),
  labels: text('labels', { mode: 'json' }).$type<Record<string, string>>(),
});

/** What an image has, standing or deleted. While it is CREATING, `osType`, `minDiskSize` and `hardwareGeneration` hold what the caller declared, if anything. */
const imageColumns = () => ({
  ...named(),
  /** Empty for none. */
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
  layerId: text('layer_id').references(() => layers.id),
  source: text('source', { mode: 'json' })
    .$type<{ kind: 'upload' | 'uri' | 'image' | 'disk' | 'snapshot'; id?: string; uri?: string }>()
    .notNull(),
  /** When it last became the latest of its family; its creation counts as the first promotion. */
  promotedAt: integer('promoted_at').notNull(),
  /** Made as a candidate and not promoted yet. */
  candidate: integer('candidate', { mode: 'boolean' }).notNull().default(false),
  /** From when on it is DEPRECATED, OBSOLETE, and to be deleted: ahead or past, null for never. */
  deprecateAt: integer('deprecate_at'),
  obsoleteAt: integer('obsolete_at'),
  deleteAt: integer('delete_at'),
  replacementImageId: text('replacement_image_id'),
  deprecationMessage: text('deprecation_message'),
  /** A candidate, or one whose deprecation has begun and was noted: it is no latest, whatever the clock says. */
  passedOver: integer('passed_over', { mode: 'boolean' }).notNull().default(false),
  deleteProtection: integer('delete_protection', { mode: 'boolean' }).notNull().default(false),
  /** Counts changes; the ETag is made from it. */
  revision: integer('revision').notNull(),
});

export const images = sqliteTable(
  'images',
  {
    ...imageColumns(),
    layerId: text('layer_id')
      .notNull()
      .references(() => layers.id),
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
      .where(sql`family <> '' AND status = 'READY' AND passed_over = 0`),
    // All of a family in the same order, which policies go through.
    index('images_standing')
      .on(table.folderId, table.family, table.promotedAt, table.createdAt, table.id)
      .where(sql`family <> ''`),
    index('images_layer').on(table.layerId),
    index('images_deprecation')
      .on(table.deprecateAt)
      .where(sql`deprecate_at IS NOT NULL AND passed_over = 0`),
    index('images_obsolescence').on(table.obsoleteAt).where(sql`obsolete_at IS NOT NULL AND passed_over = 0`),
    index('images_deletion').on(table.deleteAt).where(sql`delete_at IS NOT NULL`),
    index('images_replacement').on(table.replacementImageId).where(sql`replacement_image_id IS NOT NULL`),
  ],
);

/**
 * Images that were deleted. Until `purgedAt` one lies in the trash, names its layer and can be brought back as it was;
 * after it only what was known of it is kept.
 */
export const deletedImages = sqliteTable(
  'deleted_images',
  {
    ...imageColumns(),
    deletedAt: integer('deleted_at').notNull(),
    deletedBy: text('deleted_by').notNull(),
    reason: text('reason').$type<DeletionReason>().notNull(),
    /** When it is purged. */
    purgeAt: integer('purge_at').notNull(),
    purgedAt: integer('purged_at'),
    /** Of its layer, kept at the purge. */
    digest: text('digest'),
    inspection: text('inspection', { mode: 'json' }).$type<Record<string, unknown>>(),
  },
  (table) => [
    // As the lists of images, which show the trash on demand; the status of all that lies there is the same.
    index('deleted_images_by_id').on(table.folderId, table.id).where(sql`purged_at IS NULL`),
    index('deleted_images_by_created_at')
      .on(table.folderId, table.createdAt, table.id)
      .where(sql`purged_at IS NULL`),
    index('deleted_images_by_name').on(table.folderId, table.name, table.id).where(sql`purged_at IS NULL`),
    index('deleted_images_by_family')
      .on(table.folderId, table.family, table.id)
      .where(sql`purged_at IS NULL`),
    index('deleted_images_cloud').on(table.cloudId).where(sql`purged_at IS NULL`),
    index('deleted_images_purge').on(table.purgeAt).where(sql`purged_at IS NULL`),
    index('deleted_images_purged').on(table.purgedAt).where(sql`purged_at IS NOT NULL`),
    index('deleted_images_layer').on(table.layerId).where(sql`layer_id IS NOT NULL`),
  ],
);

/** A holder's word that it boots from an image. One holder has one lease on an image; expired it holds nothing. */
export const leases = sqliteTable(
  'leases',
  {
    id: text('id').primaryKey(),
    imageId: text('image_id').notNull(),
    holder: text('holder').notNull(),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    renewedAt: integer('renewed_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    uniqueIndex('leases_holder').on(table.imageId, table.holder),
    index('leases_expiry').on(table.expiresAt),
  ],
);

/**
 * An upload lives as long as its image is being created. `id` is public; `storeUploadId` is the object store's own.
 * The parts of one with a `sourceUri` are fetched from there by the registry itself.
 */
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
    /** The link with its signature, kept only as long as it is fetched from; never logged, never shown. */
    sourceUri: text('source_uri'),
    /** The version of the object behind the link that was found first: another one is refused. */
    sourceVersion: text('source_version'),
    /** Absent until the first part is signed: opening it then leaves nothing behind when a creation fails. */
    storeUploadId: text('store_upload_id'),
    /** The parts that the store was told to join; fixed once, so that no second list is ever sent. */
    parts: text('parts', { mode: 'json' }).$type<{ partNumber: number; etag: string }[]>(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('uploads_expiry').on(table.expiresAt).where(sql`state = 'OPEN'`)],
);

/** What disks and snapshots have in common. */
const volume = () => ({
  ...named(),
  status: text('status').$type<'CREATING' | 'READY' | 'ERROR' | 'DELETING'>().notNull(),
  productIds: text('product_ids', { mode: 'json' }).$type<string[]>(),
  /** Of the image that it comes from, for images made of it; none for an empty disk. */
  osType: text('os_type').$type<'LINUX' | 'WINDOWS'>(),
  nvidiaDriver: text('nvidia_driver'),
  hardwareGeneration: text('hardware_generation').$type<'GEN_1_1' | 'GEN_1_2' | 'GEN_2'>().notNull(),
  layerId: text('layer_id')
    .notNull()
    .references(() => layers.id),
  /** Counts changes; the ETag is made from it. */
  revision: integer('revision').notNull(),
});

/**
 * A disk. `layerId` holds what it began with: a copy of its own, or the shared layer of an optimized image; then
 * `topLayerId` is its own, empty one above it.
 */
export const disks = sqliteTable(
  'disks',
  {
    ...volume(),
    typeId: text('type_id').notNull(),
    zoneId: text('zone_id').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    blockSizeBytes: integer('block_size_bytes').notNull(),
    sourceImageId: text('source_image_id'),
    sourceSnapshotId: text('source_snapshot_id'),
    topLayerId: text('top_layer_id').references(() => layers.id),
  },
  (table) => [
    uniqueIndex('disks_name').on(table.folderId, table.name).where(sql`name <> ''`),
    index('disks_by_id').on(table.folderId, table.id),
    index('disks_by_created_at').on(table.folderId, table.createdAt, table.id),
    index('disks_by_name').on(table.folderId, table.name, table.id),
    index('disks_by_status').on(table.folderId, table.status, table.id),
    index('disks_layer').on(table.layerId),
    index('disks_top_layer').on(table.topLayerId).where(sql`top_layer_id IS NOT NULL`),
    index('disks_source_image').on(table.sourceImageId).where(sql`status = 'CREATING'`),
    index('disks_source_snapshot').on(table.sourceSnapshotId).where(sql`status = 'CREATING'`),
  ],
);

/** A snapshot names the layer that its disk has; `storageSizeBytes` is what it added to that disk's other snapshots. */
export const snapshots = sqliteTable(
  'snapshots',
  {
    ...volume(),
    storageSizeBytes: integer('storage_size_bytes').notNull(),
    diskSizeBytes: integer('disk_size_bytes').notNull(),
    sourceDiskId: text('source_disk_id').notNull(),
  },
  (table) => [
    uniqueIndex('snapshots_name').on(table.folderId, table.name).where(sql`name <> ''`),
    index('snapshots_by_id').on(table.folderId, table.id),
    index('snapshots_by_created_at').on(table.folderId, table.createdAt, table.id),
    index('snapshots_by_name').on(table.folderId, table.name, table.id),
    index('snapshots_by_status').on(table.folderId, table.status, table.id),
    index('snapshots_layer').on(table.layerId),
    index('snapshots_disk').on(table.sourceDiskId),
  ],
);

/** What lists are filtered by labels of; `deletedImage` is one in the trash. */
export type LabelledKind = 'image' | 'disk' | 'snapshot' | 'deletedImage';

/**
 * Labels by their key and value, in the order of the ids that have them. Triggers of the tables that hold the labels
 * keep it: nothing else writes here.
 */
export const labelIndex = sqliteTable(
  'label_index',
  {
    kind: text('kind').$type<LabelledKind>().notNull(),
    folderId: text('folder_id').notNull(),
    key: text('key').notNull(),
    value: text('value').notNull(),
    resourceId: text('resource_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.folderId, table.key, table.value, table.resourceId] }),
  ],
);

export type LayerRow = typeof layers.$inferSelect;
export type ImageRow = typeof images.$inferSelect;
export type DeletedImageRow = typeof deletedImages.$inferSelect;
export type LeaseRow = typeof leases.$inferSelect;
export type UploadRow = typeof uploads.$inferSelect;
export type DiskRow = typeof disks.$inferSelect;
export type SnapshotRow = typeof snapshots.$inferSelect;
