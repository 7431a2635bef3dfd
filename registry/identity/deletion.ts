import { failedPrecondition, invalidField } from '../../core/errors.ts';
import { readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';

/** How far ahead a client's clock may be. */
const LEEWAY_MS = 60_000;

/** How a cloud, a folder or a service account is to be deleted. */
export interface Deletion {
  readonly ifMatch: string | undefined;
  /** Epoch milliseconds; only a time that has passed is taken, because deletion is at once. */
  readonly deleteAfter?: number | undefined;
}

/** Throws INVALID_ARGUMENT for a deletion that is to come later. */
export function demandAtOnce(context: CallerContext, { deleteAfter }: Deletion): Promise<void> {
  return readInput(context, () => {
    if (deleteAfter === undefined || deleteAfter <= context.now() + LEEWAY_MS) return;
    throw invalidField('delete_after', 'deletion is at once: leave it out or give a time that has passed');
  });
}

/**
 * What holds something is not deleted: nothing goes that was not named.
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
