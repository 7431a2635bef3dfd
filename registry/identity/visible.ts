import { permissionsOf } from '../../core/access.ts';
import { type Permission, ROLES } from '../../core/roles.ts';
import { mayHere } from '../../db/access.ts';
import { requireCredential } from '../authorize.ts';
import type { CallerContext } from '../context.ts';

/**
 * The condition of a list that shows only what the caller may see: a role that gives `permission` is bound for it on
 * one of a row's `places`. Throws UNAUTHENTICATED.
 */
export function visibleTo(
  context: CallerContext,
  permission: Permission,
  places: Parameters<typeof mayHere>[2],
): ReturnType<typeof mayHere> {
  const roleIds = Object.keys(ROLES).filter((roleId) => permissionsOf([roleId]).has(permission));
  return mayHere(requireCredential(context), roleIds, places);
}
