/** What `npm run doctor` says of a registry that is well, and of each fault. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { readDeployment } from '../../dev/deployment.ts';
import type { Check } from '../../dev/doctor/check.ts';
import { databaseChecks, type Query } from '../../dev/doctor/database.ts';
import { bindingChecks } from '../../dev/doctor/project.ts';
import { examine } from '../../dev/doctor.ts';
import { s3Client } from '../../storage/connection.ts';
import { objectKeys } from '../faults/invariants.ts';
import { startBreakableStore } from '../faults/setup/behind-proxy.ts';
import type { S3Operation } from '../faults/setup/fault-proxy.ts';
import { Client } from './client.ts';
import { emptyDisk } from './disks.ts';
import { startOwn } from './setup/registry.ts';

const ORIGIN = 'https://console.example';
const own = await startOwn({ env: { BULLION_CORS_ORIGINS: ORIGIN }, sweepSeconds: 3600 });
const credential = JSON.parse(readFileSync(join(own.local.state.path, 'object-store.json'), 'utf8'));
const { s3Url } = own.local;
const objects = s3Client({ endpoint: s3Url, region: 'auto', bucket: 'bullion', ...credential });

type Environment = Readonly<Record<string, string>>;

/** The environment in which the running registry is looked at. */
const running: Environment = {
  BULLION_URL: own.local.url,
  BULLION_KEY: own.key,
  BULLION_CORS_ORIGINS: ORIGIN,
  S3_ENDPOINT: s3Url,
  S3_ACCESS_KEY_ID: credential.accessKeyId,
  S3_SECRET_ACCESS_KEY: credential.secretAccessKey,
};

/** Everything the doctor says; none of it may hold a secret. */
async function examined(env: Environment): Promise<Check[]> {
  const checks: Check[] = [];
  for await (const check of examine(env, false)) checks.push(check);
  const said = JSON.stringify(checks);
  for (const secret of [own.key, credential.secretAccessKey]) expect(said).not.toContain(secret);
  for (const { outcome, mend } of checks) expect(outcome === 'ok').toBe(mend === undefined);
  return checks;
}

const notOk = (checks: readonly Check[]) =>
  checks.filter(({ outcome }) => outcome !== 'ok').map(({ about, outcome }) => `${outcome} ${about}`);

/** The one thing that the doctor finds. */
async function onlyFault(env: Environment): Promise<Check> {
  const checks = await examined(env);
  const found = checks.filter(({ outcome }) => outcome !== 'ok');
  expect(found, JSON.stringify(found)).toHaveLength(1);
  return found[0]!;
}

const sql = async (statement: string) => (await own.local.database()).prepare(statement).run();

/** Makes the records of a stopped object store older. */
function age(folder: string, milliseconds: number): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const older = readFileSync(path, 'utf8').replace(
      /"modifiedMs":(\d+)/g,
      (_, time) => `"modifiedMs":${Number(time) - milliseconds}`,
    );
    writeFileSync(path, older);
  }
}

test('a registry that is well is well in everything, and nothing of the look stays', async () => {
  const checks = await examined(running);
  expect(notOk(checks)).toEqual([]);
  const abouts = new Set(checks.map(({ about }) => about));
  for (const about of [
    ...[
      'bindings',
      'registry',
      'database',
      'bucket',
      'queue',
      'inspection',
      'administrator',
      'clock of duties',
    ],
    ...['reconciliation', 'settings', 'presigned PUT', 'presigned GET', 'clock', 'CORS', 'rights'],
  ]) {
    expect(abouts).toContain(about);
  }
  expect(await objectKeys(objects, 'bullion')).toEqual([]);
});

test.each([
  {
    fault: 'a wrong secret',
    env: { S3_SECRET_ACCESS_KEY: 'another-secret' },
    about: 'bucket',
    mend: 'set S3_SECRET_ACCESS_KEY',
  },
  {
    fault: 'an unknown credential',
    env: { S3_ACCESS_KEY_ID: 'UNKNOWN' },
    about: 'bucket',
    mend: 'set S3_ACCESS_KEY_ID',
  },
  { fault: 'a missing bucket', env: { S3_BUCKET: 'elsewhere' }, about: 'bucket', mend: 'make the bucket' },
  {
    fault: 'a store that does not answer',
    env: { S3_ENDPOINT: 'http://127.0.0.1:9' },
    about: 'bucket',
    mend: 'S3_ENDPOINT must be',
  },
  {
    fault: 'an origin that the bucket does not know',
    env: { BULLION_CORS_ORIGINS: `${ORIGIN},https://new.example` },
    about: 'CORS',
    mend: 'deploy/cors.json',
  },
  {
    fault: 'a key that is none',
    env: { BULLION_KEY: 'bln_none' },
    about: 'administrator',
    mend: 'set BULLION_KEY',
  },
  {
    fault: 'a registry that does not answer',
    env: { BULLION_URL: 'http://127.0.0.1:9' },
    about: 'registry',
    mend: 'set BULLION_URL',
  },
  {
    fault: 'a malformed setting',
    env: { BULLION_JOB_ATTEMPTS: 'many' },
    about: 'settings',
    mend: 'the README lists',
  },
])('$fault is found, and how to mend it', async ({ env, about, mend }) => {
  const found = await onlyFault({ ...running, ...env });
  expect(found).toMatchObject({ about, outcome: 'FAIL', mend: expect.stringContaining(mend) });
});

describe('a credential without a right', async () => {
  const store = await startBreakableStore();
  test.each<{ operation: S3Operation; permission: string }>([
    { operation: 'CreateMultipartUpload', permission: 's3:PutObject' },
    { operation: 'ListParts', permission: 's3:ListMultipartUploadParts' },
    { operation: 'CompleteMultipartUpload', permission: 's3:PutObject' },
    { operation: 'HeadObject', permission: 's3:GetObject' },
    { operation: 'CopyObject', permission: 's3:PutObject' },
    { operation: 'AbortMultipartUpload', permission: 's3:AbortMultipartUpload' },
    { operation: 'ListMultipartUploads', permission: 's3:ListBucketMultipartUploads' },
    { operation: 'DeleteObject', permission: 's3:DeleteObject' },
  ])('$operation is told which', async ({ operation, permission }) => {
    const fault = store.proxy.inject('deny', { operations: [operation] });
    const { BULLION_CORS_ORIGINS: _, ...rest } = running;
    const checks = await examined({ ...rest, ...store.env });
    fault.lift();
    const failed = checks.filter(({ outcome }) => outcome === 'FAIL');
    expect(failed.map(({ about, mend }) => [about, mend])).toContainEqual([
      'rights',
      `give the credential ${permission}`,
    ]);
  });
});

describe('what does not fit together', () => {
  test('is told thing by thing: a wrong figure, a job that was given up, an object that is gone', async () => {
    const image = await new Client(own.local.url, own.key).ready(await emptyDisk(), { folderId: 'default' });
    await sql("UPDATE quotas SET usage = usage + 7 WHERE quota_id = 'compute.images.size'");
    await sql(`INSERT INTO jobs (id, kind, subject_id, state, run_after, attempts, request_id, created_at, last_error)
      VALUES ('dead', 'discard-upload', 'nothing', 'DEAD', 0, 8, 'none', 0, 'it was in vain')`);
    const [key] = await objectKeys(objects, 'bullion');
    await objects.send(new DeleteObjectCommand({ Bucket: 'bullion', Key: key! }));
    const found = (await examined(running)).filter(({ outcome }) => outcome !== 'ok');
    expect(found.map(({ outcome, what }) => `${outcome} ${what.split(' ', 1)}`).sort()).toEqual([
      'FAIL LOST_OBJECT',
      'FAIL WRONG_QUOTA',
      'warn DEAD_JOB',
    ]);
    const said = JSON.stringify(found);
    for (const word of [key!, 'compute.images.size', 'it was in vain']) expect(said).toContain(word);
    await sql("DELETE FROM jobs WHERE id = 'dead'");
    await sql("UPDATE quotas SET usage = usage - 7 WHERE quota_id = 'compute.images.size'");
    await sql(`UPDATE layers SET object_key = '' WHERE id = '${image.layerId}'`);
    expect(notOk(await examined(running))).toEqual([]);
  });
});

test('jobs that nobody works on are found where the registry should', async () => {
  await sql(`INSERT INTO jobs (id, kind, subject_id, state, run_after, attempts, request_id, created_at)
    VALUES ('left', 'discard-upload', 'nothing', 'READY', 1000, 0, 'none', 1000)`);
  const database = await own.local.database();
  const query: Query = async (statement) =>
    (await database.prepare(statement).all<Record<string, unknown>>()).results;
  const look = async (isRunning: boolean) => {
    const checks: Check[] = [];
    for await (const check of databaseChecks(query, 'db/migrations', 'migrate', isRunning))
      checks.push(check);
    return notOk(checks);
  };
  expect(await look(true)).toEqual(['FAIL jobs']);
  expect(await look(false)).toEqual([]);
  await sql("DELETE FROM jobs WHERE id = 'left'");
  expect(await look(true)).toEqual([]);
});

describe('a registry that does not run', () => {
  const stopped = { BULLION_STATE: own.local.state.path, BULLION_CORS_ORIGINS: ORIGIN };

  test('is looked at as it is: an object of which no row knows', async () => {
    const key = 'layers/nobody-knows-it';
    await objects.send(new PutObjectCommand({ Bucket: 'bullion', Key: key, Body: 'bytes' }));
    await own.stop();
    // What is younger than an hour may still get its row.
    age(join(own.local.state.objects, 'buckets'), 2 * 3_600_000);
    const found = await onlyFault(stopped);
    expect(found).toMatchObject({
      about: 'reconciliation',
      outcome: 'FAIL',
      what: expect.stringContaining(key),
    });
  });

  test('and a migration that its database lacks', async () => {
    await own.restart();
    await sql("DELETE FROM d1_migrations WHERE name LIKE '0003%'");
    await own.stop();
    const missing = (await examined(stopped)).filter(({ about }) => about === 'migrations');
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatchObject({
      outcome: 'FAIL',
      what: expect.stringMatching(/^0003.* is not applied$/),
      mend: 'npm start applies it',
    });
  });

  test('and a folder that holds none is said to be so', async () => {
    expect(await onlyFault({ BULLION_STATE: '/nonexistent' })).toMatchObject({
      about: 'state',
      outcome: 'warn',
    });
  });
});

test('what wrangler.toml does not bind is named', async () => {
  const deployment = await readDeployment();
  expect(notOk(bindingChecks(deployment))).toEqual([]);
  const bare = { ...deployment, databases: [], producers: [], consumers: [], crons: [], services: [] };
  const said = bindingChecks(bare).map(({ what }) => what);
  expect(said).toHaveLength(5);
  for (const word of ['d1_databases', 'queues.producers', 'queues.consumers', 'crons', 'services']) {
    expect(said.some((what) => what.includes(word))).toBe(true);
  }
});
