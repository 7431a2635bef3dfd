/** Policies of many families, and of a large one, applied by the clock slice by slice. */
import type { D1Database } from '@cloudflare/workers-types';
import { type CatalogueImage, writeCatalogue } from './catalogue.ts';
import type { BenchRegistry } from './registry.ts';
import { type Cost, costOf, dearestOf, tickOf } from './ticks.ts';

const DAY_MS = 86_400_000;
const LAYER_BYTES = 2 ** 30;
const KEEP_LAST = 10;
/** Of these images one is leased. */
const LEASED_OF = 20;
const FAMILIES_A_WRITE = 50;
const PLACE = { cloudId: 'local', folderId: 'default' };
/** More than anything takes. */
const MAX_SLICES = 500;

export interface Scenario {
  readonly families: number;
  /** In each family. */
  readonly images: number;
}

export interface PolicyFigures {
  readonly families: number;
  readonly imagesEach: number;
  readonly step: string;
  readonly imagesDeleted: number;
  readonly slices: number;
  /** Figure by figure of the dearest slice. */
  readonly dearest: Cost;
  /** The same of the whole tick around it. */
  readonly dearestTick: Cost;
}

export function describeScenario({ families, images }: Scenario): string {
  const count = images.toLocaleString('en');
  return families === 1 ? `one of ${count} images` : `${families.toLocaleString('en')} of ${count} images`;
}

const familyOf = (index: number) => `family-${index}`;
const isLeased = (position: number) => position % LEASED_OF === LEASED_OF - 1;

/** Families with policies that are due, all with images that nobody has looked at yet. */
export async function writeFamilies(database: D1Database, { families, images }: Scenario): Promise<void> {
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

/** When policies of all families are applied next. */
export async function setNextRun(database: D1Database, at: number): Promise<void> {
  await database.prepare('UPDATE families SET next_run_at = ?').bind(at).run();
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
  await setNextRun(database, 1);
}

/** The first so many slices of the first run of all policies. */
export async function firstSlices(
  registry: BenchRegistry,
  scenario: Scenario,
  slices: number,
): Promise<PolicyFigures> {
  const figures = await applyPolicies(registry, scenario, 'first run', slices);
  await demandPlanned(registry, scenario, { deleted: figures.imagesDeleted });
  return figures;
}

/** All slices of the first run, and all of the next, an image more in each family. */
export async function wholeRuns(
  registry: BenchRegistry,
  scenario: Scenario,
): Promise<readonly PolicyFigures[]> {
  const first = await applyPolicies(registry, scenario, 'first run', MAX_SLICES);
  await demandPlanned(registry, scenario, { deleted: first.imagesDeleted, toTheEnd: true });
  await addOne(await registry.local.database(), scenario);
  const second = await applyPolicies(registry, scenario, 'an image more each', MAX_SLICES);
  const deleted = first.imagesDeleted + second.imagesDeleted;
  await demandPlanned(registry, scenario, { deleted, toTheEnd: true, added: true });
  return [first, second];
}

/** Runs the scheduled functions until no policy is due, or as often as is asked. */
async function applyPolicies(
  registry: BenchRegistry,
  { families, images: imagesEach }: Scenario,
  step: string,
  slices: number,
): Promise<PolicyFigures> {
  const database = await registry.local.database();
  const isDue = async () => {
    const query = database.prepare('SELECT 1 FROM families WHERE next_run_at <= ? LIMIT 1').bind(Date.now());
    return (await query.first()) !== null;
  };
  const ticks: Cost[] = [];
  const own: Cost[] = [];
  let imagesDeleted = 0;
  while (ticks.length < slices && (await isDue())) {
    const { whole, duties } = await tickOf(registry);
    ticks.push(whole);
    for (const line of duties.filter(({ duty }) => duty === 'apply-retention')) {
      own.push(costOf(line));
      imagesDeleted += line.done ?? 0;
    }
  }
  const [dearest, dearestTick] = [dearestOf(own), dearestOf(ticks)];
  return { families, imagesEach, step, imagesDeleted, slices: ticks.length, dearest, dearestTick };
}

/**
 * Demands that exactly what the policies do not keep is gone: of each family all of it as far as the clock has come,
 * which is the end with `toTheEnd`, and that this is as much as was told. in: `added`, after `addOne`.
 */
async function demandPlanned(
  registry: BenchRegistry,
  { families, images }: Scenario,
  {
    deleted,
    toTheEnd = false,
    added = false,
  }: { readonly deleted: number; readonly toTheEnd?: boolean; readonly added?: boolean },
): Promise<void> {
  const database = await registry.local.database();
  const { results } = await database.prepare('SELECT id FROM images').all<{ id: string }>();
  const there = new Set(results.map(({ id }) => id));
  const refuse = (what: string) =>
    new Error(`policies of ${describeScenario({ families, images })}: ${what}`);
  const newest = KEEP_LAST - (added ? 1 : 0);
  let gone = 0;
  for (let index = 0; index < families; index += 1) {
    const positions = Array.from({ length: images }, (_, position) => position);
    const missing = positions.filter((position) => !there.has(`${familyOf(index)}-${position}`));
    const reached = toTheEnd ? images - 1 : (missing.at(-1) ?? -1);
    const planned = positions.filter(
      (position) => position >= newest && position <= reached && !isLeased(position),
    );
    if (missing.length !== planned.length || missing.some((position, at) => position !== planned[at])) {
      throw refuse(`${familyOf(index)} lost ${missing.length} images instead of ${planned.length}`);
    }
    gone += missing.length;
  }
  if (gone !== deleted) throw refuse(`${gone} images are gone and ${deleted} were told`);
  if (gone === 0) throw refuse('nothing was deleted');
}
