import { ROLES } from '../../core/roles.ts';
import type { FixedList } from '../fixed-list.ts';

export interface RoleDescription {
  readonly id: string;
  readonly description: string;
}

/** Every role that can be bound. */
export const ROLE_LIST: FixedList<RoleDescription> = {
  title: 'Role',
  all: () => Object.entries(ROLES).map(([id, { description }]) => ({ id, description })),
};
