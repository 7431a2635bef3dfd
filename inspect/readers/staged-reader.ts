import { BudgetExceeded } from '../limits.ts';
import type { RangeReader } from './range-reader.ts';

/** Reads through `first` until its allowance is spent, and from then on through `then`, which sees the same bytes. */
export function readInTurn(first: RangeReader, then: RangeReader): RangeReader {
  let current = first;
  const turn = async <T>(use: (reader: RangeReader) => Promise<T>): Promise<T> => {
    try {
      return await use(current);
    } catch (error) {
      if (!(error instanceof BudgetExceeded) || current === then) throw error;
      current = then;
      return use(current);
    }
  };
  return {
    size: first.size,
    read: (offset, length) => turn((reader) => reader.read(offset, length)),
    prefetch: (ranges) => turn(async (reader) => reader.prefetch?.(ranges)),
  };
}
