/**
 * What must hold of a registry whenever nothing is under way, whatever happened before. Each check answers with the
 * faults that it found, one line each.
 */
import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { D1Database } from '@cloudflare/workers-types';

/** Where the rows and the objects of one registry are. */
export interface Behind {
  readonly database: D1Database;
  readonly store: S3Client;
  readonly bucket: string;
}

/** All faults; none when the registry is whole. */
export async function faults(behind: Behind): Promise<string[]> {
  const found = await Promise.all([
    quotaFaults(behind.database),
    objectFaults(behind),
    operationFaults(behind.database),
    rowFaults(behind.database),
  ]);
  return found.flat();
}

/** Every quota's use is what the rows say. */
export async function quotaFaults(database: D1Database): Promise<string[]> {
  const things = (table: string) => `SELECT count(*) FROM ${table} WHERE ${counts(table)}`;
  // A layer counts once for each noun that names it, however many rows do; those in the trash do too.
  const bytes = (...tables: string[]) => `SELECT coalesce(sum(size_bytes), 0) FROM layers
    WHERE id IN (${tables.map((table) => `SELECT layer_id FROM ${table} WHERE ${counts(table)}`).join(' UNION ')})`;
  const counts = (table: string) =>
    `${table}.cloud_id = quotas.cloud_id AND ${table}.folder_id <> 'standard-images'`;
  const disks = (type: string) =>
    `SELECT coalesce(sum(size_bytes), 0) FROM disks WHERE ${counts('disks')} AND type_id LIKE '${type}'`;
  const rows = await all<{ cloud: string; quota: string; usage: number; counted: number }>(
    database,
    `SELECT cloud_id AS cloud, quota_id AS quota, usage, CASE quota_id
      WHEN 'compute.images.count' THEN (${things('images')})
      WHEN 'compute.images.size' THEN (${bytes('images', 'deleted_images')})
      WHEN 'compute.diskPools.count' THEN (${things('images')} AND pooled = 1)
      WHEN 'compute.snapshots.count' THEN (${things('snapshots')})
      WHEN 'compute.snapshots.size' THEN (${bytes('snapshots')})
      WHEN 'compute.disks.count' THEN (${things('disks')})
      WHEN 'compute.disks.size' THEN (${disks('%')})
      WHEN 'compute.hddDisks.size' THEN (${disks('network-hdd')})
      WHEN 'compute.ssdDisks.size' THEN (${disks('network-ssd')})
      WHEN 'compute.ssdNonReplicatedDisks.size' THEN (${disks('network-ssd-nonreplicated')})
      WHEN 'compute.ssdIOM3Disks.size' THEN (${disks('network-ssd-io-m3')})
      ELSE 0 END AS counted
    FROM quotas`,
  );
  return rows
    .filter(({ usage, counted }) => usage !== counted)
    .map(({ cloud, quota, usage, counted }) => `${quota} of ${cloud} says ${usage}, the rows say ${counted}`);
}

/** Every object has its layer and every stored layer its object; likewise open uploads. */
export async function objectFaults({ database, store, bucket }: Behind): Promise<string[]> {
  const layers = await all<{ key: string; state: string }>(
    database,
    // An empty layer has no key.
    "SELECT object_key AS key, state FROM layers WHERE object_key <> ''",
  );
  const uploads = await all<{ id: string; state: string }>(
    database,
    `SELECT store_upload_id AS id, state FROM uploads WHERE store_upload_id IS NOT NULL
    UNION ALL SELECT cursor ->> '$.upload.storeUploadId', 'COPYING' FROM jobs
      WHERE cursor ->> '$.upload.storeUploadId' IS NOT NULL`,
  );
  const keys = await objectKeys(store, bucket);
  const openIds = await openUploads(store, bucket);
  const found: string[] = [];
  for (const key of keys) {
    if (!layers.some((layer) => layer.key === key)) found.push(`no row names the object ${key}`);
  }
  for (const { key, state } of layers) {
    if (state !== 'PENDING' && !keys.includes(key))
      found.push(`the layer of ${key} is ${state} without object`);
  }
  for (const id of openIds) {
    if (!uploads.some((upload) => upload.id === id && upload.state !== 'COMPLETED'))
      found.push(`no row names the store's upload ${id}`);
  }
  for (const { id, state } of uploads) {
    if (state === 'OPEN' && !openIds.includes(id)) found.push(`the store has no upload ${id}, which is OPEN`);
  }
  return found;
}

/**
 * As far as objects go while things are under way: each that stands has its row, each layer that can be named has its
 * object, and none that nothing names stands for longer than `unnamedMs`.
 */
export async function momentaryObjectFaults(
  { database, store, bucket }: Behind,
  unnamedMs: number,
): Promise<string[]> {
  const layersNow = () =>
    all<{ key: string; state: string; unnamedAt: number | null }>(
      database,
      "SELECT object_key AS key, state, unnamed_at AS unnamedAt FROM layers WHERE object_key <> ''",
    );
  // What changes between the looks is under way; what both tell the same of the keys has to fit.
  const before = await layersNow();
  const keys = new Set(await objectKeys(store, bucket));
  const after = await layersNow();
  const known = new Set([...before, ...after].map(({ key }) => key));
  const stood = new Set(before.filter(({ state }) => isStored(state)).map(({ key }) => key));
  const overdue = Date.now() - unnamedMs;
  return [
    ...[...keys].filter((key) => !known.has(key)).map((key) => `no row names the object ${key}`),
    ...after
      .filter(({ key, state }) => isStored(state) && stood.has(key) && !keys.has(key))
      .map(({ key, state }) => `the layer of ${key} is ${state} without object`),
    ...after
      .filter(({ unnamedAt }) => unnamedAt !== null && unnamedAt < overdue)
      .map(({ key }) => `nothing names ${key}, and its grace period is over`),
  ];
}

/** From when it is stored until its deletion begins. */
function isStored(state: string): boolean {
  return state === 'STORED' || state === 'VERIFIED' || state === 'UNNAMED';
}

/** Every running operation is awaited by an upload that a client sends, or worked on by a job that will be run. */
export async function operationFaults(database: D1Database): Promise<string[]> {
  const rows = await all<{ id: string; kind: string; stage: string }>(
    database,
    `SELECT id, kind, stage FROM operations WHERE done = 0
      AND NOT EXISTS (SELECT 1 FROM uploads
        WHERE operation_id = operations.id AND state = 'OPEN' AND source_uri IS NULL)
      AND NOT EXISTS (SELECT 1 FROM folders
        WHERE deletion_id = operations.id AND status = 'PENDING_DELETION')
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE subject_id = operations.resource_id AND state <> 'DEAD')`,
  );
  return rows.map(({ id, kind, stage }) => `nothing will end ${kind} ${id}, which is at ${stage}`);
}

/** Everything that names a layer. */
const THINGS = `WITH things AS (
  SELECT 'image' AS kind, id, status, layer_id FROM images
  UNION ALL SELECT 'disk', id, status, layer_id FROM disks
  UNION ALL SELECT 'disk', id, status, top_layer_id FROM disks WHERE top_layer_id IS NOT NULL
  UNION ALL SELECT 'snapshot', id, status, layer_id FROM snapshots
  UNION ALL SELECT 'deleted image', id, status, layer_id FROM deleted_images WHERE purged_at IS NULL)`;

/** What should stand in the index of labels. */
const LABELS = ['images', 'disks', 'snapshots', 'deleted_images']
  .map(
    (
      table,
    ) => `SELECT '${table === 'deleted_images' ? 'deletedImage' : table.slice(0, -1)}' AS kind, ${table}.folder_id,
      label.key, label.value, ${table}.id FROM ${table} JOIN json_each(${table}.labels) AS label
      ${table === 'deleted_images' ? 'WHERE purged_at IS NULL' : ''}`,
  )
  .join(' UNION ALL ');

/** Each finds rows that should not be as they are; D1 takes few of them in one statement. */
const ROW_FAULTS = [
  `SELECT 'the link of image ' || image_id || ' is kept though its upload is ' || state AS fault FROM uploads
    WHERE source_uri IS NOT NULL AND state NOT IN ('OPEN', 'COMPLETING')`,
  `SELECT kind || ' ' || id || ' is CREATING without a running operation' AS fault FROM things
    WHERE status = 'CREATING' AND NOT EXISTS
      (SELECT 1 FROM operations WHERE resource_id = things.id AND kind = things.kind || 's.create' AND done = 0)`,
  `SELECT kind || ' ' || id || ' names a layer that is not there' AS fault FROM things
    WHERE NOT EXISTS (SELECT 1 FROM layers WHERE layers.id = things.layer_id)`,
  `SELECT kind || ' ' || things.id || ' is ' || status || ' on a layer that is ' || layers.state AS fault
    FROM things JOIN layers ON layers.id = things.layer_id
    WHERE things.status IN ('READY', 'DELETING') AND layers.state <> 'VERIFIED'`,
  `SELECT 'image ' || id || ' was purged and still names ' || layer_id AS fault FROM deleted_images
    WHERE purged_at IS NOT NULL AND layer_id IS NOT NULL`,
  `SELECT 'image ' || id || ' stands and is deleted' AS fault FROM images
    WHERE id IN (SELECT id FROM deleted_images)`,
  `SELECT noun || ' of image ' || image_id || ' is left' AS fault FROM (
      SELECT 'a lease' AS noun, image_id FROM leases
      UNION ALL SELECT 'an access binding', resource_id FROM access_bindings WHERE resource_kind = 'image'
      UNION ALL SELECT 'an upload', image_id FROM uploads WHERE state = 'COMPLETED')
    WHERE image_id NOT IN (SELECT id FROM images)
      AND image_id NOT IN (SELECT id FROM deleted_images WHERE purged_at IS NULL)`,
  `SELECT 'layer ' || copy.id || ' is a copy of one that is ' || coalesce(source.state, 'gone') AS fault
    FROM layers AS copy LEFT JOIN layers AS source ON source.id = copy.copy_of
    WHERE copy.copy_of IS NOT NULL AND coalesce(source.state, '') <> 'VERIFIED'`,
  `SELECT 'layer ' || id || ' is ' || state || ' and still a copy' AS fault FROM layers
    WHERE copy_of IS NOT NULL AND state <> 'PENDING'`,
  `SELECT 'layer ' || id || ' is named by nothing and nothing will delete it' AS fault FROM layers
    WHERE unnamed_at IS NULL AND NOT EXISTS (SELECT 1 FROM things WHERE layer_id = layers.id)
      AND NOT EXISTS (SELECT 1 FROM layers AS copy WHERE copy.copy_of = layers.id)
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE state <> 'DEAD'
        AND (kind = 'delete-layer' AND subject_id = layers.id
        OR cursor ->> '$.layerId' = layers.id
        OR subject_id = (SELECT image_id FROM uploads WHERE layer_id = layers.id)))`,
  `SELECT 'layer ' || id || ' has no digest and nothing will read it' AS fault FROM layers
    WHERE digest IS NULL AND EXISTS (SELECT 1 FROM images WHERE layer_id = layers.id AND status = 'READY')
      AND object_key <> '' AND NOT EXISTS
        (SELECT 1 FROM jobs WHERE state <> 'DEAD' AND kind = 'digest-layer' AND subject_id = layers.id)`,
  `SELECT 'folder ' || id || ' is ' || status || ' without a running operation' AS fault FROM folders
    WHERE status <> 'ACTIVE' AND NOT EXISTS
      (SELECT 1 FROM operations WHERE operations.id = folders.deletion_id AND done = 0)`,
  `SELECT id || ' stands in a folder that is gone' AS fault FROM (SELECT id, folder_id FROM images
    UNION ALL SELECT id, folder_id FROM disks UNION ALL SELECT id, folder_id FROM snapshots
    UNION ALL SELECT id, folder_id FROM deleted_images WHERE purged_at IS NULL)
    WHERE folder_id NOT IN (SELECT id FROM folders)`,
  `SELECT kind || ' ' || resource_id || ' is listed under ' || key || '=' || value || ', which it does not have' AS fault
    FROM (SELECT kind, folder_id, key, value, resource_id FROM label_index EXCEPT SELECT * FROM (${LABELS}))`,
  `SELECT kind || ' ' || id || ' is not listed under ' || key || '=' || value AS fault
    FROM (SELECT * FROM (${LABELS}) EXCEPT SELECT kind, folder_id, key, value, resource_id FROM label_index)`,
  "SELECT count(*) || ' guards were left' AS fault FROM guards HAVING count(*) > 0",
];

/** Rows that belong together are there together. */
export async function rowFaults(database: D1Database): Promise<string[]> {
  const answers = await database.batch<{ fault: string }>(
    ROW_FAULTS.map((statement) => database.prepare(`${THINGS} ${statement}`)),
  );
  return answers.flatMap(({ results }) => results.map(({ fault }) => fault));
}

/** All keys of the bucket. */
export async function objectKeys(store: S3Client, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await store.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const { Key } of page.Contents ?? []) keys.push(Key ?? '');
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

/** The store's ids of all uploads that are open in it; a test has fewer of them than one page. */
async function openUploads(store: S3Client, bucket: string): Promise<string[]> {
  const page = await store.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  if (page.IsTruncated) throw new Error('more open uploads than one page lists');
  return (page.Uploads ?? []).map(({ UploadId }) => UploadId ?? '');
}

async function all<Row>(database: D1Database, statement: string): Promise<Row[]> {
  return (await database.prepare(statement).all<Row>()).results;
}
