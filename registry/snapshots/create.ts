import {
  type DiskFacts,
  declaredGeneration,
  type HardwareGeneration,
  settleHardware,
} from '../../core/hardware.ts';
import { quotaError, violated } from '../../core/quotas.ts';
import { findDisk, findLayerOfDisk } from '../../db/disks.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { nameLayer } from '../../db/layers.ts';
import { countActiveOperations } from '../../db/operations.ts';
import { bytesToCount, quotasOfFolder } from '../../db/quotas.ts';
import { demandRevision, findByName } from '../../db/resources.ts';
import { demandSnapshotsOfDisk, findSnapshotOfDisk, insertSnapshot } from '../../db/snapshots.ts';
import { layerOfSource } from '../../db/sources.ts';
import type { SnapshotRow } from '../../schema/tables/images.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { demandIdleOperations, emptyAsNull } from '../images/new-image.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { claimSnapshot, snapshotDemand } from '../quotas/snapshot.ts';
import { demandReady, nameTaken, requireResource } from '../resources.ts';
import { snapshotResult } from './view.ts';

export interface CreateSnapshot {
  readonly folderId: string;
  readonly diskId: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
  readonly hardwareGeneration?: HardwareGeneration | undefined;
}

/**
 * Makes a snapshot of a disk, in whatever folder or cloud that is: it names the disk's layer, so that no byte is
 * copied. out: an operation that is done, the snapshot READY. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED,
 * FAILED_PRECONDITION, ALREADY_EXISTS, RESOURCE_EXHAUSTED.
 */
export function createSnapshot(context: CallerContext, input: CreateSnapshot): Promise<Operation> {
  const { folderId, name = '' } = input;
  const source = { kind: 'disk', id: input.diskId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      { kind: 'folder', id: folderId },
      [
        findFolder(orm, folderId),
        quotasOfFolder(orm, folderId),
        countActiveOperations(orm, folderId),
        findByName(orm, 'snapshot', folderId, name),
        findDisk(orm, source.id),
        findLayerOfDisk(orm, source.id),
        findSnapshotOfDisk(orm, source.id),
        bytesToCount(orm, 'compute.snapshots.size', folderId, layerOfSource(source)),
      ],
      source,
    );
    const [[folderRow], quotas, [operations], [namesake], [diskRow], [layer], [sibling], [count]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.snapshots.create', folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    const disk = requireResource(diskRow, sourceAccess, source, 'compute.disks.use');
    demandReady(source, disk.status, 'the source of a snapshot');
    const { hardwareGeneration } = settleHardware(
      (layer?.inspection ?? {}) as DiskFacts,
      { hardwareGeneration: declaredGeneration(input.hardwareGeneration, disk.hardwareGeneration) },
      disk,
    );
    if (namesake !== undefined) throw nameTaken('snapshot', name);
    demandIdleOperations(context, operations);
    const snapshot: SnapshotRow = {
      id: newId(context, 'snapshot'),
      folderId: folder.id,
      cloudId: folder.cloudId,
      createdAt: context.now(),
      name,
      description: input.description || null,
      labels: emptyAsNull(input.labels),
      status: 'READY',
      productIds: disk.productIds,
      osType: disk.osType,
      nvidiaDriver: disk.nvidiaDriver,
      hardwareGeneration,
      layerId: disk.layerId,
      revision: 1,
      // A disk's bytes do not change, so that another snapshot of it adds nothing to the first.
      storageSizeBytes: sibling === undefined ? (layer?.sizeBytes ?? 0) : 0,
      diskSizeBytes: disk.sizeBytes,
      sourceDiskId: disk.id,
    };
    const violations = violated(quotas, snapshotDemand(snapshot, count?.bytes ?? 0));
    if (violations.length > 0) throw quotaError(violations);
    const operation = finishedOperation(context, access, {
      kind: 'snapshots.create',
      resource: { kind: 'snapshot', id: snapshot.id, folderId: folder.id, cloudId: folder.cloudId },
      metadata: { snapshotId: snapshot.id, diskId: disk.id },
      response: snapshotResult(snapshot),
    });
    await context.db.write([
      demandActiveFolder(orm, folder.id),
      demandRevision(orm, 'disk', disk.id, disk.revision),
      demandSnapshotsOfDisk(orm, disk.id, sibling !== undefined),
      ...nameLayer(orm, disk.layerId),
      insertSnapshot(orm, snapshot),
      ...claimSnapshot(orm, snapshot),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
