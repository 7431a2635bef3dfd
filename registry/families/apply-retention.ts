import type { FamilyCandidate } from '../../core/families.ts';
import { demandSameTime, isRanked, type RetentionPolicy } from '../../core/retention.ts';
import { DatabaseUnavailable } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { findDutyState, keepDutyState } from '../../db/maintenance.ts';
import { demandPlanned, familiesDue, setNextRun } from '../../db/retention.ts';
import type { FamilyRow } from '../../schema/tables/families.ts';
import { StoreUnavailable } from '../../storage/store.ts';
import { decideAgain } from '../conflicts.ts';
import type { Context } from '../context.ts';
import type { Duty, ReportItem } from '../duties/duty.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { type Decision, planOf, planQueries, policyOf } from './plan.ts';
import { deleteByPolicy, deprecateByPolicy } from './take.ts';

const NAME = 'apply-retention';
const RUNS_EACH_MS = 3_600_000;
/** How many images of a family are looked at, and at most taken, in one batch. */
const IMAGES_EACH = 100;
/** What such a batch takes, with its reads, when it is decided twice. */
const REQUESTS_EACH = 30;
/** More than a run gets through. */
const FAMILIES_EACH = 200;
/** How many ids of a family a report holds. */
const IDS_TOLD = 100;

/** A family that is due, with its policy. */
interface DueFamily {
  readonly row: FamilyRow;
  readonly policy: RetentionPolicy;
}

/** What was done with a slice of a family; `next` is where the next slice begins, if there is one. */
interface AppliedSlice {
  readonly taken: readonly Decision[];
  readonly next: FamilyCandidate | undefined;
}

/**
 * Applies the policies of families, each every hour, the longest due first. A family is gone through in slices, each
 * with a plan and a batch of its own; where a run stopped in the middle of one is kept, so that a family of any size
 * comes to its end.
 */
export const applyRetention: Duty = {
  description: 'Deletes or deprecates what the policies of families do not keep',
  async run(context, { dryRun, budget }) {
    const { orm } = context.db;
    const now = context.now();
    const [rows, [state]] = await context.db.read([
      familiesDue(orm, now, now + RUNS_EACH_MS, FAMILIES_EACH + 1),
      findDutyState(orm, NAME),
    ]);
    const due = rows.slice(0, FAMILIES_EACH).flatMap((row) => {
      const policy = policyOf(row);
      return policy === undefined ? [] : [{ row, policy }];
    });
    const report = new Map<FamilyRow, Decision[]>();
    const result = (more: boolean, failure?: unknown) => ({ ...told(report), more, failure });
    let failure: unknown;
    for (const family of due) {
      let after = dryRun ? undefined : placeIn(state?.cursor, family.row);
      for (;;) {
        if (!budget.allows(REQUESTS_EACH)) return result(true, failure);
        try {
          const { taken, next } = await applySlice(context, family, after, dryRun);
          report.set(family.row, [...(report.get(family.row) ?? []), ...taken]);
          if (next === undefined) break;
          after = next;
        } catch (error) {
          failure ??= error;
          if (error instanceof DatabaseUnavailable || error instanceof StoreUnavailable) {
            return result(true, failure);
          }
          break;
        }
      }
    }
    return result(rows.length > FAMILIES_EACH, failure);
  },
};

/** Plans a slice for the moment and carries the plan out, unless the world moved in between: then it plans again. */
function applySlice(
  context: Context,
  { row, policy }: DueFamily,
  after: FamilyCandidate | undefined,
  dryRun: boolean,
): Promise<AppliedSlice> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const now = context.now();
    const slice = { after, limit: IMAGES_EACH, takenBy: policy };
    const read = await context.db.read(planQueries(orm, row, policy, slice, now));
    demandSameTime(now, read[0][0]?.databaseNow ?? Number.NaN);
    const plan = planOf(policy, read, now);
    const taken = plan.filter(({ action }) => action !== 'KEEP');
    const last = plan.at(-1)?.image;
    const next = plan.length === IMAGES_EACH && last !== undefined && isRanked(last) ? last : undefined;
    if (dryRun) return { taken, next };
    const images = taken.map(({ image }) => image).filter(isRanked);
    const planned = { name: row, familyRevision: row.revision, policy, images };
    await writeAndTell(context, [
      ...(images.length === 0
        ? []
        : [
            ...demandPlanned(orm, planned, now),
            ...(policy.action === 'DELETE' ? deleteByPolicy : deprecateByPolicy)(context, images),
            clearGuards(orm),
          ]),
      ...(next === undefined ? [setNextRun(orm, row, row.revision, now + RUNS_EACH_MS)] : []),
      // Only a family of more than one slice has a place to be kept or forgotten.
      ...(next === undefined && after === undefined
        ? []
        : [keepDutyState(orm, NAME, cursorOf(row, next), now)]),
    ]);
    return { taken, next };
  });
}

/** Where the next slice of a family begins, under this policy. */
function cursorOf({ folderId, family, revision }: FamilyRow, next: FamilyCandidate | undefined) {
  if (next === undefined) return null;
  const { id, createdAt, promotedAt } = next;
  return { folderId, family, revision, after: { id, createdAt, promotedAt } };
}

/** Where a run stopped in the middle of this family, if it did. */
function placeIn(cursor: unknown, { folderId, family, revision }: FamilyRow): FamilyCandidate | undefined {
  const kept = cursor as Partial<NonNullable<ReturnType<typeof cursorOf>>> | null | undefined;
  const isOfThis = kept?.folderId === folderId && kept.family === family && kept.revision === revision;
  return isOfThis ? kept.after : undefined;
}

function told(taken: ReadonlyMap<FamilyRow, readonly Decision[]>): { done: number; report: ReportItem[] } {
  const entries = [...taken].filter(([, decisions]) => decisions.length > 0);
  return {
    done: entries.reduce((sum, [, decisions]) => sum + decisions.length, 0),
    report: entries.map(([{ folderId, family }, decisions]) => ({
      folderId,
      family,
      action: decisions[0]!.action,
      images: decisions.length,
      bytesFreed: decisions.reduce((sum, { bytesFreed }) => sum + bytesFreed, 0),
      imageIds: decisions.slice(0, IDS_TOLD).map(({ image }) => image.id),
    })),
  };
}
