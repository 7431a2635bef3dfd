import { RegistryError } from '../../core/errors.ts';
import { findDutyState, keepDutyState, leaseDuty, releaseDuty } from '../../db/maintenance.ts';
import { type Context, newId } from '../context.ts';
import { listDeadJobs } from '../reconcile/jobs.ts';
import { compareObjects } from '../reconcile/objects.ts';
import { findingsOf, NOTHING_YET, openPass, type Part, type Totals } from '../reconcile/pass.ts';
import { compareQuotas } from '../reconcile/quotas.ts';
import { compareUploads } from '../reconcile/uploads.ts';
import type { Duty, Slice, SliceResult } from './duty.ts';

/** The parts of a comparison, in their order. */
const PARTS: readonly (readonly [name: string, part: Part])[] = [
  ['objects', compareObjects],
  ['uploads', compareUploads],
  ['quotas', compareQuotas],
  ['jobs', listDeadJobs],
];

/** Where a comparison stands between two runs. */
interface Cursor {
  readonly part: string;
  readonly after?: string;
  readonly totals: Totals;
}

const DAY_MS = 86_400_000;
/** What was begun by hand and not gone on with for so long is begun anew. */
const FORGOTTEN_MS = 3_600_000;
/** Longer than a run takes. One that died is waited for; two at once would find the same twice. */
const LEASE_MS = 120_000;
/** What a step takes at least. */
const REQUESTS_OF_STEP = 50;
const NOTHING: SliceResult = { done: 0, more: false, report: [] };

/**
 * Holds rows and store against each other. The clock does it once a day and only tells; by hand it can be told to mend
 * what is safe: unknown objects and uploads go, figures of quotas are counted anew, and what stands on a lost object
 * is marked ERROR. A comparison by the clock and those by hand do not know of each other.
 */
export const reconcile: Duty = {
  description: 'Compares rows and store: unknown and lost objects, unknown uploads, wrong quotas, dead jobs',
  reportsFirst: true,
  async run(context, slice) {
    const { orm } = context.db;
    const state =
      slice.startedBy === undefined ? 'reconcile' : `reconcile ${slice.apply ? 'apply' : 'report'}`;
    const now = context.now();
    if (slice.startedBy === undefined && !(await isDue(context, state))) return NOTHING;
    const leaseId = newId(context, 'job');
    const [[leased]] = await context.db.write([leaseDuty(orm, state, leaseId, now, LEASE_MS)]);
    if (leased === undefined)
      return slice.startedBy === undefined ? NOTHING : { ...NOTHING, failure: busy() };
    const forgotten = slice.startedBy !== undefined && leased.updatedAt < now - FORGOTTEN_MS;
    const cursor = forgotten ? null : (leased.cursor as unknown as Cursor | null);
    const { result, next } = await goOn(context, slice, cursor);
    await context.db.write([
      releaseDuty(orm, state, leaseId, { cursor: next && { ...next }, updatedAt: context.now() }),
    ]);
    return result;
  },
};

/** Once a day, and on when it was cut short. A registry that is new has nothing to compare yet. */
async function isDue(context: Context, state: string): Promise<boolean> {
  const { orm } = context.db;
  const now = context.now();
  const [[found]] = await context.db.read([findDutyState(orm, state)]);
  if (found === undefined) await context.db.write([keepDutyState(orm, state, null, now)]);
  return found !== undefined && (found.cursor !== null || found.updatedAt <= now - DAY_MS);
}

/** Goes on from a cursor as far as the budget reaches. out: what was found, and where to go on; null at the end. */
async function goOn(
  context: Context,
  { budget, apply, startedBy }: Slice,
  cursor: Cursor | null,
): Promise<{ result: SliceResult; next: Cursor | null }> {
  const before = cursor?.totals ?? NOTHING_YET;
  const { pass, totals, items } = openPass(context, budget, apply ? startedBy : undefined, before);
  let after = cursor?.after;
  let at = Math.max(
    0,
    PARTS.findIndex(([name]) => name === cursor?.part),
  );
  let failure: unknown;
  try {
    while (at < PARTS.length && budget.allows(REQUESTS_OF_STEP)) {
      after = await PARTS[at]![1](pass, after);
      if (after === undefined) at += 1;
    }
  } catch (error) {
    failure = error;
  }
  const more = at < PARTS.length;
  const part = PARTS[at]?.[0];
  const done = findingsOf(totals()) - findingsOf(before);
  const report = more ? items : [...items, { summary: totals() }];
  return {
    result: { done, more, report, failure },
    next: part === undefined ? null : { part, ...(after === undefined ? {} : { after }), totals: totals() },
  };
}

function busy(): RegistryError {
  return new RegistryError('ABORTED', 'Another run of this duty is at work; ask again in two minutes');
}
