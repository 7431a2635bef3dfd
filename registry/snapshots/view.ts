import type { SnapshotRow } from '../../schema/tables/images.ts';
import type { OperationResult } from '../../schema/tables/work.ts';

/** A snapshot as verbs hand it out. */
export type Snapshot = SnapshotRow;

/** The snapshot as it is now, for the response of an operation. */
export function snapshotResult(snapshot: Snapshot): OperationResult {
  return { type: 'snapshot', value: { ...snapshot } };
}
