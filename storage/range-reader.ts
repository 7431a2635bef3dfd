import type { RangeReader } from '../inspect/readers/range-reader.ts';
import type { Store } from './store.ts';

/**
 * A stored object as the inspection reads it: each read is one ranged GET, pinned to the ETag.
 * Rejects with ObjectChanged or StoreUnavailable only.
 */
export function rangeReader(store: Store, key: string, etag: string, size: number): RangeReader {
  return {
    size,
    read: (offset, length) => store.readRange(key, etag, offset, length),
  };
}
