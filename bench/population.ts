/**
 * A registry as it stands after years of use, written by the database itself: the rows are made by few statements out
 * of numbers, so a million images take seconds for each hundred bytes that they have, and no longer.
 */
import { createHash } from 'node:crypto';
import type { D1Database } from '@cloudflare/workers-types';
import { KEY_RANDOM_BYTES, type KeySecret, makeSecret } from '../core/ids.ts';

const DAY_MS = 86_400_000;
const LAYER_BYTES = 2 ** 30;
const IMAGES_A_STATEMENT = 100_000;
/** Of the images so many in a hundred stand in the largest folder; the others differ in size a hundred times. */
const LARGEST_PERCENT = 60;
const IMAGES_A_FOLDER = 1000;
const FOLDERS_A_CLOUD = 5;
const ACCOUNTS_A_FOLDER = 3;
/** How many images a family has; one in ten has no family. */
const GENERATIONS = 20;

/** The images that are asked for have a whole report instead: a million of them would take a gigabyte more. */
const INSPECTION = JSON.stringify({ format: 'QCOW2' });

/** What can be asked for, and by whom. */
export interface Population {
  readonly images: number;
  /** The largest folder, and how many images it has. */
  readonly folderId: string;
  readonly folderImages: number;
  readonly family: string;
  /** An image of that family. */
  readonly image: { readonly id: string; readonly name: string; readonly build: string };
  /** Keys of service accounts with the role `viewer`: on the largest folder, and on its cloud. */
  readonly folderViewer: KeySecret;
  readonly cloudViewer: KeySecret;
}

/**
 * Fills a migrated database with so many images, in clouds and folders with service accounts, keys and bindings.
 * in: the report of the images that are asked for.
 */
export async function populate(
  database: D1Database,
  images: number,
  inspection: object,
): Promise<Population> {
  const folders = Math.max(10, Math.ceil(images / IMAGES_A_FOLDER));
  const size = { folders, clouds: Math.ceil(folders / FOLDERS_A_CLOUD), now: Date.now() };
  await run(database, cloudsOf(size), foldersOf(size), accountsOf(size), keysOf(size), bindingsOf(size));
  await withoutIndexes(database, ['layers', 'images'], async () => {
    for (let first = 0; first < images; first += IMAGES_A_STATEMENT) {
      const some = `${numbers(first, Math.min(images, first + IMAGES_A_STATEMENT))} INSERT INTO`;
      await run(database, `${some} ${layersOf(size)}`, `${some} ${imagesOf(size)}`);
    }
    await run(database, LABELS);
  });
  await run(database, leasesAt(size), IMAGE_BINDINGS, COUNT_QUOTAS, SIZE_QUOTAS);
  return await describe(database, images, folders, inspection);
}

async function describe(
  database: D1Database,
  images: number,
  folders: number,
  inspection: object,
): Promise<Population> {
  const folderId = (await one<{ id: string }>(database, `SELECT ${folder('0')} AS id`)).id;
  const { count } = await one<{ count: number }>(
    database,
    `SELECT count(*) AS count FROM images WHERE folder_id = '${folderId}'`,
  );
  const image = await one<{ id: string; name: string; family: string; build: string }>(
    database,
    `SELECT id, name, family, labels ->> 'build' AS build FROM images
      WHERE folder_id = '${folderId}' AND family <> '' AND name <> '' AND passed_over = 0
      ORDER BY created_at LIMIT 1 OFFSET ${Math.floor(count / 2)}`,
  );
  await database
    .prepare(
      `UPDATE layers SET inspection = ? WHERE id IN
        (SELECT layer_id FROM images WHERE folder_id = '${folderId}' AND family = '${image.family}')`,
    )
    .bind(JSON.stringify(inspection))
    .run();
  return {
    images,
    folderId,
    folderImages: count,
    family: image.family,
    image: { id: image.id, name: image.name, build: image.build },
    folderViewer: await giveKey(database, 0),
    cloudViewer: await giveKey(database, folders),
  };
}

/** A key that is known of the so-manieth service account. */
async function giveKey(database: D1Database, number: number): Promise<KeySecret> {
  const key = makeSecret(crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));
  const hash = createHash('sha256').update(key.text).digest('hex');
  await database
    .prepare(
      `UPDATE api_keys SET prefix = ?, secret_hash = ? WHERE service_account_id = ${account(String(number))}`,
    )
    .bind(key.publicPrefix, hash)
    .run();
  return key;
}

/** In one transaction. */
async function run(database: D1Database, ...statements: readonly string[]): Promise<void> {
  await database.batch(statements.map((text) => database.prepare(text)));
}

async function one<Row>(database: D1Database, text: string): Promise<Row> {
  const row = await database.prepare(text).first<Row>();
  if (row === null) throw new Error(`nothing found: ${text}`);
  return row;
}

/**
 * Takes away what slows filling tables down, indexes that hold no rule and triggers, and makes it again behind `fill` as
 * the schema has it.
 */
async function withoutIndexes(
  database: D1Database,
  tables: readonly string[],
  fill: () => Promise<void>,
): Promise<void> {
  const { results } = await database
    .prepare(
      `SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger')
        AND sql NOT LIKE 'CREATE UNIQUE%' AND tbl_name IN (SELECT value FROM json_each(?))`,
    )
    .bind(JSON.stringify(tables))
    .all<{ type: string; name: string; sql: string }>();
  await run(database, ...results.map(({ type, name }) => `DROP ${type} "${name}"`));
  await fill();
  for (const { sql } of results) await run(database, sql);
}

interface Size {
  readonly folders: number;
  readonly clouds: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** All numbers from `first` on below `end`, as the table `numbers` with the column `n`. */
const numbers = (first: number, end: number) =>
  `WITH RECURSIVE numbers (n) AS (SELECT ${first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${end})`;
/** A number below 2^32 that looks like chance, another one for each `n`. */
const mixed = (n: string) => `((${n}) * 2654435761 & 4294967295)`;
/** An id of the real shape, in no order of its own; no two `n` have the same. */
const idOf = (prefix: string, n: string) => `('${prefix}' || printf('%08x%09x', ${mixed(n)}, ${n}))`;
const folder = (n: string) => idOf('b1g', `(${n}) + 1000000`);
const cloud = (n: string) => idOf('b1g', n);
const account = (n: string) => idOf('aje', n);
const layer = (n: string) => idOf('fd8', `${n} + 100000000`);

const cloudsOf = ({ clouds, now }: Size) => `${numbers(0, clouds)}
  INSERT INTO clouds (id, organization_id, name, labels, created_at)
  SELECT ${cloud('n')}, ${idOf('bpf', 'n')}, 'cloud-' || n, '{}', ${now} FROM numbers`;
const foldersOf = ({ folders, clouds, now }: Size) => `${numbers(0, folders)}
  INSERT INTO folders (id, cloud_id, name, labels, created_at)
  SELECT ${folder('n')}, ${cloud(`n % ${clouds}`)}, 'folder-' || n, '{}', ${now} FROM numbers`;
const accountsOf = ({ folders, clouds, now }: Size) => `${numbers(0, folders * ACCOUNTS_A_FOLDER)}
  INSERT INTO service_accounts (id, folder_id, cloud_id, name, labels, created_at, last_authenticated_at)
  SELECT ${account('n')}, ${folder(`n % ${folders}`)}, ${cloud(`n % ${folders} % ${clouds}`)}, 'account-' || n, '{}',
    ${now}, ${now} FROM numbers`;
const keysOf = ({ folders, now }: Size) => `${numbers(0, folders * ACCOUNTS_A_FOLDER)}
  INSERT INTO api_keys (id, service_account_id, prefix, secret_hash, masked_secret, created_at, last_used_at)
  SELECT ${idOf('aje', 'n + 1000000')}, ${account('n')}, printf('%012x', n), printf('%064x', n), '****', ${now}, ${now}
  FROM numbers`;

/** Two accounts of a folder view it, and one the whole cloud. */
const bindingsOf = ({ folders, clouds }: Size) => `${numbers(0, folders * ACCOUNTS_A_FOLDER)}
  INSERT INTO access_bindings (resource_kind, resource_id, subject_type, subject_id, role_id)
  SELECT CASE n / ${folders} WHEN 1 THEN 'cloud' ELSE 'folder' END,
    CASE n / ${folders} WHEN 1 THEN ${cloud(`n % ${folders} % ${clouds}`)} ELSE ${folder(`n % ${folders}`)} END,
    'serviceAccount', ${account('n')}, 'viewer' FROM numbers`;

const layersOf = ({ now }: Size) => `layers
    (id, object_key, state, size_bytes, etag, digest, inspection, created_at)
  SELECT ${layer('n')}, 'layers/' || n, 'VERIFIED', ${LAYER_BYTES}, printf('%032x', ${mixed('n')}),
    'sha256:' || printf('%064x', ${mixed('n')}), '${INSPECTION}', ${now} - n * 1000 FROM numbers`;

const IS_IN_LARGEST = `n % 100 < ${LARGEST_PERCENT}`;
const FAMILY = `CASE WHEN n % 10 = 9 THEN '' WHEN ${IS_IN_LARGEST} THEN 'family-' || (n / ${2 * GENERATIONS})
  ELSE 'family-' || (n % 50) END`;
/** The higher its number, the smaller a folder: from `chance` below 1, the square of it. */
const folderNumber = (folders: number, chance: string) =>
  `CASE WHEN ${IS_IN_LARGEST} THEN 0 ELSE 1 + CAST((${folders} - 1) * ${chance} * ${chance} AS INTEGER) END`;
const imagesOf = ({ folders, clouds, now }: Size) => `images
    (id, folder_id, cloud_id, created_at, name, labels, family, status, size_bytes, storage_size, min_disk_size,
      smallest_disk_size, os_type, pooled, hardware_generation, architecture, layer_id, source, promoted_at, candidate,
      deprecate_at, passed_over, delete_protection, revision)
  SELECT ${idOf('fd8', 'n')}, ${folder('folder')}, ${cloud(`folder % ${clouds}`)}, created_at,
    CASE WHEN n % 20 = 11 THEN '' ELSE 'image-' || n END,
    json_object('env', CASE n % 3 WHEN 0 THEN 'prod' WHEN 1 THEN 'test' ELSE 'dev' END, 'team', 'team-' || (n % 40),
      'build', '' || n),
    ${FAMILY}, 'READY', ${LAYER_BYTES}, ${LAYER_BYTES}, ${2 * LAYER_BYTES}, ${2 * LAYER_BYTES}, 'LINUX', 0, 'GEN_1_1',
    'X86_64', ${layer('n')}, '{"kind":"upload"}', created_at, candidate,
    CASE WHEN deprecated THEN ${now - DAY_MS} END, deprecated OR candidate, n % 50 = 0, 1
  FROM (SELECT n, ${now} - n * 1000 AS created_at, n % 100 = 17 AS candidate, n % 50 = 23 AS deprecated,
      ${folderNumber(folders, `(${mixed('n')} / 4294967296.0)`)} AS folder FROM numbers)`;

/** What the triggers write, in the order in which it is kept. */
const LABELS = `INSERT INTO label_index (kind, folder_id, key, value, resource_id)
  SELECT 'image', folder_id, label.key, label.value, images.id FROM images JOIN json_each(images.labels) AS label
  ORDER BY 2, 3, 4, 5`;

/** Fleets boot from some images, and some are public. */
const leasesAt = ({
  now,
}: Size) => `INSERT INTO leases (id, image_id, holder, created_at, created_by, renewed_at, expires_at)
  SELECT 'fd8' || substr(layer_id, 4), id, 'fleet', ${now}, 'bench', ${now}, ${now + DAY_MS} FROM images
  WHERE delete_protection = 1 AND labels ->> 'team' = 'team-0'`;
const IMAGE_BINDINGS = `INSERT INTO access_bindings (resource_kind, resource_id, subject_type, subject_id, role_id)
  SELECT 'image', id, 'system', 'allAuthenticatedUsers', 'compute.images.user' FROM images
  WHERE delete_protection = 1 AND labels ->> 'team' = 'team-10'`;

const quotasOf = (quota: string, use: string) => `INSERT INTO quotas (cloud_id, quota_id, "limit", usage)
  SELECT cloud_id, '${quota}', ${2 ** 60}, ${use} FROM images GROUP BY cloud_id`;
const COUNT_QUOTAS = quotasOf('compute.images.count', 'count(*)');
const SIZE_QUOTAS = quotasOf('compute.images.size', 'sum(size_bytes)');
