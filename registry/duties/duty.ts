import type { Context } from '../context.ts';
import type { Budget } from './budget.ts';

/** One thing that a duty did, would have done, or found. Ids and numbers, no secret. */
export type ReportItem = Readonly<Record<string, unknown>>;

/** How a run is to be done. */
export interface Slice {
  /** Only tells what would be done: changes nothing. */
  readonly dryRun: boolean;
  /** Of a duty that only reports unless it is asked to mend. */
  readonly apply: boolean;
  /** Who asks for it; undefined for the clock. */
  readonly startedBy: string | undefined;
  /** Asked before each thing that is done. */
  readonly budget: Budget;
}

/** What a run came to. */
export interface SliceResult {
  /** How many things it did, would have done, or found. */
  readonly done: number;
  /** Whether the next run goes on. */
  readonly more: boolean;
  readonly report: readonly ReportItem[];
  /** What kept it from going on, or from doing one of the things; the others are done. */
  readonly failure?: unknown;
}

/**
 * What the clock does, a slice a run. Each run is bounded by its budget, goes on where the one before stopped, may be
 * repeated, and may run twice at once: what both find is done by the one whose guarded batch comes first.
 */
export interface Duty {
  /** What it does, in a line. */
  readonly description: string;
  /** Changes nothing unless it is asked to apply what it found. */
  readonly reportsFirst?: true;
  run(context: Context, slice: Slice): Promise<SliceResult>;
}
