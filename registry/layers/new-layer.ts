import type { LayerRow } from '../../schema/tables/images.ts';
import { type Context, newId } from '../context.ts';

/** A layer that has a key and no object yet. */
export function pendingLayer(context: Context, sizeBytes: number): LayerRow {
  const id = newId(context, 'layer');
  return {
    id,
    objectKey: `layers/${id}`,
    state: 'PENDING',
    sizeBytes,
    etag: null,
    digest: null,
    inspection: null,
    createdAt: context.now(),
    unnamedAt: null,
    copyOf: null,
  };
}

/** A layer that will hold the same bytes as another one, which it names until it does. */
export function copiedLayer(context: Context, source: Pick<LayerRow, 'id' | 'sizeBytes'>): LayerRow {
  return { ...pendingLayer(context, source.sizeBytes), copyOf: source.id };
}

/** A layer without bytes, which the store never hears of. */
export function emptyLayer(context: Context): LayerRow {
  return { ...pendingLayer(context, 0), objectKey: '', state: 'VERIFIED' };
}
