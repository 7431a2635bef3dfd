import { describe, expect, it } from 'vitest';
import {
  activeOperationsError,
  isQuotaId,
  QUOTA_IDS,
  QUOTAS,
  type QuotaId,
  type QuotaUse,
  quotaError,
  violated,
} from '../../../core/quotas.ts';

describe('the table', () => {
  it.each<[QuotaId, number, string]>([
    ['compute.images.count', 32, 'The limit on maximum number of images has exceeded.'],
    ['compute.images.size', 1_099_511_627_776, 'The limit on total size of images has exceeded.'],
    ['compute.diskPools.count', 0, 'The limit on maximum number of disk pools has exceeded.'],
    ['compute.disks.count', 32, 'The limit on maximum number of disks has exceeded.'],
    ['compute.disks.size', 1_550_483_193_856, 'The limit on total size of disks has exceeded.'],
    ['compute.hddDisks.size', 536_870_912_000, 'The limit on total size of network-hdd disks has exceeded.'],
    ['compute.ssdDisks.size', 214_748_364_800, 'The limit on total size of network-ssd disks has exceeded.'],
    [
      'compute.ssdNonReplicatedDisks.size',
      599_147_937_792,
      'The limit on total size of network-ssd-nonreplicated disks has exceeded.',
    ],
    [
      'compute.ssdIOM3Disks.size',
      199_715_979_264,
      'The limit on total size of network-ssd-io-m3 disks has exceeded.',
    ],
    [
      'compute.diskPlacementGroups.count',
      5,
      'The limit on maximum number of disk placement groups has exceeded.',
    ],
    ['compute.snapshots.count', 32, 'The limit on maximum number of snapshots has exceeded.'],
    ['compute.snapshots.size', 429_496_729_600, 'The limit on total size of snapshots has exceeded.'],
    [
      'compute.snapshotSchedules.count',
      32,
      'The limit on maximum number of snapshot schedules has exceeded.',
    ],
    ['compute.instances.count', 12, 'The limit on maximum number of instances has exceeded.'],
    ['compute.instanceCores.count', 32, 'The limit on maximum number of instance cores has exceeded.'],
    [
      'compute.instanceMemory.size',
      137_438_953_472,
      'The limit on total size of instance memory has exceeded.',
    ],
  ])('%s: %d', (quotaId, limit, message) => {
    expect(QUOTAS[quotaId]).toMatchObject({ defaultLimit: limit, message });
    expect(QUOTAS[quotaId].unit).toBe(quotaId.endsWith('.count') ? 'count' : 'bytes');
  });

  it('gives the disks of all types together what it gives each type', () => {
    const types = ['hddDisks', 'ssdDisks', 'ssdNonReplicatedDisks', 'ssdIOM3Disks'] as const;
    const sum = types.reduce((total, type) => total + QUOTAS[`compute.${type}.size`].defaultLimit, 0);
    expect(QUOTAS['compute.disks.size'].defaultLimit).toBe(sum);
  });

  it('is whole', () => {
    expect(QUOTA_IDS).toHaveLength(16);
    expect(isQuotaId('compute.images.count')).toBe(true);
    expect(isQuotaId('compute.images')).toBe(false);
    expect(isQuotaId('toString')).toBe(false);
  });
});

describe('going over', () => {
  const images = (limit: number, usage: number): QuotaUse => ({
    quotaId: 'compute.images.count',
    limit,
    usage,
  });
  it.each<[string, QuotaUse[], Partial<Record<QuotaId, number>>, object[]]>([
    ['below the limit', [images(32, 30)], { 'compute.images.count': 1 }, []],
    ['up to the limit', [images(32, 31)], { 'compute.images.count': 1 }, []],
    [
      'over the limit',
      [images(32, 32)],
      { 'compute.images.count': 1 },
      [{ quotaId: 'compute.images.count', limit: 32, usage: 32, required: 33 }],
    ],
    ['giving back', [images(32, 40)], { 'compute.images.count': -1 }, []],
    ['adding nothing over a lowered limit', [images(8, 32)], { 'compute.images.count': 0 }, []],
    [
      'without rows',
      [],
      { 'compute.images.count': 32, 'compute.diskPools.count': 1 },
      [{ quotaId: 'compute.diskPools.count', limit: 0, usage: 0, required: 1 }],
    ],
    [
      'several at once',
      [images(1, 1), { quotaId: 'compute.images.size', limit: 100, usage: 60 }],
      { 'compute.images.size': 41, 'compute.images.count': 1 },
      [
        { quotaId: 'compute.images.count', limit: 1, usage: 1, required: 2 },
        { quotaId: 'compute.images.size', limit: 100, usage: 60, required: 101 },
      ],
    ],
  ])('%s', (_, rows, deltas, violations) => {
    expect(violated(rows, deltas)).toEqual(violations);
  });
});

describe('the error', () => {
  const count = { quotaId: 'compute.images.count', limit: 1, usage: 1, required: 2 };
  const size = { quotaId: 'compute.images.size', limit: 100, usage: 60, required: 101 };

  it('says what the contract says and carries every violation', () => {
    const error = quotaError([count]);
    expect(error.code).toBe('RESOURCE_EXHAUSTED');
    expect(error.message).toBe('The limit on maximum number of images has exceeded.');
    expect(error.details).toEqual([{ kind: 'quotas', violations: [count] }]);
    expect(quotaError([count, size]).message).toBe(
      'The limit on maximum number of images has exceeded. The limit on total size of images has exceeded.',
    );
  });

  it('says what the trash holds, where that helps', () => {
    expect(quotaError([size], 50).message).toBe(
      'The limit on total size of images has exceeded. 50 bytes of it are in the trash; purge them to free the space.',
    );
    expect(quotaError([count], 50).message).toBe('The limit on maximum number of images has exceeded.');
  });

  it('of active operations', () => {
    expect(activeOperationsError()).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'The limit on maximum number of active operations has exceeded',
    });
  });
});
