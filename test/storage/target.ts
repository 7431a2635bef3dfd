import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type ObjectStore, startObjectStore } from '../../dev/object-store/server.ts';
import { s3Client } from '../../storage/connection.ts';
import { openStore, type Store, type StoreSettings } from '../../storage/store.ts';
import { CAPABILITIES, type Capabilities } from './capabilities.ts';

/** The store that the contract is held against, and a corner of its bucket for one test file. */
export interface Target {
  readonly settings: StoreSettings;
  readonly capabilities: Capabilities;
  /** The origin that the store's CORS rule allows. */
  readonly origin: string;
  readonly client: S3Client;
  readonly store: Store;
  /** A key that nothing else uses. */
  newKey(): string;
  /** Deletes what was made under the keys of this target. */
  close(): Promise<void>;
}

export const LOCAL_ORIGIN = 'http://console.example:8787';

/**
 * The local store in a folder of its own, or the one that the environment names: BULLION_TEST_S3_ENDPOINT, _REGION,
 * _BUCKET, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY, _ORIGIN (allowed by its CORS rule) and _STORE (a row of CAPABILITIES).
 */
export async function openTarget(): Promise<Target> {
  const endpoint = process.env.BULLION_TEST_S3_ENDPOINT;
  if (endpoint === undefined) {
    const local = await startLocal();
    const close = async () => {
      await local.server.close();
      await rm(local.dir, { recursive: true });
    };
    return target(local.settings, 'local', LOCAL_ORIGIN, close);
  }
  const settings: StoreSettings = {
    endpoint,
    region: environment('REGION'),
    bucket: environment('BUCKET'),
    accessKeyId: environment('ACCESS_KEY_ID'),
    secretAccessKey: environment('SECRET_ACCESS_KEY'),
  };
  return target(settings, environment('STORE'), environment('ORIGIN'), async () => {});
}

function environment(name: string): string {
  const value = process.env[`BULLION_TEST_S3_${name}`];
  if (!value)
    throw new Error(`BULLION_TEST_S3_ENDPOINT is set, so BULLION_TEST_S3_${name} has to be set too`);
  return value;
}

export interface LocalStore {
  readonly server: ObjectStore;
  readonly dir: string;
  readonly settings: StoreSettings;
}

/** A local store; `dir` goes on with the state of an earlier one. */
export async function startLocal(dir?: string): Promise<LocalStore> {
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'bullion-store-')));
  const credential = { accessKeyId: 'local-test', secretAccessKey: 'local-test-secret' };
  const server = await startObjectStore({
    dir: folder,
    host: '127.0.0.1',
    port: 0,
    region: 'auto',
    buckets: ['bullion', 'second'],
    credentials: [credential],
    corsOrigins: [LOCAL_ORIGIN],
  });
  return {
    server,
    dir: folder,
    settings: { endpoint: server.url, region: 'auto', bucket: 'bullion', ...credential },
  };
}

function target(settings: StoreSettings, name: string, origin: string, stop: () => Promise<void>): Target {
  const capabilities = CAPABILITIES[name];
  if (capabilities === undefined) {
    throw new Error(`BULLION_TEST_S3_STORE is "${name}"; it has to be one of ${Object.keys(CAPABILITIES)}`);
  }
  const client = s3Client(settings);
  const prefix = `layers/contract-${randomBytes(6).toString('hex')}`;
  let keys = 0;
  return {
    settings,
    capabilities,
    origin,
    client,
    store: openStore(settings),
    newKey() {
      keys += 1;
      return `${prefix}-${keys}`;
    },
    async close() {
      await removeAll(client, settings.bucket, prefix);
      await stop();
    },
  };
}

async function removeAll(client: S3Client, bucket: string, prefix: string): Promise<void> {
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }));
  for (const { Key, UploadId } of uploads.Uploads ?? []) {
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
  }
  const objects = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  for (const { Key } of objects.Contents ?? []) {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
}
