import { invalidField } from '../../core/errors.ts';
import { quotaError, violated } from '../../core/quotas.ts';
import { checkDiskSize } from '../../core/sizes.ts';
import { findDisk, quotasOfDisk } from '../../db/disks.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import type { QuotaRow } from '../../schema/tables/quotas.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent, revisionEtag } from '../etag.ts';
import type { Operation } from '../operations/record.ts';
import { claim } from '../quotas/claim.ts';
import { growthDemand } from '../quotas/disk.ts';
import { type ContentUpdate, type Updatable, updateResource } from '../update.ts';
import { type DiskTies, demandNoTies } from './new-disk.ts';
import { diskResult } from './view.ts';

export interface UpdateDisk extends ContentUpdate, Pick<DiskTies, 'placementGroupId'> {
  readonly sizeBytes?: number | undefined;
}

const DISK: Updatable<DiskRow, UpdateDisk, QuotaRow> = {
  kind: 'disk',
  fields: ['size', 'diskPlacementPolicy'],
  find: findDisk,
  findMore: quotasOfDisk,
  demandEtag: (disk, ifMatch) => demandCurrent(disk.id, revisionEtag(disk), ifMatch),
  changeOf(disk, { sizeBytes, placementGroupId }, mask, quotas) {
    if (mask.has('diskPlacementPolicy')) demandNoTies({ placementGroupId });
    // There is no default to go back to: a disk keeps its size.
    if (!mask.has('size') || sizeBytes === undefined) return {};
    if (sizeBytes < disk.sizeBytes) {
      throw invalidField('size', `a disk can only grow: must be at least ${disk.sizeBytes} bytes`);
    }
    if (sizeBytes > disk.sizeBytes) checkDiskSize({ ...disk, sizeBytes, neededBytes: 0 });
    const violations = violated(quotas, growthDemand(disk, sizeBytes));
    if (violations.length > 0) throw quotaError(violations);
    return { sizeBytes };
  },
  statements: (orm, disk, { sizeBytes = disk.sizeBytes }) =>
    claim(orm, disk.cloudId, growthDemand(disk, sizeBytes)),
  result: diskResult,
};

/** Changes name, description, labels and size of a disk, as `updateResource` does. Throws RESOURCE_EXHAUSTED as well. */
export function updateDisk(
  context: CallerContext,
  diskId: string,
  input: UpdateDisk,
  ifMatch: string | undefined,
): Promise<Operation> {
  return updateResource(context, DISK, diskId, input, ifMatch);
}
