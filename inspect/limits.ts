/** Every cap that the inspection keeps, in one place. Sizes are in bytes, the rest are counts. */
export interface Limits {
  /** Largest disk that is taken. */
  readonly maxVirtualSizeBytes: number;

  /** Header, partitions, boot modes and OS family where guest bytes lie as they are (RAW, fixed VHD). */
  readonly plainReads: number;
  readonly plainBytes: number;
  /** The same through mapping tables (qcow2, VMDK, dynamic VHD). */
  readonly mappedReads: number;
  readonly mappedBytes: number;
  /** os-release and architecture, on top of either. */
  readonly fileReads: number;
  readonly fileBytes: number;
  /** The scan of all mapping tables, and how much of a table one read of it takes. */
  readonly scanReads: number;
  readonly scanBytes: number;
  readonly scanReadBytes: number;
  /** Ranges kept so that nothing is fetched twice. */
  readonly cacheBytes: number;

  readonly directoryEntries: number;
  readonly symlinkChain: number;
  readonly extendedPartitions: number;
  readonly gptEntryBytes: number;
  readonly gptArrayBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 * 1024 * MIB;

export const DEFAULT_LIMITS: Limits = {
  maxVirtualSizeBytes: 8 * TIB,
  plainReads: 12,
  plainBytes: 1 * MIB,
  mappedReads: 24,
  mappedBytes: 2 * MIB,
  fileReads: 64,
  fileBytes: 8 * MIB,
  scanReads: 4096,
  scanBytes: 32 * MIB,
  scanReadBytes: 1 * MIB,
  cacheBytes: 16 * MIB,
  directoryEntries: 4096,
  symlinkChain: 8,
  extendedPartitions: 128,
  gptEntryBytes: 4096,
  gptArrayBytes: 128 * KIB,
};

/**
 * Thrown by a reader when the next read would pass its allowance. Whoever reads for a verdict answers with
 * RESOURCE_LIMIT, whoever reads for optional facts with FACTS_INCOMPLETE.
 */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded';
}
