import { type DeprecationState, deprecationState } from '../../core/deprecation.ts';
import type { DeletedImageRow, ImageRow, LayerRow } from '../../schema/tables/images.ts';
import type { OperationResult } from '../../schema/tables/work.ts';

/** When, by whom and why an image was deleted, and when it is purged or was. Times in epoch milliseconds. */
export type ImageDeletion = Pick<
  DeletedImageRow,
  'deletedAt' | 'deletedBy' | 'reason' | 'purgeAt' | 'purgedAt'
>;

/** An image as verbs hand it out: its row, and what its layer adds. */
export interface Image extends Omit<ImageRow, 'layerId'> {
  /** None of one that was purged. */
  readonly layerId: string | null;
  readonly digest: string | null;
  /** Absent from lists that were not asked for it. */
  readonly inspection: Record<string, unknown> | null;
  /** As of the time when it was read, whether or not anybody has noted that a date came. */
  readonly deprecationState: DeprecationState;
  /** How many leases on it are in force; absent where nobody asked. */
  readonly leases?: number;
  /** Of one in the trash, or purged. */
  readonly deletion?: ImageDeletion;
}

/** in: `now`, in epoch milliseconds, on which the state of its deprecation depends. */
export function viewOf(
  row: ImageRow,
  layer: Pick<LayerRow, 'digest' | 'inspection'> | undefined,
  now: number,
): Image {
  return {
    ...row,
    digest: layer?.digest ?? null,
    inspection: layer?.inspection ?? null,
    deprecationState: deprecationState(row, now),
  };
}

/** A deleted image; a purged one has no layer any more, and keeps what was known of it. */
export function viewOfDeleted(
  row: DeletedImageRow,
  layer: Pick<LayerRow, 'digest' | 'inspection'> | undefined,
  now: number,
): Image {
  const { deletedAt, deletedBy, reason, purgeAt, purgedAt, ...image } = row;
  return {
    ...image,
    digest: row.digest ?? layer?.digest ?? null,
    inspection: row.inspection ?? layer?.inspection ?? null,
    deprecationState: deprecationState(row, now),
    deletion: { deletedAt, deletedBy, reason, purgeAt, purgedAt },
  };
}

/** The image as it is now, for the response of an operation. */
export function imageResult(image: Image): OperationResult {
  return { type: 'image', value: { ...image } };
}
