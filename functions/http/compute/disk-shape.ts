import type { z } from 'zod';
import { generationToJson } from '../../../core/hardware.ts';
import type { Disk } from '../../../registry/disks/view.ts';
import { revisionEtag } from '../../../registry/etag.ts';
import type { disk as diskWire } from '../../../schema/wire/compute/disk.ts';
import { compact, int64Text, nonEmpty, time } from '../wire.ts';

export const DISK_TYPE = 'yandex.cloud.compute.v1.Disk';

type DiskWire = z.infer<typeof diskWire>;

/** A disk as the contract shows it. Its placement policy is always there, and empty. */
export function diskShape(disk: Disk): DiskWire {
  return compact({
    id: disk.id,
    folderId: disk.folderId,
    createdAt: time(disk.createdAt),
    name: disk.name,
    description: disk.description,
    labels: nonEmpty(disk.labels),
    typeId: disk.typeId,
    zoneId: disk.zoneId,
    size: int64Text(disk.sizeBytes),
    blockSize: int64Text(disk.blockSizeBytes),
    productIds: disk.productIds,
    status: disk.status,
    sourceImageId: disk.sourceImageId,
    sourceSnapshotId: disk.sourceSnapshotId,
    diskPlacementPolicy: {},
    hardwareGeneration: generationToJson(disk.hardwareGeneration),
    layerId: disk.layerId,
    layerIds: disk.topLayerId === null ? undefined : [disk.layerId, disk.topLayerId],
    etag: revisionEtag(disk),
  }) as DiskWire;
}
