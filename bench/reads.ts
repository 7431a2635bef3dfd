/** What reading costs with few images and with many: counts of each read, and its time beside a bare handler's. */
import { makeDeployed } from '../dev/build.ts';
import { readDeployment } from '../dev/deployment.ts';
import { bundleModule } from '../dev/worker-bundle.ts';
import { inspect } from '../inspect/inspect.ts';
import { inTurn } from './in-turn.ts';
import type { Part, Promised, Table } from './part.ts';
import { populate } from './population.ts';
import { atMost, exactly } from './promises.ts';
import { type BenchRegistry, type Line, withRegistry } from './registry.ts';
import { rounded } from './results.ts';
import { type Answer, asking, PAGE_SIZE, READS, type Read, type Shelf, withShelves } from './shelves.ts';
import { qcow2Disk, rawDisk } from './sparse-disks.ts';

/** The first is what the others are compared with. */
const SIZES = [1000, 100_000, 1_000_000];
const QUICK_SIZES = [1000, 10_000];
const ROUNDS = { rounds: 200, warmUp: 30, pauseMs: 3 };
const QUICK_ROUNDS = { rounds: 30, warmUp: 10, pauseMs: 3 };
/** How often times are taken again when a ratio of them misses its bound: other work on the machine may be the reason. */
const MOST_ATTEMPTS = 3;

const LOG_TIMEOUT_MS = 10_000;

const MOST_TIMES_BARE = 1.5;
const MOST_TIMES_FIRST_PAGE = 1.2;
/** Its entry in the index of the order, its row, its layer. */
const MOST_ROWS_AN_IMAGE = 4;
/** Of a page that holds other images: each lease on them costs two rows more. */
const MOST_TIMES_ROWS = 1.1;
/** Who asks, what that caller may do, and one image. */
const MOST_ROWS_OF_ONE = 20;

const SINGLE: readonly Read[] = ['get', 'get, by a viewer of the cloud', 'latestByFamily'];
const PAGES: readonly Read[] = ['list, first page', 'list, page 1,000', 'list by a common label'];
const FINDS: readonly Read[] = ['list by name', 'list by a rare label'];

interface Figures {
  readonly read: Read;
  readonly images: number;
  readonly d1RoundTrips: number;
  readonly d1Statements: number;
  readonly rowsRead: number;
  readonly imagesAnswered: number;
  readonly bytes: number;
}

interface Ratios {
  readonly read: Read;
  readonly images: number;
  readonly timesFewest: number;
  readonly timesBare: number;
}

async function measure(quick: boolean) {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const { cost: _, ...inspection } = await inspect(qcow2Disk(rawDisk(2 ** 30)).reader());
  const bareWorker = await bundleModule('bench/bare-worker.ts');
  const workers = await makeDeployed(await readDeployment());
  return await withRegistry(
    async ({ local }) => {
      const { image } = await populate(await local.database(), sizes[0]!, inspection);
      const bare = asking(local.url, `/images/${image.id}`);
      return await withShelves(sizes, { workers, inspection }, [], async (shelves) => {
        const figures: Figures[] = [];
        for (const shelf of shelves) figures.push(...(await countReads(shelf)));
        for (let attempt = 1; ; attempt += 1) {
          const ratios = await timeReads(shelves, bare, quick ? QUICK_ROUNDS : ROUNDS);
          const promises = [...promisesOfCounts(figures), ...promisesOfTimes(ratios)];
          if (attempt === MOST_ATTEMPTS || promisesOfTimes(ratios).every(({ held }) => held)) {
            return { figures, ratios, promises };
          }
        }
      });
    },
    { workers: { ...workers, registry: bareWorker } },
  );
}

async function countReads({ images, registry, ask }: Shelf): Promise<readonly Figures[]> {
  const figures: Figures[] = [];
  for (const read of READS) {
    const requestId = `bench-read-${figures.length}`;
    const { bytes, text } = await ask[read](requestId);
    const { d1RoundTrips, d1Statements, rowsRead } = await lineOf(registry, requestId);
    const imagesAnswered = SINGLE.includes(read) ? 1 : (JSON.parse(text).images?.length ?? 0);
    figures.push({ read, images, d1RoundTrips, d1Statements, rowsRead, imagesAnswered, bytes });
  }
  return figures;
}

/** The line of a request, which comes a little behind its answer. */
async function lineOf({ lines }: BenchRegistry, requestId: string): Promise<Line> {
  for (const end = performance.now() + LOG_TIMEOUT_MS; ; ) {
    const line = lines.find((one) => one.event === 'request' && one.requestId === requestId);
    if (line !== undefined) return line;
    if (performance.now() > end) throw new Error(`no line of ${requestId} after ${LOG_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Each read is done at all sizes and beside the bare handler before the next read is: every request finds another
 * process than the one before it, and that one done with its line of the log.
 */
async function timeReads(
  shelves: readonly Shelf[],
  bare: () => Promise<Answer>,
  rounds: typeof ROUNDS,
): Promise<readonly Ratios[]> {
  const bareBeside = (read: Read) => `bare beside ${read}`;
  const name = (read: Read, images: number) => `${read} of ${images}`;
  const tasks = READS.flatMap((read) => [
    [bareBeside(read), () => bare()] as const,
    ...shelves.map(({ images, ask }) => [name(read, images), () => ask[read]()] as const),
  ]);
  const times = await inTurn<string>(Object.fromEntries(tasks), rounds);
  const fewest = shelves[0]!.images;
  return shelves.flatMap(({ images }) =>
    READS.map((read) => {
      const time = times[name(read, images)]!;
      const timesFewest = rounded(time / times[name(read, fewest)]!);
      return { read, images, timesFewest, timesBare: rounded(time / times[bareBeside(read)]!) };
    }),
  );
}

function promisesOfCounts(figures: readonly Figures[]): readonly Promised[] {
  const most = Math.max(...figures.map(({ images }) => images));
  const fewest = Math.min(...figures.map(({ images }) => images));
  const at = (read: Read, images: number) =>
    figures.find((one) => one.read === read && one.images === images)!;
  const rowsAnImage = ({ rowsRead, imagesAnswered }: Figures) => rounded(rowsRead / imagesAnswered);
  return [
    ...READS.map((read) => {
      const trips = figures.filter((one) => one.read === read).map(({ d1RoundTrips }) => d1RoundTrips);
      return exactly(`${read}: D1 round trips`, Math.max(...trips), 1);
    }),
    ...[...SINGLE, ...FINDS].map((read) =>
      exactly(
        `${read}: rows read with ${show(most)} images, as with ${show(fewest)}`,
        at(read, most).rowsRead,
        at(read, fewest).rowsRead,
      ),
    ),
    ...PAGES.map((read) =>
      atMost(
        `${read}: rows read with ${show(most)} images, times those with ${show(fewest)}`,
        rounded(at(read, most).rowsRead / at(read, fewest).rowsRead),
        MOST_TIMES_ROWS,
      ),
    ),
    ...PAGES.map((read) =>
      atMost(`${read}: rows read an image`, rowsAnImage(at(read, most)), MOST_ROWS_AN_IMAGE),
    ),
    atMost(
      'page 1,000: rows read, of the first page',
      rounded(at('list, page 1,000', most).rowsRead / at('list, first page', most).rowsRead),
      MOST_TIMES_FIRST_PAGE,
    ),
    ...[...SINGLE, ...FINDS].map((read) =>
      atMost(`${read}: rows read`, at(read, most).rowsRead, MOST_ROWS_OF_ONE),
    ),
  ];
}

function promisesOfTimes(ratios: readonly Ratios[]): readonly Promised[] {
  const most = Math.max(...ratios.map(({ images }) => images));
  const at = (read: Read) => ratios.find((one) => one.read === read && one.images === most)!;
  return [
    ...SINGLE.map((read) =>
      atMost(`${read}: time, of a bare handler's`, at(read).timesBare, MOST_TIMES_BARE),
    ),
    atMost(
      'page 1,000: time, of the first page',
      rounded(at('list, page 1,000').timesBare / at('list, first page').timesBare),
      MOST_TIMES_FIRST_PAGE,
    ),
  ];
}

const show = (count: number) => count.toLocaleString('en');

function tableOf(figures: readonly (Figures & Ratios)[]): Table {
  return {
    title: `Reads; pages of ${PAGE_SIZE} images`,
    columns: [
      'read',
      'images',
      'D1 round trips',
      'D1 statements',
      'rows read',
      'images answered',
      'answer bytes',
      'time, of the same with 1,000',
      "time, of a bare handler's",
    ],
    rows: figures.map((one) => [
      one.read,
      one.images,
      one.d1RoundTrips,
      one.d1Statements,
      one.rowsRead,
      one.imagesAnswered,
      one.bytes,
      one.timesFewest,
      one.timesBare,
    ]),
  };
}

export const reads: Part = {
  name: 'reads',
  about: 'one image, the latest of a family and lists, with 1,000 images and with 1,000,000',
  async run({ quick }) {
    const { figures: counts, ratios, promises } = await measure(quick);
    const figures = counts
      .map((one, index) => ({ ...one, ...ratios[index]! }))
      .sort((a, b) => READS.indexOf(a.read) - READS.indexOf(b.read));
    return { tables: [tableOf(figures)], promises, figures };
  },
};
