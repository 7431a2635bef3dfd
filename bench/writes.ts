/** What it costs to write an image and to take it away again: round trips, rows, requests to the store, messages. */
import { setTimeout } from 'node:timers/promises';
import { IMAGES_PATH, partsOfDisk, sha256Of, uploadDisk } from './disk-parts.ts';
import type { Measured, Part, Promised, Table } from './part.ts';
import { atMost, exactly } from './promises.ts';
import { type BenchRegistry, type Line, withRegistry } from './registry.ts';

const PART_BYTES = 8 * 2 ** 20;
const DISK_BYTES = 2 * PART_BYTES;
/** How often each journey is made; each time has to cost the same. */
const ROUNDS = { quick: 2, whole: 3 };
const TICK_PAUSE_MS = 100;
const TIMEOUT_MS = 60_000;

/** Which line of the log tells of which step. */
const STEPS = {
  create: ({ method, route }: Line) => method === 'POST' && route === IMAGES_PATH,
  'sign parts': ({ route = '' }: Line) => route.endsWith(':signParts'),
  complete: ({ route = '' }: Line) => route.endsWith(':completeUpload'),
  fetch: ({ kind }: Line) => kind === 'import-image',
  verdict: ({ kind }: Line) => kind === 'judge-upload',
  digest: ({ kind }: Line) => kind === 'digest-layer',
  delete: ({ method }: Line) => method === 'DELETE',
  purge: ({ duty }: Line) => duty === 'purge-trash',
  'give up the layer': ({ duty }: Line) => duty === 'delete-unnamed-layers',
  'delete the object': ({ kind }: Line) => kind === 'delete-layer',
};

type Step = keyof typeof STEPS;

const FIGURES = {
  d1RoundTrips: 'D1 round trips',
  d1Statements: 'D1 statements',
  rowsWritten: 'rows written',
  s3Calls: 'S3 calls',
  messages: 'messages',
} as const;
const FIGURE_NAMES = Object.keys(FIGURES) as (keyof typeof FIGURES)[];
type Cost = Readonly<Record<keyof typeof FIGURES, number>>;
type Costs = Readonly<Partial<Record<Step, Cost>>>;
type Bounds = Omit<Cost, 'd1Statements'>;

interface Journey {
  readonly name: string;
  /** All that is done, each once. */
  readonly steps: readonly Step[];
  /** The most that all steps together may take. */
  readonly bounds: Bounds;
  go(registry: BenchRegistry, round: Round): Promise<void>;
}

/** What the journeys of a round leave to those behind them. */
interface Round {
  readonly number: number;
  /** An image with a digest. */
  verified?: { readonly imageId: string; readonly sha256: string };
}

const JOURNEYS: readonly Journey[] = [
  {
    name: 'uploaded and deleted',
    steps: [
      'create',
      'sign parts',
      'complete',
      'verdict',
      'digest',
      'delete',
      'purge',
      'give up the layer',
      'delete the object',
    ],
    bounds: { d1RoundTrips: 24, rowsWritten: 141, s3Calls: 14, messages: 3 },
    async go(registry, { number }) {
      const { imageId } = await upload(registry, number);
      await registry.logged('the digest', STEPS.digest);
      await registry.call('DELETE', `${IMAGES_PATH}/${imageId}`);
      // The trash keeps it for a second.
      const end = performance.now() + TIMEOUT_MS;
      while (!registry.lines.some(STEPS['delete the object'])) {
        if (performance.now() > end) throw new Error(`${imageId} is not gone after ${TIMEOUT_MS} ms`);
        await registry.local.runScheduled();
        await setTimeout(TICK_PAUSE_MS);
      }
    },
  },
  {
    name: 'uploaded with its SHA-256',
    steps: ['create', 'sign parts', 'complete', 'verdict'],
    bounds: { d1RoundTrips: 12, rowsWritten: 78, s3Calls: 13, messages: 1 },
    async go(registry, round) {
      round.verified = await upload(registry, -round.number, true);
    },
  },
  {
    name: 'uploaded with a SHA-256 that is there',
    steps: ['create'],
    bounds: { d1RoundTrips: 3, rowsWritten: 29, s3Calls: 0, messages: 0 },
    async go({ call }, { verified }) {
      const { done } = await create(call, { upload: { size: String(DISK_BYTES), sha256: verified?.sha256 } });
      if (!done) throw new Error('the bytes that are there were not found');
    },
  },
  {
    name: 'made from an image',
    steps: ['create'],
    bounds: { d1RoundTrips: 2, rowsWritten: 27, s3Calls: 0, messages: 0 },
    async go({ call }, { verified }) {
      await create(call, { imageId: verified?.imageId });
    },
  },
  {
    name: 'fetched from a link',
    steps: ['create', 'fetch', 'verdict', 'digest'],
    bounds: { d1RoundTrips: 16, rowsWritten: 91, s3Calls: 16, messages: 3 },
    async go({ call, ended }, { verified }) {
      const path = `${IMAGES_PATH}/${verified?.imageId}:download`;
      const { url } = await call<{ url: string }>('GET', path);
      const { id } = await create(call, { uri: url });
      await ended(id);
    },
  },
];

/** Uploads a disk that differs from those with another stamp, until the image is READY. */
async function upload(
  registry: BenchRegistry,
  stamp: number,
  declared = false,
): Promise<{ imageId: string; sha256: string }> {
  const parts = partsOfDisk(DISK_BYTES, PART_BYTES, stamp);
  const sha256 = sha256Of(parts);
  return { imageId: await uploadDisk(registry, parts, declared ? sha256 : undefined), sha256 };
}

/** The first use of a key, and the first claims on the quotas of a cloud, write rows that no later one writes. */
async function beginUse({ call, logged }: BenchRegistry): Promise<void> {
  const { metadata } = await create(call, { upload: { size: String(DISK_BYTES) } });
  await call('POST', `${IMAGES_PATH}/${metadata.imageId}:abortUpload`, {});
  await logged('the end of the first upload', ({ kind }) => kind === 'discard-upload');
}

function create(call: BenchRegistry['call'], source: Record<string, unknown>) {
  return call('POST', IMAGES_PATH, { folderId: 'default', ...source });
}

/** Makes a journey and demands that its steps, each once, are all that the registry did. out: what each cost. */
async function costsOf(registry: BenchRegistry, journey: Journey, round: Round): Promise<Costs> {
  registry.lines.length = 0;
  await journey.go(registry, round);
  const told: [Step, Line][] = [];
  for (const step of journey.steps) {
    told.push([step, await registry.logged(`${journey.name}: ${step}`, STEPS[step])]);
  }
  const lines = new Set(told.map(([, line]) => line));
  const more = registry.lines.find((line) => line.method !== 'GET' && isWork(line) && !lines.has(line));
  if (more !== undefined) throw new Error(`${journey.name}: this was done besides: ${JSON.stringify(more)}`);
  return Object.fromEntries(
    told.map(([step, line]) => [step, Object.fromEntries(FIGURE_NAMES.map((name) => [name, line[name]]))]),
  ) as Costs;
}

/** What a tick spends on looking goes on whether there are images or not. */
function isWork({ event }: Line): boolean {
  return event === 'request' || event === 'job' || event === 'duty';
}

async function measure(rounds: number): Promise<Measured> {
  const found = new Map<string, Costs[]>(JOURNEYS.map(({ name }) => [name, []]));
  const env = { BULLION_TRASH_SECONDS: '1', BULLION_LAYER_GRACE_SECONDS: '0' };
  await withRegistry(
    async (registry) => {
      await beginUse(registry);
      for (let number = 1; number <= rounds; number += 1) {
        const round: Round = { number };
        for (const journey of JOURNEYS) {
          found.get(journey.name)?.push(await costsOf(registry, journey, round));
        }
      }
    },
    { env },
  );
  const figures: Record<string, Costs> = {};
  let others = 0;
  for (const [name, [first, ...more]] of found) {
    figures[name] = first!;
    others += more.filter((costs) => JSON.stringify(costs) !== JSON.stringify(first)).length;
  }
  return {
    tables: JOURNEYS.map(({ name }) => tableOf(name, figures[name]!)),
    promises: [
      ...JOURNEYS.flatMap((journey) => promisesOf(journey, figures[journey.name]!)),
      exactly('writes: images that cost anything else than the first', others, 0),
    ],
    figures,
  };
}

function promisesOf({ name, bounds }: Journey, costs: Costs): Promised[] {
  return (Object.keys(bounds) as (keyof Bounds)[]).map((figure) => {
    const total = Object.values(costs).reduce((sum, cost) => sum + cost[figure], 0);
    return atMost(`writes: ${name}: ${FIGURES[figure]}`, total, bounds[figure]);
  });
}

function tableOf(name: string, costs: Costs): Table {
  return {
    title: `An image that is ${name}`,
    columns: ['step', ...Object.values(FIGURES)],
    rows: Object.entries(costs).map(([step, cost]) => [step, ...FIGURE_NAMES.map((name) => cost[name])]),
  };
}

export const writes: Part = {
  name: 'writes',
  about: 'what it costs to write an image and to take it away again; counted by the Worker itself',
  run: ({ quick }) => measure(quick ? ROUNDS.quick : ROUNDS.whole),
};
