import type { FileSystem } from '../report.ts';

/** What the first bytes of a volume say about the file system on it. */
export interface Probe {
  readonly fileSystem: FileSystem;
  readonly label?: string | undefined;
  readonly uuid?: string | undefined;
  /** Bytes that the file system takes for its own, when it says so. A leftover often does not fit its volume. */
  readonly extentBytes?: number;
  /** What the file system says is wrong with itself. */
  readonly damage?: string;
}

/**
 * Judges the first bytes of a volume (up to 68 KiB of it). Pure; undefined when the file system is not there.
 * May throw OutOfBounds when the bytes end early, which counts as not there.
 */
export type ProbeFunction = (head: Uint8Array) => Probe | undefined;

/** Whether `value` is a power of two between the bounds, which are included. */
export function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && Number.isInteger(Math.log2(value));
}
