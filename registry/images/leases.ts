import { notFound, RegistryError } from '../../core/errors.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImage } from '../../db/images.ts';
import {
  countLeases,
  deleteLease,
  demandInForce,
  demandReadyImage,
  demandRoomForLease,
  findLease,
  insertLease,
  leasesInForce,
  renewLease,
} from '../../db/leases.ts';
import type { ImageRow, LeaseRow } from '../../schema/tables/images.ts';
import { auditRow } from '../audit/record.ts';
import { readAs } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { type PageRequest, readPage } from '../identity/pages.ts';
import type { Page } from '../lists.ts';
import { demandReady, requireResource } from '../resources.ts';

/** A holder's word that it boots from an image until `expiresAt`. */
export type Lease = LeaseRow;

/** Leases in force on one image. */
const MAX_LEASES = 1_000;

const resourceOf = (id: string) => ({ kind: 'image', id }) as const;

/**
 * Leases an image for a holder, from now on for `ttlMs`; the lease that the holder has is renewed, which may shorten
 * it. A repetition does no more than that.
 * Throws NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED and FAILED_PRECONDITION for an image that is not READY.
 */
export function leaseImage(
  context: CallerContext,
  imageId: string,
  { holder, ttlMs }: { readonly holder: string; readonly ttlMs: number },
): Promise<Lease> {
  const resource = resourceOf(imageId);
  return decideAgain(async () => {
    const { orm } = context.db;
    const now = context.now();
    const { access, rows } = await readAs(context, resource, [
      findImage(orm, imageId),
      findLease(orm, imageId, holder),
      countLeases(orm, imageId, now),
    ]);
    const [[row], [held], [count]] = rows;
    const image = requireResource(row, access, resource, 'compute.images.update');
    demandReady(resource, image.status, 'leased');
    const renewed = held !== undefined && held.expiresAt > now ? held : undefined;
    if (renewed === undefined && (count?.leases ?? 0) >= MAX_LEASES) throw tooManyLeases(imageId);
    const times = { renewedAt: now, expiresAt: now + ttlMs };
    const lease: Lease = renewed
      ? { ...renewed, ...times }
      : {
          id: newId(context, 'lease'),
          imageId,
          holder,
          createdAt: now,
          createdBy: access.callerId,
          ...times,
        };
    await context.db.write([
      demandReadyImage(orm, imageId),
      ...(renewed === undefined
        ? [
            ...(held === undefined ? [] : [deleteLease(orm, held.id)]),
            demandRoomForLease(orm, imageId, now, MAX_LEASES),
            insertLease(orm, lease),
          ]
        : [demandInForce(orm, renewed.id, now), renewLease(orm, renewed.id, times)]),
      audit(context, access.callerId, 'images.lease', image, { before: renewed, after: lease }),
      clearGuards(orm),
    ]);
    return lease;
  });
}

/**
 * Ends the lease of a holder at once. out: the lease as it ended.
 * Throws PERMISSION_DENIED, and NOT_FOUND also when the holder has none in force.
 */
export function releaseLease(context: CallerContext, imageId: string, holder: string): Promise<Lease> {
  const resource = resourceOf(imageId);
  return decideAgain(async () => {
    const { orm } = context.db;
    const now = context.now();
    const { access, rows } = await readAs(context, resource, [
      findImage(orm, imageId),
      findLease(orm, imageId, holder),
    ]);
    const [[row], [held]] = rows;
    const image = requireResource(row, access, resource, 'compute.images.update');
    if (held === undefined || held.expiresAt <= now) throw notFound('Lease of holder', holder);
    await context.db.write([
      demandInForce(orm, held.id, now),
      deleteLease(orm, held.id),
      audit(context, access.callerId, 'images.releaseLease', image, { before: held }),
      clearGuards(orm),
    ]);
    return { ...held, expiresAt: now };
  });
}

/** The leases in force on an image, sorted by id. Throws NOT_FOUND, INVALID_ARGUMENT for a page token of another list. */
export async function listLeases(
  context: CallerContext,
  imageId: string,
  request: PageRequest,
): Promise<Page<Lease>> {
  const { orm } = context.db;
  const resource = resourceOf(imageId);
  const page = await readPage(context, ['leases', imageId], request);
  const { access, rows } = await readAs(context, resource, [
    findImage(orm, imageId),
    leasesInForce(orm, imageId, context.now(), page.limit, page.after),
  ]);
  const [[row], found] = rows;
  requireResource(row, access, resource, 'compute.images.get');
  return page.of(found);
}

function audit(
  context: CallerContext,
  actorId: string,
  action: string,
  { id, folderId, cloudId }: ImageRow,
  change: { readonly before?: Lease | undefined; readonly after?: Lease },
) {
  return auditRow(context, {
    actorId,
    action,
    resource: { kind: 'image', id, folderId, cloudId },
    ...change,
  });
}

function tooManyLeases(imageId: string): RegistryError {
  return new RegistryError(
    'RESOURCE_EXHAUSTED',
    `Image "${imageId}" has ${MAX_LEASES} leases in force; release some, or let one holder stand for several machines`,
  );
}
