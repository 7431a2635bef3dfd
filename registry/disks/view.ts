import type { DiskRow } from '../../schema/tables/images.ts';
import type { OperationResult } from '../../schema/tables/work.ts';

/** A disk as verbs hand it out. */
export type Disk = DiskRow;

/** The disk as it is now, for the response of an operation. */
export function diskResult(disk: Disk): OperationResult {
  return { type: 'disk', value: { ...disk } };
}
