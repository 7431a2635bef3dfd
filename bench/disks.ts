/** What disks cost that are made from an ordinary image, and from an optimized one. */
import type { Local } from '../dev/local.ts';
import { IMAGES_PATH, partsOfDisk, uploadDisk } from './disk-parts.ts';
import { median } from './in-turn.ts';
import type { Measured, Part } from './part.ts';
import { exactly } from './promises.ts';
import { type BenchRegistry, type Line, withRegistry } from './registry.ts';
import { rounded } from './results.ts';

const MIB = 2 ** 20;
const IMAGE_BYTES = 32 * MIB;
const PART_BYTES = 8 * MIB;
const DISK_BYTES = 4096 * MIB;
const WHOLE: Amount = { disks: 100, batches: 10 };
const QUICK: Amount = { disks: 10, batches: 2 };

/** Disks of each kind; a batch of one kind and a batch of the other are made in turn. */
interface Amount {
  readonly disks: number;
  readonly batches: number;
}

/** More than all disks take. */
const LIMITS = {
  'compute.diskPools.count': 1,
  'compute.disks.count': 2 ** 10,
  'compute.disks.size': 2 ** 50,
  'compute.hddDisks.size': 2 ** 50,
};

const KINDS = ['ordinary', 'optimized'] as const;
type Kind = (typeof KINDS)[number];

/** What all disks of a kind came to. */
interface Figures {
  readonly disks: number;
  readonly bytesCopied: number;
  readonly s3Calls: number;
  readonly jobRuns: number;
  readonly messages: number;
  /** The least and the most that one disk took, with its jobs. */
  readonly roundTrips: { readonly least: number; readonly most: number };
}

async function measure({ disks, batches }: Amount): Promise<Measured> {
  return await withRegistry(async (registry) => {
    const { local, lines } = registry;
    const images = await makeImages(registry);
    const made: Record<Kind, Made> = { ordinary: nothing(), optimized: nothing() };
    lines.length = 0;
    for (let batch = 0; batch < batches; batch += 1) {
      for (const kind of KINDS) {
        const before = await bytesOfObjects(local);
        const began = performance.now();
        made[kind].operations.push(...(await makeDisks(registry, images[kind], disks / batches)));
        made[kind].times.push(performance.now() - began);
        made[kind].bytes += (await bytesOfObjects(local)) - before;
      }
    }
    const figures = {
      ordinary: figuresOf(made.ordinary, lines),
      optimized: figuresOf(made.optimized, lines),
      timeOrdinaryToOptimized: rounded(median(made.ordinary.times) / median(made.optimized.times)),
    };
    return measuredOf(figures);
  });
}

/** What was made so far of a kind. */
interface Made {
  readonly operations: string[];
  /** Of each batch, until all of it was READY. */
  readonly times: number[];
  /** Of the objects that the store has more. */
  bytes: number;
}

const nothing = (): Made => ({ operations: [], times: [], bytes: 0 });

/** The same bytes as an ordinary image and as an optimized one. */
async function makeImages(registry: BenchRegistry): Promise<Record<Kind, string>> {
  const { call, ended } = registry;
  const resource = { id: 'local', type: 'resource-manager.cloud' };
  for (const [quotaId, limit] of Object.entries(LIMITS)) {
    await call('PATCH', `/quota-manager/v1/quotaLimits/${quotaId}`, { resource, limit });
  }
  const imageId = await uploadDisk(registry, partsOfDisk(IMAGE_BYTES, PART_BYTES));
  const optimized = await call('POST', IMAGES_PATH, { folderId: 'default', imageId, pooled: true });
  await ended(optimized.id);
  return { ordinary: imageId, optimized: optimized.metadata.imageId };
}

/** Makes disks one after the other and waits until all are READY. out: ids of their operations. */
async function makeDisks(
  { call, ended }: BenchRegistry,
  imageId: string,
  count: number,
): Promise<readonly string[]> {
  const disk = { folderId: 'default', zoneId: 'ru-central1-a', size: String(DISK_BYTES), imageId };
  const begun: { id: string; done: boolean }[] = [];
  for (let index = 0; index < count; index += 1) begun.push(await call('POST', '/compute/v1/disks', disk));
  for (const { id, done } of begun) if (!done) await ended(id);
  return begun.map(({ id }) => id);
}

function figuresOf({ operations, bytes }: Made, lines: readonly Line[]): Figures {
  const own = operations.map((id) =>
    lines.filter(({ event, operationId, route }) => {
      // Asking whether it is done is no part of making it.
      const makes = event === 'job' || route === '/compute/v1/disks';
      return operationId === id && makes;
    }),
  );
  const sum = (of: readonly Line[], figure: 's3Calls' | 'messages' | 'd1RoundTrips') =>
    of.reduce((total, line) => total + line[figure], 0);
  const roundTrips = own.map((of) => sum(of, 'd1RoundTrips'));
  return {
    disks: operations.length,
    bytesCopied: bytes,
    s3Calls: sum(own.flat(), 's3Calls'),
    jobRuns: own.flat().filter(({ event }) => event === 'job').length,
    messages: sum(own.flat(), 'messages'),
    roundTrips: { least: Math.min(...roundTrips), most: Math.max(...roundTrips) },
  };
}

/** Each layer with bytes is an object of the store. */
async function bytesOfObjects(local: Local): Promise<number> {
  const database = await local.database();
  const row = await database
    .prepare('SELECT sum(size_bytes) AS bytes FROM layers')
    .first<{ bytes: number }>();
  return row?.bytes ?? 0;
}

function measuredOf(
  figures: Readonly<Record<Kind, Figures>> & { readonly timeOrdinaryToOptimized: number },
): Measured {
  const { optimized, timeOrdinaryToOptimized } = figures;
  const { least, most } = optimized.roundTrips;
  return {
    tables: [
      {
        title: `Disks of an image of ${IMAGE_BYTES / MIB} MiB`,
        columns: [
          'image',
          'disks',
          'bytes copied',
          'S3 calls',
          'job runs',
          'messages',
          'D1 round trips of a disk, least',
          'most',
          'time as the ratio to optimized',
        ],
        rows: KINDS.map((kind) => {
          const { disks, bytesCopied, s3Calls, jobRuns, messages, roundTrips } = figures[kind];
          const ratio = kind === 'optimized' ? 1 : timeOrdinaryToOptimized;
          const trips = [roundTrips.least, roundTrips.most];
          return [kind, disks, bytesCopied, s3Calls, jobRuns, messages, ...trips, ratio];
        }),
      },
    ],
    promises: [
      exactly('disks: bytes copied for those of an optimized image', optimized.bytesCopied, 0),
      exactly('disks: S3 calls for those of an optimized image', optimized.s3Calls, 0),
      exactly('disks: D1 round trips of the dearest optimized one, as of the cheapest', most, least),
    ],
    figures,
  };
}

export const disks: Part = {
  name: 'disks',
  about: 'disks of an ordinary image and of an optimized one, in turn, on a registry of its own',
  run: ({ quick }) => measure(quick ? QUICK : WHOLE),
};
