import type { RangeReader } from '../readers/range-reader.ts';
import type { PartitionTable } from '../report.ts';

/** A partition as its table describes it; start and size in bytes. */
export interface Slot {
  readonly number: number;
  readonly start: number;
  readonly size: number;
  /** As reports write it; absent for a file system on the whole disk. */
  readonly type?: string;
  readonly name?: string;
  readonly active?: boolean;
  readonly partitionUuid?: string;
  /** GPT attribute bit 2: legacy BIOS firmware may boot from it. */
  readonly legacyBoot?: boolean;
  /** The MBR's extended partition: it holds others and no file system. */
  readonly container?: true;
}

/** What the first sectors say about the disk as a whole. */
export interface Table {
  readonly kind: PartitionTable;
  readonly sectorSize: 512 | 4096;
  readonly slots: readonly Slot[];
  /** Where partitions may begin: everything before belongs to the table itself. In bytes. */
  readonly firstUsable: number;
}

/** Bytes at the beginning of a disk that hold every table and every magic but the rarest. */
export const HEAD_BYTES = 72 * 1024;

/** A range of the disk, or undefined when it does not lie inside. */
export async function readInside(
  view: RangeReader,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > view.size || length > view.size - offset) {
    return undefined;
  }
  return view.read(offset, length);
}
