import type { ImageRow, LayerRow } from '../../schema/tables/images.ts';
import type { OperationResult } from '../../schema/tables/work.ts';

/** An image as verbs hand it out: its row, and what its layer adds. */
export interface Image extends ImageRow {
  readonly digest: string | null;
  /** Absent from lists that were not asked for it. */
  readonly inspection: Record<string, unknown> | null;
}

export function viewOf(row: ImageRow, layer: Pick<LayerRow, 'digest' | 'inspection'> | undefined): Image {
  return { ...row, digest: layer?.digest ?? null, inspection: layer?.inspection ?? null };
}

/** The image as it is now, for the response of an operation. */
export function imageResult(image: Image): OperationResult {
  return { type: 'image', value: { ...image } };
}
