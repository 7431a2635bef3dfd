import type { z } from 'zod';
import { generationToJson } from '../../../core/hardware.ts';
import { roundUpToChunk } from '../../../core/sizes.ts';
import { revisionEtag } from '../../../registry/etag.ts';
import type { Snapshot } from '../../../registry/snapshots/view.ts';
import type { snapshot as snapshotWire } from '../../../schema/wire/compute/snapshot.ts';
import { compact, int64Text, nonEmpty, time } from '../wire.ts';

export const SNAPSHOT_TYPE = 'yandex.cloud.compute.v1.Snapshot';

type SnapshotWire = z.infer<typeof snapshotWire>;

/** A snapshot as the contract shows it. */
export function snapshotShape(snapshot: Snapshot): SnapshotWire {
  return compact({
    id: snapshot.id,
    folderId: snapshot.folderId,
    createdAt: time(snapshot.createdAt),
    name: snapshot.name,
    description: snapshot.description,
    labels: nonEmpty(snapshot.labels),
    storageSize: int64Text(roundUpToChunk(snapshot.storageSizeBytes)),
    diskSize: int64Text(snapshot.diskSizeBytes),
    productIds: snapshot.productIds,
    status: snapshot.status,
    sourceDiskId: snapshot.sourceDiskId,
    hardwareGeneration: generationToJson(snapshot.hardwareGeneration),
    layerId: snapshot.layerId,
    etag: revisionEtag(snapshot),
  }) as SnapshotWire;
}
