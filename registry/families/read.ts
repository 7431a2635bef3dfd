import { notFound } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import type { RetentionPolicy } from '../../core/retention.ts';
import { listFamilies as familiesOfFolder, findFamily, promotionsOfFamily } from '../../db/families.ts';
import type { PromotionRow } from '../../schema/tables/families.ts';
import { readAs, readInput, requireInFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';
import { policyOf } from './plan.ts';

/** A family: images of a folder that share a name. */
export interface Family {
  readonly folderId: string;
  readonly family: string;
  /** Also those that are passed over. */
  readonly imageCount: number;
  readonly candidateCount: number;
  /** Stored bytes of its images, of a layer that several name once. */
  readonly sizeBytes: number;
  /** None when all of its images are passed over. */
  readonly latestImageId: string | null;
  readonly policy: RetentionPolicy | null;
  /** When the policy is applied next; null without one. */
  readonly nextRunAt: number | null;
}

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

/** One family. Throws PERMISSION_DENIED for the folder, NOT_FOUND for a family without image and policy. */
export async function getFamily(context: CallerContext, folderId: string, family: string): Promise<Family> {
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    findFamily(orm, folderId, family, context.now()),
  ]);
  const [[found]] = rows;
  requireInFolder(access, 'compute.imageFamilies.get', folderId);
  if (found === undefined) throw notFound('Image family', family);
  return familyOf(folderId, found);
}

/** A family out of what `findFamily` found. */
export function familyOf(folderId: string, row: Awaited<ReturnType<typeof findFamily>>[number]): Family {
  const { family, imageCount, candidateCount, sizeBytes, latestImageId } = row;
  const policy = policyOf(row) ?? null;
  const nextRunAt = policy === null ? null : row.nextRunAt;
  return { folderId, family, imageCount, candidateCount, sizeBytes, latestImageId, policy, nextRunAt };
}

/** The families of exactly this folder, by name. Throws PERMISSION_DENIED for the folder, INVALID_ARGUMENT. */
export async function listFamilies(
  context: CallerContext,
  { folderId, pageSize, pageToken }: PageRequest & { readonly folderId: string },
): Promise<Page<Family>> {
  const { orm } = context.db;
  const query = ['imageFamilies', folderId];
  const after = await readInput(context, () =>
    pageToken ? String(decodePageToken(query, pageToken).value) : '',
  );
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    familiesOfFolder(orm, folderId, context.now(), { limit: pageSize + 1, after }),
  ]);
  const [found] = rows;
  requireInFolder(access, 'compute.imageFamilies.list', folderId);
  const items = found.slice(0, pageSize).map((family) => familyOf(folderId, family));
  const last = items.at(-1);
  if (found.length <= pageSize || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.family, id: '' }) };
}

/**
 * When somebody made an image the latest of a family, newest first, also images that are gone.
 * Throws PERMISSION_DENIED for the folder, NOT_FOUND for a family of which nothing is known, INVALID_ARGUMENT.
 */
export async function listPromotions(
  context: CallerContext,
  {
    folderId,
    family,
    pageSize,
    pageToken,
  }: PageRequest & { readonly folderId: string; readonly family: string },
): Promise<Page<PromotionRow>> {
  const { orm } = context.db;
  const query = ['promotions', folderId, family];
  const before = await readInput(context, () =>
    pageToken ? Number(decodePageToken(query, pageToken).value) : undefined,
  );
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    promotionsOfFamily(orm, folderId, family, pageSize + 1, before),
    findFamily(orm, folderId, family, context.now()),
  ]);
  const [found, [known]] = rows;
  requireInFolder(access, 'compute.imageFamilies.get', folderId);
  if (found.length === 0 && known === undefined) throw notFound('Image family', family);
  const items = found.slice(0, pageSize);
  const last = items.at(-1);
  if (found.length <= pageSize || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.sequence, id: last.id }) };
}
