import { type QuotaId, STANDARD_IMAGES } from '../../core/quotas.ts';
import type { DiskType } from '../../core/sizes.ts';
import type { Orm, Statement } from '../../db/client.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import { claim, type Demand, release } from './claim.ts';

/** Each type of disks has a quota of its own besides that of all disks together. */
export const SIZE_OF_TYPE: Readonly<Record<DiskType, QuotaId>> = {
  'network-hdd': 'compute.hddDisks.size',
  'network-ssd': 'compute.ssdDisks.size',
  'network-ssd-nonreplicated': 'compute.ssdNonReplicatedDisks.size',
  'network-ssd-io-m3': 'compute.ssdIOM3Disks.size',
};

type CountedDisk = Pick<DiskRow, 'folderId' | 'typeId' | 'sizeBytes'>;

/** The use that a disk adds: it counts as large as it was asked for. Nothing in the folder `standard-images`. */
export function diskDemand(disk: CountedDisk): Demand {
  if (disk.folderId === STANDARD_IMAGES) return {};
  return { 'compute.disks.count': 1, ...sizeDemand(disk, disk.sizeBytes) };
}

/** The use that a disk adds by growing to a new size. */
export function growthDemand(disk: CountedDisk, sizeBytes: number): Demand {
  if (disk.folderId === STANDARD_IMAGES || sizeBytes <= disk.sizeBytes) return {};
  return sizeDemand(disk, sizeBytes - disk.sizeBytes);
}

/** Gives back what a disk took, in the batch that deletes it. */
export function releaseDisk(orm: Orm, disk: CountedDisk & Pick<DiskRow, 'cloudId'>): Statement[] {
  return release(orm, disk.cloudId, diskDemand(disk));
}

/** The use that a disk adds by moving within its cloud: none, unless it did not count where it was. */
export function moveDemand(disk: CountedDisk, destinationFolderId: string): Demand {
  return disk.folderId === STANDARD_IMAGES ? diskDemand({ ...disk, folderId: destinationFolderId }) : {};
}

/** Takes that use, or gives back what no longer counts, in the batch that moves the disk. */
export function claimMove(
  orm: Orm,
  disk: CountedDisk & Pick<DiskRow, 'cloudId'>,
  destinationFolderId: string,
): Statement[] {
  return destinationFolderId === STANDARD_IMAGES
    ? releaseDisk(orm, disk)
    : claim(orm, disk.cloudId, moveDemand(disk, destinationFolderId));
}

function sizeDemand({ typeId }: CountedDisk, sizeBytes: number): Demand {
  return { 'compute.disks.size': sizeBytes, [SIZE_OF_TYPE[typeId as DiskType]]: sizeBytes };
}
