import { notFound } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import {
  isQuotaId,
  QUOTA_IDS,
  QUOTA_SERVICE,
  QUOTAS,
  type QuotaId,
  type QuotaUse,
} from '../../core/quotas.ts';
import { demandCloud, findCloud } from '../../db/clouds.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandQuota, quotasOfCloud, setLimit } from '../../db/quotas.ts';
import { authenticate, readAs, readInput, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent } from '../etag.ts';
import type { Page } from '../lists.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';

/** A limit of a cloud and what is used of it. */
export type QuotaLimit = QuotaUse;

/** A part of the registry that has quotas. */
export interface QuotaService {
  readonly id: string;
  readonly name: string;
}

const SERVICES: readonly QuotaService[] = [{ id: QUOTA_SERVICE, name: 'Compute' }];

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

/** One quota of a cloud. Throws NOT_FOUND, PERMISSION_DENIED. */
export async function getQuotaLimit(
  context: CallerContext,
  cloudId: string,
  quotaId: string,
): Promise<QuotaLimit> {
  const cloud = { kind: 'cloud', id: cloudId } as const;
  const { orm } = context.db;
  const { access, rows } = await readAs(context, cloud, [
    findCloud(orm, cloudId),
    quotasOfCloud(orm, cloudId),
  ]);
  requireResource(rows[0][0], access, cloud, 'quota-manager.quotaLimits.get');
  return limitOf(rows[1], knownQuota(quotaId));
}

/** The quotas of a cloud that a service counts, in the order of their table. Throws NOT_FOUND, PERMISSION_DENIED. */
export async function listQuotaLimits(
  context: CallerContext,
  cloudId: string,
  service: string,
  request: PageRequest,
): Promise<Page<QuotaLimit>> {
  const query = ['quota limits', cloudId, service];
  const after = await readInput(context, () => positionAfter(query, request, QUOTA_IDS));
  const cloud = { kind: 'cloud', id: cloudId } as const;
  const { orm } = context.db;
  const { access, rows } = await readAs(context, cloud, [
    findCloud(orm, cloudId),
    quotasOfCloud(orm, cloudId),
  ]);
  requireResource(rows[0][0], access, cloud, 'quota-manager.quotaLimits.list');
  if (!SERVICES.some(({ id }) => id === service)) throw notFound('Service', service);
  const page = pageOf(query, request, QUOTA_IDS, after);
  return { ...page, items: page.items.map((quotaId) => limitOf(rows[1], quotaId)) };
}

/** The services that have quotas, for any caller. */
export async function listQuotaServices(
  context: CallerContext,
  request: PageRequest,
): Promise<Page<QuotaService>> {
  await authenticate(context);
  const query = ['quota services'];
  const ids = SERVICES.map(({ id }) => id);
  const page = pageOf(query, request, ids, positionAfter(query, request, ids));
  return { ...page, items: SERVICES.filter(({ id }) => page.items.includes(id)) };
}

/**
 * Sets a limit of a cloud, also below its use: only new use is refused then. out: an operation that is done.
 * Throws NOT_FOUND, PERMISSION_DENIED, STALE.
 */
export function updateQuotaLimit(
  context: CallerContext,
  cloudId: string,
  quotaId: string,
  limit: number,
  ifMatch: string | undefined,
): Promise<Operation> {
  const cloud = { kind: 'cloud', id: cloudId } as const;
  const { orm } = context.db;
  return decideAgain(async () => {
    const { access, rows, replay } = await readToChange(context, cloud, [
      findCloud(orm, cloudId),
      quotasOfCloud(orm, cloudId),
    ]);
    requireResource(rows[0][0], access, cloud, 'quota-manager.quotaLimits.update');
    const known = knownQuota(quotaId);
    if (replay !== undefined) return replay;
    const current = limitOf(rows[1], known);
    demandCurrent(quotaId, limitEtag(current), ifMatch);
    const operation = finishedOperation(context, access, {
      kind: 'quotaLimits.update',
      resource: { kind: 'cloud', id: cloudId, folderId: null, cloudId },
      metadata: { cloudId, quotaId },
      response: { type: 'quotaLimit', value: { ...current, limit } },
    });
    await context.db.write([
      demandCloud(orm, cloudId),
      // Use comes and goes all the time: only who names a version wants it to have stood still.
      ...(ifMatch === undefined ? [] : [demandQuota(orm, cloudId, current, QUOTAS[known].defaultLimit)]),
      setLimit(orm, cloudId, known, limit),
      ...recordOperation(context, operation, {
        before: { limit: { [known]: current.limit } },
        after: { limit: { [known]: limit } },
      }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** The entity tag of a limit and what is used of it, without quotes. */
export function limitEtag({ quotaId, limit, usage }: QuotaLimit): string {
  return `${quotaId}-${limit}-${usage}`;
}

/** Throws NOT_FOUND. */
export function knownQuota(quotaId: string): QuotaId {
  if (!isQuotaId(quotaId)) throw notFound('Quota', quotaId);
  return quotaId;
}

/** A quota of which a cloud has no row stands at its default, unused. */
function limitOf(rows: readonly QuotaUse[], quotaId: QuotaId): QuotaLimit {
  const { limit, usage } = rows.find((row) => row.quotaId === quotaId) ?? {
    limit: QUOTAS[quotaId].defaultLimit,
    usage: 0,
  };
  return { quotaId, limit, usage };
}

/** How many of the names come before the page that is asked for. Throws INVALID_ARGUMENT. */
function positionAfter(
  query: readonly string[],
  { pageToken }: PageRequest,
  names: readonly string[],
): number {
  return pageToken ? names.indexOf(String(decodePageToken(query, pageToken).value)) + 1 : 0;
}

function pageOf<Name extends string>(
  query: readonly string[],
  { pageSize }: PageRequest,
  names: readonly Name[],
  start: number,
): Page<Name> {
  const items = names.slice(start, start + pageSize);
  const last = items.at(-1);
  if (last === undefined || start + items.length >= names.length) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last, id: '' }) };
}
