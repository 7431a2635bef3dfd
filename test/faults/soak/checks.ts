/** What is checked of a registry after each step of the soak; all of `invariants.ts` is checked when it is quiet. */
import { latestOf, passedOverFor } from '../../../core/families.ts';
import { momentaryObjectFaults, quotaFaults, rowFaults } from '../invariants.ts';
import type { Breakable } from '../setup/behind-proxy.ts';
import { accepted, IMAGES } from '../setup/client.ts';
import { observe, type World } from './model.ts';

export const FAMILIES = ['alpha', 'beta', 'gamma'] as const;

/** There is no grace period, and a tick comes far sooner. */
const UNNAMED_MS = 60_000;

interface ShownRow {
  readonly id: string;
  readonly shown: string;
}

const SHOWN = `SELECT id, status AS shown FROM images
  UNION ALL SELECT id, CASE WHEN purged_at IS NULL THEN 'TRASHED' ELSE 'PURGED' END FROM deleted_images`;

/** What holds at every moment. out: what does not. */
export async function momentaryFaults(registry: Breakable, world: World): Promise<string[]> {
  const database = await registry.database();
  const found = await Promise.all([
    quotaFaults(database),
    rowFaults(database),
    momentaryObjectFaults({ database, ...registry.behind }, UNNAMED_MS),
    stateFaults(registry, world),
    latestFaults(registry),
    deadlineFaults(registry),
  ]);
  return found.flat();
}

/** Every image is where it can be after all that was done to it, and there is no other one. */
async function stateFaults(registry: Breakable, { images }: World): Promise<string[]> {
  const rows = new Map((await registry.sql<ShownRow>(SHOWN)).map(({ id, shown }) => [id, shown]));
  const wrong = [...images.values()].flatMap((image) => {
    const fault = observe(image, rows.get(image.id) ?? 'GONE');
    return fault === undefined ? [] : [{ id: image.id, fault }];
  });
  return await Promise.all(
    wrong.map(async ({ id, fault }) => `${fault}; what was done: ${await changesOf(registry, id)}`),
  );
}

/** The last changes of an image, as they are recorded. */
async function changesOf(registry: Breakable, imageId: string): Promise<string> {
  const changes = await registry.sql<{ action: string; actor: string; after: string | null }>(
    'SELECT action, actor_id AS actor, "after" FROM audit_events WHERE resource_id = ? ORDER BY sequence DESC LIMIT 5',
    imageId,
  );
  return changes.map(({ action, actor, after }) => `${action} by ${actor} ${after ?? ''}`).join(' < ');
}

interface StandingRow {
  readonly id: string;
  readonly family: string;
  readonly createdAt: number;
  readonly promotedAt: number;
  readonly status: 'CREATING' | 'READY' | 'ERROR' | 'DELETING';
  readonly candidate: number;
  readonly deprecateAt: number | null;
  readonly obsoleteAt: number | null;
}

/** The latest of each family is what `core/families.ts` says over the rows; a family without one answers 404. */
async function latestFaults(registry: Breakable): Promise<string[]> {
  const before = await latestInRows(registry);
  const answers = await Promise.all(FAMILIES.map((family) => answeredLatest(registry, family)));
  const differ = FAMILIES.filter((family, index) => answers[index] !== before.get(family));
  if (differ.length === 0) return [];
  // A verdict may have come between the two looks.
  const after = await latestInRows(registry);
  return FAMILIES.flatMap((family, index) =>
    differ.includes(family) && answers[index] !== after.get(family)
      ? [`the latest of ${family} is answered as ${answers[index]}; by its rows it is ${after.get(family)}`]
      : [],
  );
}

async function answeredLatest({ client }: Breakable, family: string): Promise<string | undefined> {
  const query = new URLSearchParams({ folderId: 'default', family });
  const answer = await client.call<{ id: string }>('GET', `${IMAGES}:latestByFamily?${query}`);
  return answer.status === 404 ? undefined : accepted(answer).id;
}

async function latestInRows(registry: Breakable): Promise<ReadonlyMap<string, string | undefined>> {
  const rows = await registry.sql<StandingRow>(
    `SELECT id, family, created_at AS createdAt, promoted_at AS promotedAt, status, candidate,
      deprecate_at AS deprecateAt, obsolete_at AS obsoleteAt FROM images WHERE folder_id = 'default'`,
  );
  const now = Date.now();
  const standing = rows.filter(
    (row) => passedOverFor({ ...row, candidate: row.candidate === 1 }, now) === undefined,
  );
  return new Map(
    FAMILIES.map((family) => [family, latestOf(standing.filter((row) => row.family === family))?.id]),
  );
}

/** No operation runs on past its deadline and a tick. */
async function deadlineFaults(registry: Breakable): Promise<string[]> {
  const late = await registry.sql<{ id: string; kind: string }>(
    'SELECT id, kind FROM operations WHERE done = 0 AND deadline_at < ?',
    Date.now() - 600_000,
  );
  return late.map(({ id, kind }) => `${kind} ${id} goes on past its deadline`);
}

/** What must hold besides when nothing is under way. */
export async function quietFaults(registry: Breakable, world: World): Promise<string[]> {
  // The id of an upload that the store opened and nobody was told of is lost: only reconciliation ends it.
  const lost = /^no row names the store's upload /;
  const settled = (await registry.settledFaults()).filter((fault) => !lost.test(fault));
  const findings = await reconcile(registry);
  return [
    ...settled,
    ...findings.filter((finding) => finding !== 'UNKNOWN_UPLOAD').map((one) => `reconciliation found ${one}`),
    ...(await registry.settledFaults()),
    ...(await momentaryFaults(registry, world)),
  ];
}

/** Has everything mended that is safe to mend; out: what was found. */
async function reconcile({ client }: Breakable): Promise<string[]> {
  const findings: string[] = [];
  for (;;) {
    const { report, more, error } = accepted(
      await client.call<{ report?: { finding?: string }[]; more: boolean; error?: string }>(
        'POST',
        '/maintenance/v1/runs',
        { duty: 'reconcile', apply: true },
      ),
    );
    if (error !== undefined) throw new Error(`reconciliation: ${error}`);
    findings.push(...(report ?? []).flatMap(({ finding }) => finding ?? []));
    if (!more) return findings;
  }
}
