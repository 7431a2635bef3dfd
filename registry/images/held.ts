import { failedPrecondition, type RegistryError } from '../../core/errors.ts';
import type { LeaseRow } from '../../schema/tables/images.ts';

/** How many holders of leases a refusal names. */
export const NAMED_HOLDERS = 20;

/** The refusal to delete an image that is protected from it. */
export function protectedImage(imageId: string): RegistryError {
  return failedPrecondition(
    imageId,
    'DELETE_PROTECTION',
    `Image "${imageId}" is protected from deletion; update it with delete_protection false first`,
  );
}

/** The refusal to delete an image that somebody boots from. in: leases in force, at most one more than are named. */
export function leasedImage(imageId: string, leases: readonly Pick<LeaseRow, 'holder'>[]): RegistryError {
  const named = leases.slice(0, NAMED_HOLDERS).map(({ holder }) => `"${holder}"`);
  const more = leases.length > named.length ? ' and others' : '';
  return failedPrecondition(
    imageId,
    'LEASED',
    `Image "${imageId}" is leased by ${named.join(', ')}${more}; wait until the leases are released or expire, or delete it with force=true`,
  );
}

/** The refusal to delete a folder with images that may not be deleted. in: at most one more than are named. */
export function heldImages(
  folderId: string,
  held: readonly { readonly id: string; readonly deleteProtection: boolean }[],
): RegistryError {
  const named = held
    .slice(0, NAMED_HOLDERS)
    .map(({ id, deleteProtection }) => `"${id}" (${deleteProtection ? 'protected' : 'leased'})`);
  const more = held.length > named.length ? ' and others' : '';
  return failedPrecondition(
    folderId,
    'IMAGES_HELD',
    `Folder "${folderId}" holds images that may not be deleted: ${named.join(', ')}${more}; take their protection off, release their leases or delete them with force=true first`,
  );
}
