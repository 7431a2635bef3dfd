import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import { disks, images, layers, snapshots } from '../schema/tables/images.ts';
import type { Orm, Statement } from './client.ts';
import { notObsolete } from './deprecation.ts';
import { demandOne } from './guards.ts';

/** Something whose layer a new row comes to name. */
export interface SourceName {
  readonly kind: 'image' | 'disk' | 'snapshot';
  readonly id: string;
}

const always = () => sql`1`;

/**
 * The column that says how many bytes whatever is made of a source has to hold, and the condition that it can be the
 * source of something at a time.
 */
const SOURCES = {
  image: { table: images, neededBytes: images.minDiskSize, usable: notObsolete },
  disk: { table: disks, neededBytes: disks.sizeBytes, usable: always },
  snapshot: { table: snapshots, neededBytes: snapshots.diskSizeBytes, usable: always },
} as const;

/** What a source hands down, by the same names whatever it is: at most one row. */
export function findSource(orm: Orm, { kind, id }: SourceName) {
  // The three tables have these columns in common.
  const { table, neededBytes } = SOURCES[kind] as (typeof SOURCES)['image'];
  return orm
    .select({
      id: table.id,
      status: table.status,
      layerId: table.layerId,
      productIds: table.productIds,
      osType: table.osType,
      nvidiaDriver: table.nvidiaDriver,
      hardwareGeneration: table.hardwareGeneration,
      neededBytes,
    })
    .from(table)
    .where(sql`id = ${id}`);
}

/** The layer of a source, for use inside other statements. */
export function layerOfSource({ kind, id }: SourceName): SQL {
  return sql`(SELECT layer_id FROM ${SOURCES[kind].table} WHERE id = ${id})`;
}

export function findLayerOfSource(orm: Orm, source: SourceName) {
  return orm
    .select()
    .from(layers)
    .where(sql`id = ${layerOfSource(source)}`);
}

/** Where roles count for an image, as `mayHere` has it. */
export const IMAGE_PLACES = sql`SELECT 'image', images.id
  UNION ALL SELECT 'folder', images.folder_id
  UNION ALL SELECT 'cloud', images.cloud_id
  UNION ALL SELECT 'organization', clouds.organization_id FROM clouds WHERE clouds.id = images.cloud_id`;

/**
 * A verified layer of this digest and length, with a READY image on it that is not OBSOLETE at `now` and for which
 * `usable` holds: at most one row. in: `usable` may name columns of `images`.
 */
export function findLayerOfDigest(orm: Orm, digest: string, sizeBytes: number, usable: SQL, now: number) {
  return orm
    .select({
      ...getTableColumns(layers),
      imageId: sql<string>`(SELECT images.id FROM images
        WHERE images.layer_id = layers.id AND images.status = 'READY' AND ${notObsolete(now)} AND ${usable}
        LIMIT 1)`.as('image_id'),
    })
    .from(layers)
    .where(
      sql`digest = ${digest} AND size_bytes = ${sizeBytes} AND state = 'VERIFIED' AND inspection IS NOT NULL
        AND image_id IS NOT NULL`,
    )
    .limit(1);
}

/** Demands that a source stands READY on the layer that was read, and is no OBSOLETE image at `now`. */
export function demandSource(orm: Orm, { kind, id }: SourceName, layerId: string, now: number): Statement {
  const { table, usable } = SOURCES[kind];
  return demandOne(
    orm,
    sql`SELECT count(*) FROM ${table}
      WHERE id = ${id} AND status = 'READY' AND layer_id = ${layerId} AND ${usable(now)}`,
  );
}
