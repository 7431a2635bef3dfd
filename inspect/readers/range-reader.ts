/**
 * Where the inspection gets its bytes: a stored object, a local file, a Blob, the guest's view of a container.
 * Offsets and lengths are in bytes. Everything in this module's tree reads through this one interface.
 */
export interface RangeReader {
  /** Length of the whole source in bytes; it does not change while it is read. */
  readonly size: number;
  /**
   * Returns exactly `length` bytes from `offset`. The range lies inside `[0, size]`: callers check before they ask.
   * Rejects only when the source itself fails (an outage, a replaced object), never for what the bytes say.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}
