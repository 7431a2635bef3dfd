/** Quotas of a cloud: what there is to limit, how much of it by default, and how going over is refused. */
import { type QuotaViolation, RegistryError } from './errors.ts';

const GIB = 2 ** 30;

export interface Quota {
  readonly unit: 'count' | 'bytes';
  readonly defaultLimit: number;
  /** What is said when it would be passed. */
  readonly message: string;
}

const count = (defaultLimit: number, things: string): Quota => ({
  unit: 'count',
  defaultLimit,
  message: `The limit on maximum number of ${things} has exceeded.`,
});
const size = (defaultLimit: number, things: string): Quota => ({
  unit: 'bytes',
  defaultLimit,
  message: `The limit on total size of ${things} has exceeded.`,
});

/** The folder of the operator's public images: what is in it counts for nobody. */
export const STANDARD_IMAGES = 'standard-images';

export const QUOTA_SERVICE = 'compute';
export const QUOTA_RESOURCE_TYPE = 'resource-manager.cloud';

/**
 * Every quota of the service, in the order in which they are listed. Placement groups, schedules and machines are not
 * kept here: nothing ever uses those quotas, but clients that read all of them find all.
 */
export const QUOTAS = {
  'compute.images.count': count(32, 'images'),
  'compute.images.size': size(1024 * GIB, 'images'),
  /** Images that are optimized for deployment. */
  'compute.diskPools.count': count(0, 'disk pools'),
  'compute.disks.count': count(32, 'disks'),
  /** All types of disks together: the sum of the next four. */
  'compute.disks.size': size((500 + 200 + 558 + 186) * GIB, 'disks'),
  'compute.hddDisks.size': size(500 * GIB, 'network-hdd disks'),
  'compute.ssdDisks.size': size(200 * GIB, 'network-ssd disks'),
  'compute.ssdNonReplicatedDisks.size': size(558 * GIB, 'network-ssd-nonreplicated disks'),
  'compute.ssdIOM3Disks.size': size(186 * GIB, 'network-ssd-io-m3 disks'),
  'compute.diskPlacementGroups.count': count(5, 'disk placement groups'),
  'compute.snapshots.count': count(32, 'snapshots'),
  'compute.snapshots.size': size(400 * GIB, 'snapshots'),
  'compute.snapshotSchedules.count': count(32, 'snapshot schedules'),
  'compute.instances.count': count(12, 'instances'),
  'compute.instanceCores.count': count(32, 'instance cores'),
  'compute.instanceMemory.size': size(128 * GIB, 'instance memory'),
} as const satisfies Record<string, Quota>;

export type QuotaId = keyof typeof QUOTAS;
export const QUOTA_IDS = Object.keys(QUOTAS) as readonly QuotaId[];

export function isQuotaId(text: string): text is QuotaId {
  return Object.hasOwn(QUOTAS, text);
}

/** A limit and what is used of it, reservations included. */
export interface QuotaUse {
  readonly quotaId: QuotaId;
  readonly limit: number;
  readonly usage: number;
}

/**
 * The quotas that new use would pass, in the order of the table.
 * in: the rows of a cloud (one that is missing stands at its default, unused), and what is to be added of each.
 * What adds nothing violates nothing, even where the limit was set below the use.
 */
export function violated(
  rows: readonly QuotaUse[],
  deltas: Readonly<Partial<Record<QuotaId, number>>>,
): readonly QuotaViolation[] {
  const violations: QuotaViolation[] = [];
  for (const quotaId of QUOTA_IDS) {
    const delta = deltas[quotaId] ?? 0;
    if (delta <= 0) continue;
    const row = rows.find((candidate) => candidate.quotaId === quotaId);
    const { limit, usage } = row ?? { limit: QUOTAS[quotaId].defaultLimit, usage: 0 };
    const required = usage + delta;
    if (required > limit) violations.push({ quotaId, limit, usage, required });
  }
  return violations;
}

/**
 * RESOURCE_EXHAUSTED with every violated quota.
 * in: at least one violation; the bytes that lie in the trash, which purging would free.
 */
export function quotaError(violations: readonly QuotaViolation[], trashedBytes = 0): RegistryError {
  const messages = violations.map(({ quotaId }) =>
    isQuotaId(quotaId) ? QUOTAS[quotaId].message : `The limit ${quotaId} has exceeded.`,
  );
  if (trashedBytes > 0 && violations.some(({ quotaId }) => quotaId === 'compute.images.size')) {
    messages.push(`${trashedBytes} bytes of it are in the trash; purge them to free the space.`);
  }
  return new RegistryError('RESOURCE_EXHAUSTED', messages.join(' '), [{ kind: 'quotas', violations }]);
}

/** RESOURCE_EXHAUSTED because too many operations run in a folder; no quota request can change that. */
export function activeOperationsError(): RegistryError {
  return new RegistryError(
    'RESOURCE_EXHAUSTED',
    'The limit on maximum number of active operations has exceeded',
  );
}
