/** What the duties cost when nothing is due, and when as much is due as in a catalogue of another size. */
import type { D1Database } from '@cloudflare/workers-types';
import { type Scenario, setNextRun } from './policy-slices.ts';
import { overOf, RECORD_DUTIES, writeRecordsThatAreOver } from './records.ts';
import type { BenchRegistry } from './registry.ts';
import { type Cost, dearestOf, type Tick, tickOf } from './ticks.ts';

const MINUTE_MS = 60_000;
const UPLOAD_BYTES = 2 ** 20;
/** More than what is due takes, and than a walk over all families. */
const MAX_TICKS = 40;

/** In a catalogue of so many images. */
export interface DutyFigures {
  readonly images: number;
  /** A tick with nothing to do. */
  readonly quiet: Cost;
  /** By duty, figure by figure of the dearest slice. Of the comparison of rows and store it is one of its objects. */
  readonly slices: Readonly<Record<string, Cost>>;
  /** A tick in which that comparison counts what clouds use, row by row. */
  readonly counting: Cost;
  readonly dearestTick: Cost;
}

/**
 * Waits until all is quiet in a registry with this catalogue, then makes so many things due, whatever the catalogue
 * holds, and waits until they are done: of one duty after the other, and of many at once.
 */
export async function measureDuties(
  registry: BenchRegistry,
  scenario: Scenario,
  count: number,
): Promise<DutyFigures> {
  const database = await registry.local.database();
  const images = scenario.families * scenario.images;
  await setNextRun(database, Date.now() + 30 * MINUTE_MS);
  const quieting = await ticksUntil(registry, () => isQuiet(database));
  const { whole: quiet, duties } = await tickOf(registry);
  if (duties.length > 0) throw new Error(`${duties[0]?.duty} finds something to do in a quiet registry`);
  const compared = await compare(registry, database, 'objects');
  const counted = await compare(registry, database, 'quotas');
  const ticks = [...quieting, compared, counted];
  const slices: Record<string, Cost> = { reconcile: compared.whole };
  for (const [duty, { make, over }] of Object.entries(dueThings(registry, database, count))) {
    await make();
    const own = await ticksUntil(registry, () => isGone(database, over));
    slices[duty] = dearestOf(own.flatMap((tick) => tick.duties.filter((line) => line.duty === duty)));
    ticks.push(...own);
    // What began meanwhile is of no interest here, and would be sent again in each tick until it has run.
    await database.prepare('DELETE FROM jobs WHERE run_after <= ?').bind(Date.now()).run();
  }
  await writeRecordsThatAreOver(database, RECORD_DUTIES, count, 'all-');
  ticks.push(...(await ticksUntil(registry, () => isGone(database, ...RECORD_DUTIES.map(overOf)))));
  return {
    images,
    quiet,
    slices,
    counting: counted.whole,
    dearestTick: dearestOf(ticks.map(({ whole }) => whole)),
  };
}

/** A tick in which the daily comparison of rows and store does one slice of a part; the rest of it is left out. */
async function compare(registry: BenchRegistry, database: D1Database, part: string): Promise<Tick> {
  const totals = { objects: 0, layers: 0, uploads: 0, clouds: 0, mended: 0, findings: {} };
  const set = database.prepare("UPDATE duty_states SET cursor = ?, updated_at = ? WHERE duty = 'reconcile'");
  const { meta } = await set.bind(JSON.stringify({ part, totals }), Date.now()).run();
  if (meta.changes !== 1) throw new Error('the comparison of rows and store has not kept when it is due');
  const told = await tickOf(registry);
  await set.bind(null, Date.now()).run();
  return told;
}

/** Ticks until it is so, one at least. */
async function ticksUntil(registry: BenchRegistry, isSo: () => Promise<boolean>): Promise<readonly Tick[]> {
  const ticks: Tick[] = [];
  do {
    if (ticks.length === MAX_TICKS) throw new Error(`there is more to do after ${MAX_TICKS} ticks`);
    ticks.push(await tickOf(registry));
  } while (!(await isSo()));
  return ticks;
}

/** Whether no duty is in the middle of a walk. Policies that are not due any more keep the place where they stopped. */
async function isQuiet(database: D1Database): Promise<boolean> {
  const walking = database.prepare(
    "SELECT 1 FROM duty_states WHERE cursor IS NOT NULL AND duty <> 'apply-retention' LIMIT 1",
  );
  return (await walking.first()) === null;
}

/** How things of a duty become due, and the rows that are there until they are done. */
interface DueThings {
  make(): Promise<unknown>;
  readonly over: string | undefined;
}

function dueThings(
  { call }: BenchRegistry,
  database: D1Database,
  count: number,
): Readonly<Record<string, DueThings>> {
  const change = (update: string, ids: readonly string[]) =>
    database
      .prepare(`UPDATE ${update} WHERE id IN (SELECT value FROM json_each(?))`)
      .bind(JSON.stringify(ids))
      .run();
  const records = RECORD_DUTIES.map((duty): [string, DueThings] => [
    duty,
    { make: () => writeRecordsThatAreOver(database, [duty], count, 'own-'), over: overOf(duty) },
  ]);
  return {
    ...Object.fromEntries(records),
    'apply-deprecations': {
      make: async () => change('images SET deprecate_at = 1', await freeImages(database, count)),
      over: 'images WHERE passed_over = 0 AND deprecate_at = 1',
    },
    'purge-trash': {
      async make() {
        const ids = await freeImages(database, count);
        for (const id of ids) await call('DELETE', `/compute/v1/images/${id}`);
        await change('deleted_images SET purge_at = 1', ids);
      },
      over: 'deleted_images WHERE purged_at IS NULL AND purge_at = 1',
    },
    'expire-uploads': {
      async make() {
        const upload = { size: String(UPLOAD_BYTES) };
        for (let made = 0; made < count; made += 1) {
          await call('POST', '/compute/v1/images', { folderId: 'default', upload });
        }
        await database.prepare("UPDATE uploads SET expires_at = 1 WHERE state = 'OPEN'").run();
      },
      over: "uploads WHERE state = 'OPEN' AND expires_at = 1",
    },
  };
}

/** Ids of images that nothing holds and that no policy has come to. */
async function freeImages(database: D1Database, count: number): Promise<readonly string[]> {
  const query = `SELECT id FROM images WHERE status = 'READY' AND passed_over = 0
    AND NOT EXISTS (SELECT 1 FROM leases WHERE image_id = images.id) ORDER BY id DESC LIMIT ?`;
  const { results } = await database.prepare(query).bind(count).all<{ id: string }>();
  return results.map(({ id }) => id);
}

async function isGone(database: D1Database, ...overs: readonly (string | undefined)[]): Promise<boolean> {
  const queries = overs.flatMap((over) => (over === undefined ? [] : `SELECT 1 FROM ${over} LIMIT 1`));
  if (queries.length === 0) return true;
  const found = await database.batch(queries.map((query) => database.prepare(query)));
  return found.every(({ results }) => results.length === 0);
}
