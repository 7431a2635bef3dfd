/** What the duties cost when nothing is due, and when as much is due as in a catalogue of another size. */
import type { D1Database } from '@cloudflare/workers-types';
import { type Scenario, setNextRun } from './policy-slices.ts';
import { RECORD_DUTIES, recordsThatAreOver, writeRecordsThatAreOver } from './records.ts';
import type { BenchRegistry, Line } from './registry.ts';
import { type Cost, costOf, dearestOf, type Tick, tickOf } from './ticks.ts';

const MINUTE_MS = 60_000;
const UPLOAD_BYTES = 2 ** 20;
/** Jobs run when the queue likes, and are sent again until then: they come last, without those of other duties. */
const JOBS = 'resend-jobs';
const OVER = RECORD_DUTIES.filter((duty) => duty !== JOBS);
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
 * Waits until all is quiet in a registry with this catalogue, then makes so many things of each kind due, whatever the
 * catalogue holds, and waits until they are done.
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
  const compared = [
    await compare(registry, database, 'objects'),
    await compare(registry, database, 'quotas'),
  ];
  await makeDue(registry, database, count);
  const ticks = await ticksUntil(registry, async () => (await dueIn(database)).length === 0);
  const resending = await resend(registry, database, count);
  return {
    images,
    quiet,
    slices: {
      ...dearestSlices(ticks.flatMap((tick) => tick.duties)),
      ...dearestSlices(resending.duties),
      reconcile: compared[0]!.whole,
    },
    counting: compared[1]!.whole,
    dearestTick: dearestOf([...quieting, ...compared, ...ticks, resending].map(({ whole }) => whole)),
  };
}

/** A tick in which the daily comparison of rows and store does one slice of a part; the rest of it is left out. */
async function compare(registry: BenchRegistry, database: D1Database, part: string): Promise<Tick> {
  const totals = { objects: 0, layers: 0, uploads: 0, clouds: 0, mended: 0, findings: {} };
  const set = database.prepare("UPDATE duty_states SET cursor = ?, updated_at = ? WHERE duty = 'reconcile'");
  await set.bind(JSON.stringify({ part, totals }), Date.now()).run();
  const told = await tickOf(registry);
  await set.bind(null, Date.now()).run();
  return told;
}

/** A tick that finds so many jobs which a queue has lost, and no other. */
async function resend(registry: BenchRegistry, database: D1Database, count: number): Promise<Tick> {
  await database.prepare('DELETE FROM jobs WHERE run_after <= ?').bind(Date.now()).run();
  await writeRecordsThatAreOver(database, [JOBS], count);
  return await tickOf(registry);
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

function dearestSlices(lines: readonly Line[]): Readonly<Record<string, Cost>> {
  const names = [...new Set(lines.flatMap(({ duty }) => duty ?? []))].sort();
  return Object.fromEntries(
    names.map((name) => [name, dearestOf(lines.filter(({ duty }) => duty === name).map(costOf))]),
  );
}

/** Whether no duty is in the middle of a walk. Policies that are not due any more keep the place where they stopped. */
async function isQuiet(database: D1Database): Promise<boolean> {
  const walking = database.prepare(
    "SELECT 1 FROM duty_states WHERE cursor IS NOT NULL AND duty <> 'apply-retention' LIMIT 1",
  );
  return (await walking.first()) === null;
}

/** The same things at every size of the catalogue. */
async function makeDue({ call }: BenchRegistry, database: D1Database, count: number): Promise<void> {
  for (let upload = 0; upload < count; upload += 1) {
    await call('POST', '/compute/v1/images', { folderId: 'default', upload: { size: String(UPLOAD_BYTES) } });
  }
  await database.prepare("UPDATE uploads SET expires_at = 1 WHERE state = 'OPEN'").run();
  const { results } = await database
    .prepare(
      `SELECT id FROM images WHERE status = 'READY' AND NOT EXISTS (SELECT 1 FROM leases WHERE image_id = images.id)
        ORDER BY id DESC LIMIT ?`,
    )
    .bind(2 * count)
    .all<{ id: string }>();
  const ids = results.map(({ id }) => id);
  const [deprecated, deleted] = [ids.slice(0, count), ids.slice(count)];
  for (const id of deleted) await call('DELETE', `/compute/v1/images/${id}`);
  const among = 'id IN (SELECT value FROM json_each(?))';
  await database.batch([
    database.prepare(`UPDATE deleted_images SET purge_at = 1 WHERE ${among}`).bind(JSON.stringify(deleted)),
    database.prepare(`UPDATE images SET deprecate_at = 1 WHERE ${among}`).bind(JSON.stringify(deprecated)),
  ]);
  await writeRecordsThatAreOver(database, OVER, count);
}

/** Duties that have more to do. */
async function dueIn(database: D1Database): Promise<readonly string[]> {
  const records = await recordsThatAreOver(database, OVER);
  const queries = {
    'expire-uploads': "uploads WHERE state = 'OPEN' AND expires_at = 1",
    'purge-trash': 'deleted_images WHERE purged_at IS NULL AND purge_at = 1',
    'apply-deprecations': 'images WHERE passed_over = 0 AND deprecate_at = 1',
  };
  const found = await database.batch<{ count: number }>(
    Object.values(queries).map((from) => database.prepare(`SELECT count(*) AS count FROM ${from}`)),
  );
  const counts = [
    ...records,
    ...Object.keys(queries).map((duty, index) => [duty, found[index]?.results[0]?.count ?? 0] as const),
  ];
  return counts.filter(([, count]) => count > 0).map(([duty]) => duty);
}
