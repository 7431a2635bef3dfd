import { findDisk } from '../../db/disks.ts';
import { clearGuards } from '../../db/guards.ts';
import { changeResource, demandRevision } from '../../db/resources.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import { readInput, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { demandReady, requireResource } from '../resources.ts';
import { type DiskTies, demandNoTies, demandZone } from './new-disk.ts';
import { diskResult } from './view.ts';

export interface RelocateDisk extends Pick<DiskTies, 'placementGroupId'> {
  readonly destinationZoneId: string;
}

/**
 * Puts a disk into another availability zone. Throws INVALID_ARGUMENT for a zone that there is not, NOT_FOUND,
 * PERMISSION_DENIED, FAILED_PRECONDITION.
 */
export async function relocateDisk(
  context: CallerContext,
  diskId: string,
  { destinationZoneId, placementGroupId }: RelocateDisk,
): Promise<Operation> {
  const resource = { kind: 'disk', id: diskId } as const;
  await readInput(context, () => demandZone(context, 'destination_zone_id', destinationZoneId));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [findDisk(orm, diskId)]);
    const disk = requireResource(rows[0][0], access, resource, 'compute.disks.update');
    if (replay !== undefined) return replay;
    demandReady(resource, disk.status, 'relocated');
    demandNoTies({ placementGroupId });
    const relocated: DiskRow = { ...disk, zoneId: destinationZoneId, revision: disk.revision + 1 };
    const operation = finishedOperation(context, access, {
      kind: 'disks.relocate',
      resource: { ...resource, folderId: disk.folderId, cloudId: disk.cloudId },
      metadata: { diskId, sourceZoneId: disk.zoneId, destinationZoneId },
      response: diskResult(relocated),
    });
    await context.db.write([
      demandRevision(orm, 'disk', disk.id, disk.revision),
      changeResource(orm, 'disk', disk.id, { zoneId: destinationZoneId }),
      ...recordOperation(context, operation, { before: disk, after: relocated }),
      clearGuards(orm),
    ]);
    return operation;
  });
}
