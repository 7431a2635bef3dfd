import { failedPrecondition } from '../../core/errors.ts';

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
