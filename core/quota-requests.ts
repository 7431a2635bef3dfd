/** Requests for other limits: what becomes of each quota that is asked for, and with them of the request. */
import { failedPrecondition, invalidField, invalidFields } from './errors.ts';
import { next, type StateOf } from './lifecycle.ts';
import type { QuotaId } from './quotas.ts';

/** The largest limit: what a 64-bit integer holds, as near as a number comes to it. */
export const MAX_LIMIT = 2 ** 63;
/** How many quotas one call may name. */
export const MAX_REQUESTED = 1000;

/** One quota of a request. */
export interface RequestedLimit {
  readonly quotaId: QuotaId;
  readonly desiredLimit: number;
  readonly approvedLimit: number | null;
  readonly status: StateOf<'quotaRequestItem'>;
  readonly message: string | null;
  readonly modifiedBy: string | null;
}

export type RequestStatus = StateOf<'quotaRequest'>;

/** An administrator's answer for one quota: the limit that it gets, or none. */
export type Review =
  | {
      readonly kind: 'approve';
      readonly approvedLimit?: number | undefined;
      readonly message?: string | undefined;
    }
  | { readonly kind: 'reject'; readonly message?: string | undefined };

/** Throws INVALID_ARGUMENT when a quota is asked for twice; `field` holds the list in which they stand. */
export function demandDistinct(field: string, quotaIds: readonly string[]): void {
  const again = quotaIds.flatMap((quotaId, index) => (quotaIds.indexOf(quotaId) < index ? [index] : []));
  if (again.length === 0) return;
  throw invalidFields(
    again.map((index) => ({
      field: `${field}[${index}].quota_id`,
      description: `"${quotaIds[index]}" stands in the list before; name each quota once`,
    })),
  );
}

/**
 * The items of a request that a call names, all pending ones when it names none. They must be the request's own and
 * still PENDING. Throws INVALID_ARGUMENT on `field`, FAILED_PRECONDITION.
 */
export function pendingItems<Item extends RequestedLimit>(
  request: { readonly id: string; readonly status: RequestStatus },
  items: readonly Item[],
  field: string,
  quotaIds?: readonly string[],
): readonly Item[] {
  const chosen = quotaIds === undefined ? items.filter(({ status }) => status === 'PENDING') : [];
  for (const quotaId of new Set(quotaIds)) {
    const item = items.find((one) => one.quotaId === quotaId);
    if (item === undefined) {
      const own = items.map((one) => one.quotaId).join(', ');
      throw invalidField(field, `"${quotaId}" is not a quota of the request, which asks for ${own}`);
    }
    if (item.status !== 'PENDING') {
      throw notPending(request.id, `${quotaId} is ${item.status}; only what is PENDING can still be changed`);
    }
    chosen.push(item);
  }
  if (chosen.length === 0) {
    throw notPending(
      request.id,
      `The request is ${request.status}: nothing in it is PENDING; make a new one`,
    );
  }
  return chosen;
}

function notPending(requestId: string, description: string) {
  return failedPrecondition(requestId, 'STATUS', description);
}

/** An item that its requester takes back. */
export function cancelled<Item extends RequestedLimit>(item: Item, by: string): Item {
  return { ...item, status: next('quotaRequestItem', item.status, 'cancel'), modifiedBy: by };
}

/** An item with an administrator's answer. Approved is what was desired, unless another limit is given. */
export function reviewed<Item extends RequestedLimit>(item: Item, review: Review, by: string): Item {
  const change = { message: review.message || null, modifiedBy: by };
  if (review.kind === 'reject') {
    return { ...item, ...change, status: next('quotaRequestItem', item.status, 'reject') };
  }
  const { approvedLimit = item.desiredLimit } = review;
  const event = approvedLimit < item.desiredLimit ? 'approveLess' : 'approve';
  return { ...item, ...change, approvedLimit, status: next('quotaRequestItem', item.status, event) };
}

/** The status of a request whose items have become these; unchanged while all of those not cancelled are pending. */
export function statusWith(status: RequestStatus, items: readonly RequestedLimit[]): RequestStatus {
  if (items.every((item) => item.status === 'CANCELED')) return next('quotaRequest', status, 'cancel');
  if (items.every((item) => item.status !== 'PENDING')) return next('quotaRequest', status, 'settle');
  const untouched = items.every((item) => item.status === 'PENDING' || item.status === 'CANCELED');
  return untouched ? status : next('quotaRequest', status, 'review');
}
