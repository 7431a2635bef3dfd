/** What something new takes from what it is made of. */
import { invalidField } from './errors.ts';
import { checkProductIds } from './names.ts';
import { tooSmallForSource } from './sizes.ts';

/**
 * The licences: the source's first, then those of the request that are not among them.
 * out: null for none. errors: INVALID_ARGUMENT on `product_ids` when they are too many together.
 */
export function inheritProducts(
  source: readonly string[] | null,
  given: readonly string[] = [],
): string[] | null {
  const together = [...new Set([...(source ?? []), ...given])];
  const fault = checkProductIds(together);
  if (fault !== undefined) {
    throw invalidField('product_ids', `together with the ${source?.length ?? 0} of the source ${fault}`);
  }
  return together.length > 0 ? together : null;
}

/**
 * The minDiskSize of an image of a source: the declared one when the source's data fits, else exactly what it needs.
 * errors: INVALID_ARGUMENT on `min_disk_size`.
 */
export function inheritMinDiskSize(neededBytes: number, declaredBytes: number | undefined): number {
  const minDiskSize = declaredBytes || neededBytes;
  if (minDiskSize < neededBytes) throw tooSmallForSource('min_disk_size', neededBytes);
  return minDiskSize;
}
