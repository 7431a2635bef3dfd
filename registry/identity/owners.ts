import { failedPrecondition, type RegistryError } from '../../core/errors.ts';
import type { Ownership } from '../../db/owners.ts';

/** The last owner of something stays one, because nobody would be left to name another. */
export function lastOwner({ serviceAccountId, resourceKind, resourceId, roleId }: Ownership): RegistryError {
  return failedPrecondition(
    serviceAccountId,
    'LAST_OWNER',
    `Service account "${serviceAccountId}" is the last ${roleId} of ${resourceKind} ${resourceId}; name another one first`,
  );
}

/** Throws FAILED_PRECONDITION when something would be left without an owner. */
export function demandNoneOwned(ownership: Ownership | undefined): void {
  if (ownership !== undefined) throw lastOwner(ownership);
}
