import { describe, expect, it } from 'vitest';
import {
  cancelled,
  demandDistinct,
  pendingItems,
  type RequestedLimit,
  type RequestStatus,
  reviewed,
  statusWith,
} from '../../../core/quota-requests.ts';

type ItemStatus = RequestedLimit['status'];

const item = (quotaId: RequestedLimit['quotaId'], status: ItemStatus = 'PENDING'): RequestedLimit => ({
  quotaId,
  desiredLimit: 5,
  approvedLimit: null,
  status,
  message: null,
  modifiedBy: null,
});
const POOLS = 'compute.diskPools.count';
const IMAGES = 'compute.images.count';
const DISKS = 'compute.disks.count';

describe('one quota of a request', () => {
  it.each<[string, number | undefined, ItemStatus, number]>([
    ['as desired', undefined, 'APPROVED', 5],
    ['with the desired limit', 5, 'APPROVED', 5],
    ['with more', 6, 'APPROVED', 6],
    ['with less', 4, 'PARTIAL_APPROVED', 4],
    ['with nothing at all', 0, 'PARTIAL_APPROVED', 0],
  ])('is approved %s', (_, approvedLimit, status, limit) => {
    expect(reviewed(item(POOLS), { kind: 'approve', approvedLimit, message: 'why' }, 'me')).toEqual({
      ...item(POOLS, status),
      approvedLimit: limit,
      message: 'why',
      modifiedBy: 'me',
    });
  });

  it('is rejected, or cancelled, without a limit', () => {
    expect(reviewed(item(POOLS), { kind: 'reject', message: '' }, 'me')).toEqual({
      ...item(POOLS, 'REJECTED'),
      modifiedBy: 'me',
    });
    expect(cancelled(item(POOLS), 'me')).toEqual({ ...item(POOLS, 'CANCELED'), modifiedBy: 'me' });
  });

  it('is settled once', () => {
    for (const status of ['APPROVED', 'PARTIAL_APPROVED', 'REJECTED', 'CANCELED'] as const) {
      expect(() => reviewed(item(POOLS, status), { kind: 'approve' }, 'me')).toThrow(`is ${status}`);
      expect(() => cancelled(item(POOLS, status), 'me')).toThrow(`is ${status}`);
    }
  });
});

describe('the status of a request', () => {
  it.each<[RequestStatus, ItemStatus[], RequestStatus]>([
    ['PENDING', ['PENDING', 'PENDING'], 'PENDING'],
    ['PENDING', ['CANCELED', 'PENDING'], 'PENDING'],
    ['PENDING', ['CANCELED', 'CANCELED'], 'CANCELED'],
    ['PENDING', ['APPROVED', 'PENDING'], 'PROCESSING'],
    ['PROCESSING', ['APPROVED', 'PENDING'], 'PROCESSING'],
    ['PENDING', ['REJECTED', 'PENDING'], 'PROCESSING'],
    ['PENDING', ['REJECTED', 'CANCELED'], 'PROCESSED'],
    ['PENDING', ['REJECTED', 'REJECTED'], 'PROCESSED'],
    ['PROCESSING', ['APPROVED', 'CANCELED'], 'PROCESSED'],
    ['PROCESSING', ['PARTIAL_APPROVED', 'APPROVED'], 'PROCESSED'],
  ])('%s with %j is %s', (status, statuses, expected) => {
    const items = statuses.map((one, index) => item(index === 0 ? POOLS : IMAGES, one));
    expect(statusWith(status, items)).toBe(expected);
  });
});

describe('the quotas that a call names', () => {
  const request = { id: 'b1grequest', status: 'PROCESSING' } as const;
  const items = [item(POOLS), item(IMAGES, 'APPROVED'), item(DISKS)];
  const chosen = (quotaIds?: readonly string[]) =>
    pendingItems(request, items, 'quota_ids', quotaIds).map(({ quotaId }) => quotaId);

  it('are all that are pending unless some are named', () => {
    expect(chosen()).toEqual([POOLS, DISKS]);
    expect(chosen([DISKS])).toEqual([DISKS]);
    expect(chosen([DISKS, DISKS])).toEqual([DISKS]);
  });

  it.each<[string, string[], string, string]>([
    ['no quota of the request', ['compute.images.size'], 'INVALID_ARGUMENT', `asks for ${POOLS}, ${IMAGES}`],
    ['one that is settled', [DISKS, IMAGES], 'FAILED_PRECONDITION', `${IMAGES} is APPROVED`],
  ])('may not be %s', (_, quotaIds, code, message) => {
    expect(() => chosen(quotaIds)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('must be some', () => {
    expect(() => pendingItems(request, [item(POOLS, 'REJECTED')], 'items')).toThrow(
      'nothing in it is PENDING',
    );
  });

  it('are named once where each brings its own limit', () => {
    expect(() => demandDistinct('items', [POOLS, IMAGES])).not.toThrow();
    expect(() => demandDistinct('items', [POOLS, IMAGES, POOLS, POOLS])).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: [
          {
            kind: 'fields',
            violations: [
              expect.objectContaining({ field: 'items[2].quota_id' }),
              expect.objectContaining({ field: 'items[3].quota_id' }),
            ],
          },
        ],
      }),
    );
  });
});
