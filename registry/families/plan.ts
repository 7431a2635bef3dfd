import {
  DEFAULT_MIN_AGE_MS,
  planRetention,
  type RetentionDecision,
  type RetentionPolicy,
} from '../../core/retention.ts';
import type { Answers, Orm } from '../../db/client.ts';
import {
  type Family,
  familyFrame,
  type ImagesSlice,
  imagesToPlan,
  type PolicyColumns,
} from '../../db/retention.ts';

/** The policy of a family's row; undefined when it has none. */
export function policyOf(row: PolicyColumns | undefined): RetentionPolicy | undefined {
  if (row?.action == null) return undefined;
  const { action, keepLast, keepWithinMs, minAgeMs, includePublic } = row;
  return { action, keepLast, keepWithinMs, minAgeMs: minAgeMs ?? DEFAULT_MIN_AGE_MS, includePublic };
}

/** What a plan of some images of a family is made from, to be read in one go. */
export function planQueries(
  orm: Orm,
  name: Family,
  policy: RetentionPolicy,
  slice: ImagesSlice,
  now: number,
) {
  return [familyFrame(orm, name, policy.keepLast, now), imagesToPlan(orm, name, slice, now)] as const;
}

type PlanRows = Readonly<Answers<[ReturnType<typeof familyFrame>, ReturnType<typeof imagesToPlan>]>>;
export type PlannedRow = PlanRows[1][number];
export type Decision = RetentionDecision<
  PlannedRow & { readonly lease: { readonly expiresAt: number } | null }
>;

/** The plan of what `planQueries` gave, for the time for which it was read. */
export function planOf(policy: RetentionPolicy, [[frame], rows]: PlanRows, now: number): Decision[] {
  const { latestId, firstId, readyImages, lastId, lastCreatedAt, lastPromotedAt } = frame!;
  const images = rows.map((row) => ({
    ...row,
    lease: row.leasedUntil === null ? null : { expiresAt: row.leasedUntil },
  }));
  return planRetention(policy, images, now, {
    latestId: latestId ?? undefined,
    firstId: firstId ?? undefined,
    readyImages,
    lastKept:
      lastId === null || lastCreatedAt === null || lastPromotedAt === null
        ? undefined
        : { id: lastId, createdAt: lastCreatedAt, promotedAt: lastPromotedAt },
  });
}
