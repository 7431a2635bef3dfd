import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Api, connect, request } from './demo-api.ts';
import { demoDisk } from './demo-disk/disk.ts';
import { reachableUrl } from './ports.ts';
import { Refusal } from './refusal.ts';
import { readClientSettings, readStartSettings } from './settings.ts';
import { readText } from './state-folder.ts';

const OPERATION_TIMEOUT_MS = 120_000;
const POLL_MS = 250;

interface Operation {
  readonly id: string;
  readonly done: boolean;
  readonly metadata: {
    readonly imageId: string;
    readonly upload?: { readonly partSize: string; readonly partCount: number };
  };
  readonly error?: { readonly code: number; readonly message: string };
}

interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly storageSize: string;
}

/** `npm run demo`: makes a disk, pushes it in parts, finds it by its family and downloads it again. */
export async function main(): Promise<void> {
  const api = connect(...whereAndWho());
  const folder = mkdtempSync(join(tmpdir(), 'bullion-demo-'));
  try {
    const version = new Date().toISOString().replace(/\D/g, '');
    const disk = demoDisk(version);
    const path = join(folder, 'demo.img');
    writeFileSync(path, disk);
    const digest = sha256(disk);
    console.log(`Made ${path}: ${disk.length} bytes, sha256 ${digest}`);

    const operation = await create(api, version, disk.length, digest);
    const { imageId } = operation.metadata;
    const file = await open(path);
    try {
      await putParts(api, operation, file);
    } finally {
      await file.close();
    }
    await complete(api, imageId, operation.id);
    await findLatest(api, imageId);
    await downloadAgain(api, imageId, disk, digest);
    console.log(`Done: image ${imageId} stays in the family demo of the folder default.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The settings, or what `npm start` with the same environment would use. */
function whereAndWho(): [url: string, key: string] {
  const client = readClientSettings(process.env);
  const start = readStartSettings(process.env);
  const keyFile = join(start.BULLION_STATE, 'local-admin.key');
  const key = client.BULLION_KEY ?? readText(keyFile)?.trim();
  if (!key) throw new Refusal(`there is no key in ${keyFile}; run npm start once, or set BULLION_KEY`);
  return [client.BULLION_URL ?? reachableUrl(start.HOST, start.PORT), key];
}

async function create(api: Api, version: string, size: number, digest: string): Promise<Operation> {
  console.log('\n1. Create the image; it waits for its bytes');
  const operation = await api.call<Operation>('POST', '/compute/v1/images', {
    folderId: 'default',
    name: `demo-${version}`,
    family: 'demo',
    upload: { size: String(size), sha256: digest, format: 'RAW', fileName: 'demo.img' },
  });
  const { imageId, upload } = operation.metadata;
  console.log(
    `  image ${imageId}, operation ${operation.id}, ${upload?.partCount} parts of ${upload?.partSize} bytes`,
  );
  return operation;
}

async function putParts(api: Api, { metadata }: Operation, file: FileHandle): Promise<void> {
  console.log('\n2. Get a URL for each part and PUT the parts straight to the object store');
  const partNumbers = Array.from({ length: metadata.upload?.partCount ?? 0 }, (_, index) => index + 1);
  const { parts } = await api.call<{
    parts: {
      partNumber: number;
      offset: string;
      size: string;
      url: string;
      headers: Record<string, string>;
    }[];
  }>('POST', `/compute/v1/images/${metadata.imageId}:signParts`, { partNumbers });
  await Promise.all(
    parts.map(async ({ partNumber, offset, size, url, headers }) => {
      const body = Buffer.alloc(Number(size));
      await file.read(body, 0, body.length, Number(offset));
      const what = `PUT part ${partNumber} of ${parts.length}, ${size} bytes`;
      const response = await request(what, url, { method: 'PUT', headers, body });
      if (!response.ok) throw new Refusal(`${what}: ${response.status} ${await response.text()}`);
    }),
  );
}

async function complete(api: Api, imageId: string, operationId: string): Promise<void> {
  console.log('\n3. Complete the upload and wait until the disk is inspected');
  await api.call<Operation>('POST', `/compute/v1/images/${imageId}:completeUpload`, {});
  const end = Date.now() + OPERATION_TIMEOUT_MS;
  for (;;) {
    const operation = await api.call<Operation>('GET', `/operations/${operationId}?wait=10s`);
    if (operation.error !== undefined) {
      throw new Refusal(`the image was refused: ${operation.error.message} (code ${operation.error.code})`);
    }
    if (operation.done) return;
    if (Date.now() > end) {
      throw new Refusal(`operation ${operationId} is not done after ${OPERATION_TIMEOUT_MS / 1000} s`);
    }
    await delay(POLL_MS);
  }
}

async function findLatest(api: Api, imageId: string): Promise<void> {
  console.log('\n4. Ask for the newest image of the family');
  const latest = await api.call<Image>(
    'GET',
    '/compute/v1/images:latestByFamily?folderId=default&family=demo',
  );
  console.log(`  ${latest.name}: ${latest.status}, ${latest.storageSize} bytes stored`);
  if (latest.id !== imageId) throw new Refusal(`the newest of the family is ${latest.id}, not ${imageId}`);
}

async function downloadAgain(api: Api, imageId: string, disk: Buffer, digest: string): Promise<void> {
  console.log('\n5. Download it: the first sectors, then all of it');
  const download = await api.call<{ url: string }>('GET', `/compute/v1/images/${imageId}:download`);
  const fetched = async (what: string, headers: Record<string, string>, status: number): Promise<Buffer> => {
    const response = await request(what, download.url, { headers });
    if (response.status !== status) {
      throw new Refusal(`${what}: ${response.status} in place of ${status}\n${await response.text()}`);
    }
    return Buffer.from(await response.arrayBuffer());
  };
  const sectors = await fetched('GET bytes 0-17407', { Range: 'bytes=0-17407' }, 206);
  if (!sectors.equals(disk.subarray(0, 17_408))) throw new Refusal('the range has other bytes than the disk');
  const whole = await fetched('GET all bytes', {}, 200);
  if (sha256(whole) !== digest) throw new Refusal('the download has other bytes than the disk');
  console.log('  the same bytes as those that were made');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
