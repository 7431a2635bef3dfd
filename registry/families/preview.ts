import { failedPrecondition, notFound } from '../../core/errors.ts';
import type { FamilyCandidate } from '../../core/families.ts';
import { decodePageToken, encodePageToken, type PagePosition } from '../../core/page-token.ts';
import type { RetentionPolicy } from '../../core/retention.ts';
import { findFamily } from '../../db/families.ts';
import { findFamilyRow } from '../../db/retention.ts';
import { readAs, readInput, requireInFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Decision, planOf, planQueries, policyOf } from './plan.ts';

export interface PreviewRetention {
  readonly folderId: string;
  readonly family: string;
  /** Instead of the one that the family has. */
  readonly policy: RetentionPolicy | undefined;
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

export interface RetentionPreview extends Page<Decision> {
  /** When the family's own policy is applied next; null without one. */
  readonly nextRunAt: number | null;
}

/**
 * What a policy does with each image of a family if it is applied now, in the order of standing: planned as the
 * scheduled function plans it. Nothing is changed.
 * Throws PERMISSION_DENIED for the folder, NOT_FOUND for a family without image and policy, FAILED_PRECONDITION when
 * there is no policy, neither given nor kept, INVALID_ARGUMENT.
 */
export async function previewRetention(
  context: CallerContext,
  { folderId, family, policy: given, pageSize, pageToken }: PreviewRetention,
): Promise<RetentionPreview> {
  const { orm } = context.db;
  const name = { folderId, family };
  const query = ['retention', folderId, family, given === undefined ? '' : JSON.stringify(given)];
  const after = await readInput(context, () =>
    pageToken ? placeOf(decodePageToken(query, pageToken)) : undefined,
  );
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    findFamilyRow(orm, name),
  ]);
  const [[row]] = rows;
  requireInFolder(access, 'compute.imageFamilies.get', folderId);
  const own = policyOf(row);
  const policy = given ?? own;
  const now = context.now();
  if (policy === undefined) throw await withoutPolicy(context, folderId, family);
  const slice = { after, limit: pageSize + 1 };
  const decisions = planOf(policy, await context.db.read(planQueries(orm, name, policy, slice, now)), now);
  if (decisions.length === 0 && after === undefined && own === undefined) {
    throw notFound('Image family', family);
  }
  const items = decisions.slice(0, pageSize);
  const last = items.at(-1);
  return {
    items,
    nextRunAt: own === undefined ? null : (row?.nextRunAt ?? null),
    ...(decisions.length > pageSize &&
      last && { nextPageToken: encodePageToken(query, positionOf(last.image)) }),
  };
}

async function withoutPolicy({ db, now }: CallerContext, folderId: string, family: string) {
  const [[found]] = await db.read([findFamily(db.orm, folderId, family, now())]);
  if (found === undefined) return notFound('Image family', family);
  return failedPrecondition(
    family,
    'NO_POLICY',
    `The family "${family}" has no policy to preview; give one with action and keepLast or keepWithin`,
  );
}

function positionOf({ promotedAt, createdAt, id }: FamilyCandidate): PagePosition {
  return { value: `${promotedAt}~${createdAt}`, id };
}

function placeOf({ value, id }: PagePosition): FamilyCandidate {
  const [promotedAt, createdAt] = String(value).split('~').map(Number);
  return { promotedAt: promotedAt!, createdAt: createdAt!, id };
}
