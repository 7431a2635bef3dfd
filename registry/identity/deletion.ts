import { failedPrecondition, invalidField } from '../../core/errors.ts';
import { readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';

/** How far ahead a client's clock may be. */
const LEEWAY_MS = 60_000;

/** How something is to be deleted. */
export interface Deletion {
  readonly ifMatch: string | undefined;
  /** Epoch milliseconds. */
  readonly deleteAfter?: number | undefined;
}

/** For what goes at once or not at all. Throws INVALID_ARGUMENT for a deletion that is to come later. */
export function demandAtOnce(context: CallerContext, { deleteAfter }: Deletion): Promise<void> {
  return readInput(context, () => {
    if (deleteAfter === undefined || deleteAfter <= context.now() + LEEWAY_MS) return;
    throw invalidField('delete_after', 'deletion is at once: leave it out or give a time that has passed');
  });
}

/**
 * What holds something goes only when nothing is left in it.
 * in: how many there are of each noun. Throws FAILED_PRECONDITION naming those that are there.
 */
export function demandNothingInside(
  title: string,
  id: string,
  counts: readonly (readonly [number, string])[],
): void {
  const inside = counts
    .filter(([count]) => count > 0)
    .map(([count, noun]) => `${count} ${noun}${count === 1 ? '' : 's'}`);
  if (inside.length === 0) return;
  throw failedPrecondition(id, 'NOT_EMPTY', `${title} holds ${inside.join(' and ')}; delete them first`);
}
