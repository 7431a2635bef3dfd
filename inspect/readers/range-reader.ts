/** A stretch of bytes: `length` bytes from `offset`. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where the inspection gets its bytes: a stored object, a local file, a Blob, the guest's view of a container.
 * Offsets and lengths are in bytes. Everything in this module's tree reads through this one interface.
 */
export interface RangeReader {
  /** Length of the whole source in bytes; it does not change while it is read. */
  readonly size: number;
  /**
   * Returns exactly `length` bytes from `offset`. The range lies inside `[0, size]`: callers check before they ask.
   * The bytes are the reader's own: callers do not write into them.
   * Rejects only when the source itself fails (an outage, a replaced object), never for what the bytes say, and
   * with BudgetExceeded when a reader that keeps an allowance has spent it.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Announces reads that will follow, so that near ones are fetched together and all at once; reads inside the
   * ranges then cost nothing more. Readers without a cache leave it out: `await reader.prefetch?.(ranges)`.
   */
  prefetch?(ranges: readonly ByteRange[]): Promise<void>;
}
