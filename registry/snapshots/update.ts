import { findSnapshot } from '../../db/snapshots.ts';
import type { SnapshotRow } from '../../schema/tables/images.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent, revisionEtag } from '../etag.ts';
import type { Operation } from '../operations/record.ts';
import { type ContentUpdate, type Updatable, updateResource } from '../update.ts';
import { snapshotResult } from './view.ts';

const SNAPSHOT: Updatable<SnapshotRow, ContentUpdate, never> = {
  kind: 'snapshot',
  fields: [],
  find: findSnapshot,
  demandEtag: (snapshot, ifMatch) => demandCurrent(snapshot.id, revisionEtag(snapshot), ifMatch),
  changeOf: () => ({}),
  result: snapshotResult,
};

/** Changes name, description and labels of a snapshot, as `updateResource` does. */
export function updateSnapshot(
  context: CallerContext,
  snapshotId: string,
  input: ContentUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  return updateResource(context, SNAPSHOT, snapshotId, input, ifMatch);
}
