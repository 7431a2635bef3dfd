import { STANDARD_IMAGES } from '../../core/quotas.ts';
import type { Orm, Statement } from '../../db/client.ts';
import type { SnapshotRow } from '../../schema/tables/images.ts';
import { claim, claimLayer, type Demand, release, releaseLayer } from './claim.ts';

type CountedSnapshot = Pick<SnapshotRow, 'id' | 'folderId' | 'cloudId' | 'layerId'>;

const DEMAND: Demand = { 'compute.snapshots.count': 1 };

/**
 * The use that a snapshot adds. in: the bytes of its layer that its cloud does not count yet. Nothing in the folder
 * `standard-images`.
 */
export function snapshotDemand({ folderId }: Pick<SnapshotRow, 'folderId'>, bytes: number): Demand {
  return folderId === STANDARD_IMAGES ? {} : { ...DEMAND, 'compute.snapshots.size': bytes };
}

/** Takes the use of a snapshot, in the batch that writes its row. */
export function claimSnapshot(orm: Orm, snapshot: CountedSnapshot): Statement[] {
  if (snapshot.folderId === STANDARD_IMAGES) return [];
  return [...claim(orm, snapshot.cloudId, DEMAND), ...claimLayer(orm, 'compute.snapshots.size', snapshot)];
}

/** Gives back what a snapshot took, in the batch that deletes it. */
export function releaseSnapshot(orm: Orm, snapshot: CountedSnapshot): Statement[] {
  if (snapshot.folderId === STANDARD_IMAGES) return [];
  return [
    ...releaseLayer(orm, 'compute.snapshots.size', snapshot),
    ...release(orm, snapshot.cloudId, DEMAND),
  ];
}
