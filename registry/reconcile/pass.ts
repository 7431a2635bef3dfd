import type { Context } from '../context.ts';
import type { Budget } from '../duties/budget.ts';
import type { ReportItem } from '../duties/duty.ts';

/** What does not fit together. */
export type FindingKind =
  /** The store has an object that no row knows. */
  | 'UNKNOWN_OBJECT'
  /** A layer's object is not there, or is not the one that was stored. */
  | 'LOST_OBJECT'
  /** A layer is to be filled or deleted, and nothing will do it. */
  | 'FORSAKEN_LAYER'
  /** The store has an open upload that no row knows. */
  | 'UNKNOWN_UPLOAD'
  /** The use of a quota is not what the rows come to. */
  | 'WRONG_QUOTA'
  /** A job was given up, and kept for the operator. */
  | 'DEAD_JOB';

/** What was looked at and found since the comparison began, over all its runs. */
export interface Totals {
  readonly objects: number;
  readonly layers: number;
  readonly uploads: number;
  readonly clouds: number;
  readonly mended: number;
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>;
}

export const NOTHING_YET: Totals = { objects: 0, layers: 0, uploads: 0, clouds: 0, mended: 0, findings: {} };

/** Items that a run keeps; the totals count what is beyond. */
const MAX_ITEMS = 200;
/** One run of a comparison. */
export interface Pass {
  readonly context: Context;
  readonly budget: Budget;
  /**
   * Epoch milliseconds; what is younger is left alone: an object is stored before its row says so, and an upload is
   * opened before its row says which.
   */
  readonly old: number;
  /** Who has it mended; undefined when it is only told of. */
  readonly mendedBy: string | undefined;
  looked(at: Partial<Pick<Totals, 'objects' | 'layers' | 'uploads' | 'clouds'>>): void;
  found(kind: FindingKind, item: ReportItem & { readonly mended: boolean }): void;
}

/**
 * A part of the comparison. in: where the last step stopped; undefined at the beginning. out: where the next one goes
 * on; undefined at the end. A step asks for one page, and stops early when the budget does.
 */
export type Part = (pass: Pass, after: string | undefined) => Promise<string | undefined>;

/** Counts and keeps what a run finds, on top of what the runs before it have. */
export function openPass(
  context: Context,
  budget: Budget,
  mendedBy: string | undefined,
  before: Totals,
): { pass: Pass; totals(): Totals; items: readonly ReportItem[] } {
  let totals = before;
  const items: ReportItem[] = [];
  const pass: Pass = {
    context,
    budget,
    old: context.now() - context.settings.BULLION_RECONCILE_GRACE_SECONDS * 1000,
    mendedBy,
    looked({ objects = 0, layers = 0, uploads = 0, clouds = 0 }) {
      totals = {
        ...totals,
        objects: totals.objects + objects,
        layers: totals.layers + layers,
        uploads: totals.uploads + uploads,
        clouds: totals.clouds + clouds,
      };
    },
    found(kind, item) {
      const findings = { ...totals.findings, [kind]: (totals.findings[kind] ?? 0) + 1 };
      totals = { ...totals, findings, mended: totals.mended + (item.mended ? 1 : 0) };
      if (items.length < MAX_ITEMS) items.push({ finding: kind, ...item });
    },
  };
  return { pass, totals: () => totals, items };
}

/** How many findings there are in all. */
export function findingsOf({ findings }: Totals): number {
  return Object.values(findings).reduce((sum, count) => sum + count, 0);
}
