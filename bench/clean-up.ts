/** What the scheduled functions cost at 100,000 images: slice by slice, and when there is nothing to do. */
import { type DutyFigures, measureDuties } from './duty-slices.ts';
import type { Part, Promised, Table } from './part.ts';
import {
  describeScenario,
  firstSlices,
  type PolicyFigures,
  type Scenario,
  wholeRuns,
  writeFamilies,
} from './policy-slices.ts';
import { atMost, exactly } from './promises.ts';
import { writeRecords } from './records.ts';
import { withRegistry } from './registry.ts';
import { rounded } from './results.ts';
import { COST_COLUMNS, COSTS, type Cost, dearestOf, requestsOf } from './ticks.ts';

/** What the platform allows one invocation, of statements and of requests. */
const MAX_OF_TICK = 1000;
/** What a duty may take of it, so that there is room for others and for what takes more than it should. */
const MAX_OF_SLICE = MAX_OF_TICK / 2;
/** Slices of a duty differ by the rows of some of the things that they have done. */
const MAX_GROWTH = 1.1;

interface Sizes {
  readonly catalogues: readonly {
    readonly scenario: Scenario;
    /** What is measured there. */
    readonly policies?: true;
    readonly duties?: true;
  }[];
  /** Of the policies, in each catalogue. */
  readonly slices: number;
  /** So many things of each kind become due for the other duties. */
  readonly due: number;
}

const WHOLE: Sizes = {
  catalogues: [
    { scenario: { families: 10, images: 100 }, duties: true },
    { scenario: { families: 1000, images: 100 }, policies: true, duties: true },
    { scenario: { families: 1, images: 100_000 }, policies: true },
  ],
  slices: 3,
  // More than some of the duties do at once.
  due: 60,
};
/** The same in small: seconds. */
const QUICK: Sizes = {
  catalogues: [
    { scenario: { families: 6, images: 100 }, duties: true },
    { scenario: { families: 60, images: 100 }, policies: true, duties: true },
  ],
  slices: 1,
  due: 20,
};

interface Figures {
  readonly policies: readonly PolicyFigures[];
  readonly duties: readonly DutyFigures[];
}

async function measure({ catalogues, slices, due }: Sizes): Promise<Figures> {
  const policies: PolicyFigures[] = [];
  const duties: DutyFigures[] = [];
  for (const { scenario, ...measured } of catalogues) {
    await withRegistry(async (registry) => {
      const database = await registry.local.database();
      await writeFamilies(database, scenario);
      await writeRecords(database, scenario.families * scenario.images);
      if (measured.policies) policies.push(await firstSlices(registry, scenario, slices));
      if (measured.duties) duties.push(await measureDuties(registry, scenario, due));
    });
  }
  return { policies, duties };
}

/** Policies alone, to their end. */
async function measureWhole({ catalogues }: Sizes): Promise<Figures> {
  const policies: PolicyFigures[] = [];
  for (const { scenario } of catalogues.filter((catalogue) => catalogue.policies)) {
    await withRegistry(async (registry) => {
      await writeFamilies(await registry.local.database(), scenario);
      policies.push(...(await wholeRuns(registry, scenario)));
    });
  }
  return { policies, duties: [] };
}

const images = (count: number) => `${count.toLocaleString('en')} images`;

function promisesOf({ policies, duties }: Figures): Promised[] {
  const slices = [
    ...policies.map(({ dearest }) => dearest),
    ...duties.flatMap((figures) => Object.values(figures.slices)),
  ];
  const ticks = [...policies, ...duties].map(({ dearestTick }) => dearestTick);
  const [slice, tick] = [dearestOf(slices), dearestOf(ticks)];
  const requests = (costs: readonly Cost[]) => Math.max(...costs.map(requestsOf));
  const bounds = [
    atMost('clean-up: D1 statements of the dearest slice', slice.d1Statements, MAX_OF_SLICE),
    atMost('clean-up: other requests of the dearest slice', requests(slices), MAX_OF_SLICE),
    atMost('clean-up: D1 statements of the dearest tick', tick.d1Statements, MAX_OF_TICK),
    atMost('clean-up: other requests of the dearest tick', requests(ticks), MAX_OF_TICK),
  ];
  const [small, large] = [duties.at(0), duties.at(-1)];
  if (small === undefined || large === undefined) return bounds;
  const [there, here] = [images(large.images), images(small.images)];
  return [
    ...bounds,
    exactly(
      `clean-up: rows read in a quiet tick at ${there}, as at ${here}`,
      large.quiet.rowsRead,
      small.quiet.rowsRead,
    ),
    exactly(
      `clean-up: round trips of a quiet tick at ${there}, as at ${here}`,
      large.quiet.d1RoundTrips,
      small.quiet.d1RoundTrips,
    ),
    ...Object.entries(small.slices).map(([duty, { rowsRead }]) =>
      atMost(
        `clean-up: rows read by ${duty} at ${there}, as the ratio to ${here}`,
        rounded((large.slices[duty]?.rowsRead ?? Number.NaN) / rowsRead),
        MAX_GROWTH,
      ),
    ),
  ];
}

const numbers = (cost: Cost) => COSTS.map((figure) => cost[figure]);

function policyTable(policies: readonly PolicyFigures[]): Table {
  return {
    title: `What the dearest slice of policies takes, of at most ${MAX_OF_TICK} statements and as many requests`,
    columns: ['families', 'run', 'images deleted', 'slices', ...COST_COLUMNS],
    rows: policies.map(({ families, imagesEach, step, imagesDeleted, slices, dearest }) => [
      describeScenario({ families, images: imagesEach }),
      step,
      imagesDeleted,
      slices,
      ...numbers(dearest),
    ]),
  };
}

function dutyTable(duties: readonly DutyFigures[]): Table {
  return {
    title:
      'What a tick takes when nothing is due, and the dearest slice of a duty when as much is due at any size',
    columns: ['duty', 'images', ...COST_COLUMNS],
    rows: [
      ...duties.map(({ images, quiet }) => ['all, nothing due', images, ...numbers(quiet)]),
      ...duties.map(({ images, counting }) => ['all, counting quotas', images, ...numbers(counting)]),
      ...Object.keys(duties[0]?.slices ?? {}).flatMap((duty) =>
        duties.flatMap(({ images, slices }) =>
          slices[duty] === undefined ? [] : [[duty, images, ...numbers(slices[duty])]],
        ),
      ),
    ],
  };
}

export const cleanUp: Part = {
  name: 'clean-up',
  about: 'slices of the scheduled functions at 100,000 images, and ticks with nothing to do',
  async run({ quick }) {
    const figures = await measure(quick ? QUICK : WHOLE);
    const tables = [policyTable(figures.policies), dutyTable(figures.duties)];
    return { tables, promises: promisesOf(figures), figures };
  },
};

export const cleanUpWhole: Part = {
  name: 'clean-up-whole',
  about: 'policies of 100,000 images to their end, and again with an image more in each family',
  onlyByName: true,
  async run({ quick }) {
    const figures = await measureWhole(quick ? QUICK : WHOLE);
    return { tables: [policyTable(figures.policies)], promises: promisesOf(figures), figures };
  },
};
