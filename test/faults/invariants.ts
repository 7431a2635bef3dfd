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
  const rows = await all<{ cloud: string; quota: string; usage: number; counted: number }>(
    database,
    `WITH counted AS (SELECT * FROM images WHERE folder_id <> 'standard-images')
    SELECT cloud_id AS cloud, quota_id AS quota, usage, CASE quota_id
      WHEN 'compute.images.count' THEN (SELECT count(*) FROM counted WHERE counted.cloud_id = quotas.cloud_id)
      WHEN 'compute.diskPools.count' THEN
        (SELECT count(*) FROM counted WHERE counted.cloud_id = quotas.cloud_id AND pooled = 1)
      WHEN 'compute.images.size' THEN (SELECT coalesce(sum(size_bytes), 0) FROM layers
        WHERE id IN (SELECT layer_id FROM counted WHERE counted.cloud_id = quotas.cloud_id))
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
    'SELECT object_key AS key, state FROM layers',
  );
  const uploads = await all<{ id: string; state: string }>(
    database,
    'SELECT store_upload_id AS id, state FROM uploads WHERE store_upload_id IS NOT NULL',
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

/** Every running operation is awaited by an upload or worked on by a job that will be run. */
export async function operationFaults(database: D1Database): Promise<string[]> {
  const rows = await all<{ id: string; kind: string; stage: string }>(
    database,
    `SELECT id, kind, stage FROM operations WHERE done = 0
      AND NOT EXISTS (SELECT 1 FROM uploads WHERE operation_id = operations.id AND state = 'OPEN')
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE subject_id = operations.resource_id AND state <> 'DEAD')`,
  );
  return rows.map(({ id, kind, stage }) => `nothing will end ${kind} ${id}, which is at ${stage}`);
}

/** Rows that belong together are there together. */
async function rowFaults(database: D1Database): Promise<string[]> {
  const rows = await all<{ fault: string }>(
    database,
    `SELECT 'image ' || id || ' is CREATING without a running operation' AS fault FROM images
      WHERE status = 'CREATING' AND NOT EXISTS
        (SELECT 1 FROM operations WHERE resource_id = images.id AND kind = 'images.create' AND done = 0)
    UNION ALL SELECT 'image ' || id || ' names a layer that is not there' FROM images
      WHERE NOT EXISTS (SELECT 1 FROM layers WHERE layers.id = images.layer_id)
    UNION ALL SELECT 'image ' || images.id || ' is READY on a layer that is ' || layers.state
      FROM images JOIN layers ON layers.id = images.layer_id
      WHERE images.status = 'READY' AND layers.state <> 'VERIFIED'
    UNION ALL SELECT 'layer ' || id || ' is named by nothing and nothing will delete it' FROM layers
      WHERE unnamed_at IS NULL AND NOT EXISTS (SELECT 1 FROM images WHERE layer_id = layers.id)
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE state <> 'DEAD' AND (subject_id = layers.id OR subject_id =
          (SELECT image_id FROM uploads WHERE layer_id = layers.id)))
    UNION ALL SELECT count(*) || ' guards were left' FROM guards HAVING count(*) > 0`,
  );
  return rows.map(({ fault }) => fault);
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
