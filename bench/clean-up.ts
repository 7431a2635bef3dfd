/** What the scheduled functions spend on the policies of many families, and on that of a large one, slice by slice. */
import type { D1Database } from '@cloudflare/workers-types';
import { type CatalogueImage, writeCatalogue } from './catalogue.ts';
import type { Part, Table } from './part.ts';
import { type BenchRegistry, withRegistry } from './registry.ts';

const DAY_MS = 86_400_000;
const LAYER_BYTES = 2 ** 30;
const KEEP_LAST = 10;
/** Of these images one is leased. */
const LEASED_OF = 20;
const FAMILIES_A_WRITE = 50;
const PLACE = { cloudId: 'local', folderId: 'default' };
/** What the platform allows one invocation. */
const MAX_STATEMENTS = 1000;
/** More than any scenario takes. */
const MAX_SLICES = 500;

interface Scenario {
  readonly name: string;
  readonly families: number;
  /** In each family. */
  readonly images: number;
}

const WHOLE: readonly Scenario[] = [
  { name: '1,000 families of 100 images', families: 1000, images: 100 },
  { name: 'one family of 100,000 images', families: 1, images: 100_000 },
];
/** The same in small: seconds. */
const QUICK: readonly Scenario[] = [
  { name: '50 families of 40 images', families: 50, images: 40 },
  { name: 'one family of 2,000 images', families: 1, images: 2000 },
];

interface Figures {
  readonly scenario: string;
  readonly step: string;
  readonly imagesDeleted: number;
  readonly slices: number;
  /** Of the dearest slice. */
  readonly statements: number;
  readonly roundTrips: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly s3Calls: number;
}

async function measure(scenarios: readonly Scenario[]): Promise<readonly Figures[]> {
  const figures: Figures[] = [];
  for (const scenario of scenarios) {
    await withRegistry(async (registry) => {
      const database = await registry.local.database();
      await writeFamilies(database, scenario);
      figures.push(await drain(registry, scenario, 'first run', scenario.families * takenOf(scenario)));
      await addOne(database, scenario);
      figures.push(await drain(registry, scenario, 'an image more each', scenario.families));
    });
  }
  return figures;
}

const familyOf = (index: number) => `family-${index}`;
const isLeased = (index: number) => index % LEASED_OF === LEASED_OF - 1;

/** How many images of a family its policy deletes at first. */
function takenOf({ images }: Scenario): number {
  const leased = Array.from({ length: images }, (_, index) => index).filter(
    (index) => index >= KEEP_LAST && isLeased(index),
  );
  return images - KEEP_LAST - leased.length;
}

async function writeFamilies(database: D1Database, { families, images }: Scenario): Promise<void> {
  const now = Date.now();
  for (let first = 0; first < families; first += FAMILIES_A_WRITE) {
    const group = Array.from({ length: Math.min(FAMILIES_A_WRITE, families - first) }, (_, index) => {
      const family = familyOf(first + index);
      const members = Array.from({ length: images }, (_, position): CatalogueImage => {
        const createdAt = now - 30 * DAY_MS - position * 60_000;
        const leasedUntil = isLeased(position) ? now + DAY_MS : null;
        return { id: `${family}-${position}`, createdAt, leasedUntil };
      });
      return { place: { ...PLACE, family }, images: members };
    });
    await writeCatalogue(database, group, LAYER_BYTES);
  }
  await database
    .prepare(
      `INSERT INTO families (folder_id, cloud_id, family, action, keep_last, min_age_ms, next_run_at, revision)
        SELECT ?1, ?2, 'family-' || value, 'DELETE', ?3, ?4, 1, 1 FROM json_each(?5)`,
    )
    .bind(PLACE.folderId, PLACE.cloudId, KEEP_LAST, DAY_MS, JSON.stringify([...Array(families).keys()]))
    .run();
}

/** An hour later: a newer image in each family, so that one of those that were kept goes. */
async function addOne(database: D1Database, { families }: Scenario): Promise<void> {
  const createdAt = Date.now() - 29 * DAY_MS;
  await writeCatalogue(
    database,
    Array.from({ length: families }, (_, index) => ({
      place: { ...PLACE, family: familyOf(index) },
      images: [{ id: `${familyOf(index)}-new`, createdAt }],
    })),
    LAYER_BYTES,
  );
  await database.prepare('UPDATE families SET next_run_at = 1').run();
}

/** Runs the scheduled functions until no policy is due, and demands that exactly what was planned is gone. */
async function drain(
  { local, lines }: BenchRegistry,
  { name }: Scenario,
  step: string,
  expected: number,
): Promise<Figures> {
  const database = await local.database();
  const count = async (query: string) => (await database.prepare(query).first<{ n: number }>())?.n ?? 0;
  lines.length = 0;
  let slices = 0;
  do {
    if (slices === MAX_SLICES) throw new Error(`${name}, ${step}: policies are due after ${slices} slices`);
    await local.runScheduled();
    slices += 1;
  } while ((await count(`SELECT count(*) AS n FROM families WHERE next_run_at <= ${Date.now()}`)) > 0);
  const told = lines.filter(({ event, duty }) => event === 'duty' && duty === 'apply-retention');
  const failed = told.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(`${name}, ${step}: ${JSON.stringify(failed.error)}`);
  const imagesDeleted = told.reduce((sum, { done = 0 }) => sum + done, 0);
  if (imagesDeleted !== expected) {
    throw new Error(`${name}, ${step}: ${imagesDeleted} images were deleted instead of ${expected}`);
  }
  const most = (figure: 'd1Statements' | 'd1RoundTrips' | 'rowsRead' | 'rowsWritten' | 's3Calls') =>
    told.reduce((highest, line) => Math.max(highest, line[figure]), 0);
  const statements = most('d1Statements');
  if (statements > MAX_STATEMENTS) throw new Error(`${name}, ${step}: a slice has ${statements} statements`);
  return {
    scenario: name,
    step,
    imagesDeleted,
    slices,
    statements,
    roundTrips: most('d1RoundTrips'),
    rowsRead: most('rowsRead'),
    rowsWritten: most('rowsWritten'),
    s3Calls: most('s3Calls'),
  };
}

function tableOf(figures: readonly Figures[]): Table {
  return {
    title: 'What the dearest slice of a run takes, of at most 1,000 statements and 1,000 requests',
    columns: [
      'families',
      'run',
      'images deleted',
      'slices',
      'D1 statements',
      'D1 round trips',
      'rows read',
      'rows written',
      'S3 calls',
    ],
    rows: figures.map((one) => Object.values(one) as (string | number)[]),
  };
}

export const cleanUp: Part = {
  name: 'clean-up',
  about: 'policies of 1,000 families with 100,000 images, applied by the scheduled functions slice by slice',
  async run({ quick }) {
    const figures = await measure(quick ? QUICK : WHOLE);
    return { tables: [tableOf(figures)], promises: [], figures };
  },
};
