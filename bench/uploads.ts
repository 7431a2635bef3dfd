/** What the registry adds to an upload: signing URLs, time beside PUTs alone, and bytes that pass through the Worker. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectStore, startObjectStore } from '../dev/object-store/server.ts';
import { openStore, type StoreSettings } from '../storage/store.ts';
import {
  type Begun,
  beginUpload,
  finishUpload,
  IMAGES_PATH,
  type PartUrl,
  partsOfDisk,
  putParts,
  sha256Of,
} from './disk-parts.ts';
import { minimalUrls, timeOf } from './minimal-signer.ts';
import type { Measured, Part, Promised } from './part.ts';
import { type PassThrough, startPassThrough } from './pass-through.ts';
import { presigningRatio } from './presigning.ts';
import { atLeast, atMost, exactly } from './promises.ts';
import { type BenchRegistry, type Line, withRegistry } from './registry.ts';
import { rounded } from './results.ts';

const MIB = 2 ** 20;
/** As the registry plans for all these sizes. */
const PART_BYTES = 8 * MIB;
const WHOLE: Amount = { urls: 10_000, pushedBytes: 2048 * MIB };
/** So few bytes take less than what comes before and behind them: nothing is promised of their throughput. */
const QUICK: Amount = { urls: 1_000, pushedBytes: 64 * MIB };
/** What the Worker reads is counted on a small disk. */
const COUNTED_BYTES = 24 * MIB;
/** Room for its calls, not for a piece of the disk. */
const MAX_CALL_BYTES = 8192;
const PARTS_A_TURN = 8;

interface Amount {
  readonly urls: number;
  readonly pushedBytes: number;
}

/** Where bytes of an upload went. */
interface Bytes {
  /** The disk itself, to or from the Worker's port. */
  readonly diskAtWorker: number;
  /** Bodies of all calls and answers of the Worker. */
  readonly callsAtWorker: number;
  /** What the Worker read from the store until the verdict, and behind it. */
  readonly readForVerdict: number;
  readonly readForDigest: number;
}

interface Bench {
  readonly registry: BenchRegistry;
  /** Between the Worker, and only it, and the store. */
  readonly passThrough: PassThrough;
  /** How clients reach the store. */
  readonly settings: StoreSettings;
}

async function measure(amount: Amount): Promise<Measured> {
  const presigning = await presigningRatio(amount.urls);
  return await withStore(async (bench) => {
    const bytes = {
      'nothing declared': await countBytes(bench, false),
      'SHA-256 declared': await countBytes(bench, true),
    };
    const throughput = await throughputRatio(bench, amount);
    return measuredOf(amount, { presigning, throughput, bytes });
  });
}

/** A registry on a store that is reached by the Worker in one way and by clients in another. */
async function withStore<T>(use: (bench: Bench) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'bullion-bench-store-'));
  let store: ObjectStore | undefined;
  let passThrough: PassThrough | undefined;
  try {
    const credential = { accessKeyId: 'BENCH', secretAccessKey: randomBytes(16).toString('hex') };
    const place = { region: 'auto', bucket: 'bullion' };
    store = await startObjectStore({
      dir,
      host: '127.0.0.1',
      port: 0,
      region: place.region,
      buckets: [place.bucket],
      credentials: [credential],
      corsOrigins: [],
    });
    const { url: endpoint } = store;
    passThrough = await startPassThrough(endpoint);
    const between = passThrough;
    const env = {
      S3_ENDPOINT: between.url,
      S3_PUBLIC_ENDPOINT: endpoint,
      S3_REGION: place.region,
      S3_BUCKET: place.bucket,
      S3_ACCESS_KEY_ID: credential.accessKeyId,
      S3_SECRET_ACCESS_KEY: credential.secretAccessKey,
      BULLION_TRASH_SECONDS: '0',
    };
    const settings = { endpoint, ...place, ...credential };
    return await withRegistry((registry) => use({ registry, passThrough: between, settings }), { env });
  } finally {
    await passThrough?.close();
    await store?.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Time of the PUTs alone, over that of the whole protocol until the image is READY. The parts of the two are sent in
 * turn, some at a time, so that neither has the machine, or what it has written before, to itself.
 */
async function throughputRatio(bench: Bench, { pushedBytes }: Amount): Promise<number> {
  const parts = partsOfDisk(pushedBytes, PART_BYTES);
  const spent = { protocol: 0, straight: 0 };
  const timed = async <T>(side: keyof typeof spent, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    spent[side] += performance.now() - began;
    return result;
  };
  const begun = await timed('protocol', () => beginUpload(bench.registry, parts));
  const straight = await timed('straight', () => beginStraight(bench.settings, parts.length));
  for (let first = 0; first < parts.length; first += PARTS_A_TURN) {
    const sides = [
      ['protocol', begun.urls],
      ['straight', straight.urls],
    ] as const;
    const turn = [first, first + PARTS_A_TURN] as const;
    for (const [side, urls] of (first / PARTS_A_TURN) % 2 === 0 ? sides : sides.toReversed()) {
      await timed(side, () => putParts(urls.slice(...turn), parts.slice(...turn)));
    }
  }
  await timed('protocol', () => finishUpload(bench.registry, begun));
  await straight.remove();
  await remove(bench, begun);
  return rounded(spent.straight / spent.protocol);
}

/** An upload past the registry, with URLs that are signed here. */
async function beginStraight(
  settings: StoreSettings,
  partCount: number,
): Promise<{ urls: readonly PartUrl[]; remove(): Promise<void> }> {
  const key = 'straight/parts';
  const store = openStore(settings);
  const storeUploadId = await store.openMultipart(key, 'application/octet-stream');
  const upload = { settings, key, storeUploadId, sizeBytes: PART_BYTES, ttlSeconds: 3600 };
  const urls = await minimalUrls({ ...upload, firstPart: 1, partCount, time: timeOf(new Date()) });
  return {
    urls: urls.map((url) => ({ url, headers: {} })),
    remove: () => store.abortMultipart(key, storeUploadId),
  };
}

/** Takes away the object that parts became, and the image. */
async function remove({ registry, settings }: Bench, { imageId, urls }: Begun): Promise<void> {
  const [, , ...key] = new URL(urls[0]!.url).pathname.split('/');
  await openStore(settings).delete(key.join('/'));
  await registry.call('DELETE', `${IMAGES_PATH}/${imageId}`);
}

/** Counts where the bytes of one upload go, those of its digest included, and takes the image away again. */
async function countBytes(bench: Bench, declared: boolean): Promise<Bytes> {
  const { registry } = bench;
  const { local, exchanged, logged } = registry;
  const { requests } = bench.passThrough;
  const parts = partsOfDisk(COUNTED_BYTES, PART_BYTES);
  const called = () => exchanged.sentBytes + exchanged.receivedBytes;
  const before = called();
  let counted = requests.length;
  registry.lines.length = 0;
  const begun = await beginUpload(registry, parts, declared ? sha256Of(parts) : undefined);
  await putParts(begun.urls, parts);
  await finishUpload(registry, begun);
  const callsAtWorker = called() - before;
  // The Worker does one of these after the other, so each has the requests behind those of the one before.
  const readBy = async (what: string, fits: (line: Line) => boolean) => {
    const { s3Calls } = await logged(what, fits);
    const own = requests.slice(counted, counted + s3Calls);
    counted += s3Calls;
    return own.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  };
  await readBy('the signing of parts', ({ route = '' }) => route.endsWith(':signParts'));
  await readBy('the completion', ({ route = '' }) => route.endsWith(':completeUpload'));
  const readForVerdict = await readBy('the verdict', ({ kind }) => kind === 'judge-upload');
  const readForDigest = declared ? 0 : await readBy('the digest', ({ kind }) => kind === 'digest-layer');
  if (requests.length !== counted) {
    throw new Error(`the Worker sent ${requests.length} requests to the store and tells of ${counted}`);
  }
  const worker = new URL(local.url).origin;
  const diskAtWorker = begun.urls
    .map(({ url }, index) => (new URL(url).origin === worker ? parts[index]!.length : 0))
    .reduce((sum, length) => sum + length, 0);
  await remove(bench, begun);
  return { diskAtWorker, callsAtWorker, readForVerdict, readForDigest };
}

interface Figures {
  readonly presigning: number;
  readonly throughput: number;
  readonly bytes: Readonly<Record<string, Bytes>>;
}

function measuredOf({ urls, pushedBytes }: Amount, figures: Figures): Measured {
  const { presigning, throughput, bytes } = figures;
  const disk = `${pushedBytes / MIB} MiB`;
  const promises: Promised[] = [
    atMost('uploads: presigning a URL, as the ratio to a minimal signer', presigning, 20),
    ...Object.entries(bytes).flatMap(([upload, { diskAtWorker, callsAtWorker }]) => [
      exactly(`uploads: bytes of the disk at the Worker's port, ${upload}`, diskAtWorker, 0),
      atMost(`uploads: bytes of calls and answers there, ${upload}`, callsAtWorker, MAX_CALL_BYTES),
    ]),
  ];
  if (pushedBytes >= WHOLE.pushedBytes) {
    promises.push(atLeast(`uploads: throughput of ${disk}, as the ratio to its PUTs alone`, throughput, 0.9));
  }
  return {
    tables: [
      {
        title: 'Uploads',
        columns: ['what', 'as the ratio to', 'ratio'],
        rows: [
          [`presigning ${urls} URLs, time`, 'a minimal signer', presigning],
          [`throughput of ${disk} until READY`, 'PUTs of the same parts alone', throughput],
        ],
      },
      {
        title: `Bytes of an upload of ${COUNTED_BYTES / MIB} MiB`,
        columns: [
          'upload',
          "of the disk at the Worker's port",
          'of calls and answers there',
          'read by the Worker for the verdict',
          'read for the digest behind it',
        ],
        rows: Object.entries(bytes).map(([upload, counted]) => [
          upload,
          counted.diskAtWorker,
          counted.callsAtWorker,
          counted.readForVerdict,
          counted.readForDigest,
        ]),
      },
    ],
    promises,
    figures,
  };
}

export const uploads: Part = {
  name: 'uploads',
  about:
    'what the registry adds to PUTs of parts: URLs, time and bytes; on a registry and a store of its own',
  run: ({ quick }) => measure(quick ? QUICK : WHOLE),
};
