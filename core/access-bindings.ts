/** Changes to the bindings of one resource: what they come to, and whether the caller may make them. */
import { grantable, OWNER_ROLES, revocable, type Subject } from './access.ts';
import { invalidField, RegistryError } from './errors.ts';
import { isRoleId } from './roles.ts';

export interface AccessBinding {
  readonly roleId: string;
  readonly subject: Subject;
}

export interface BindingDelta {
  readonly action: 'ADD' | 'REMOVE';
  readonly binding: AccessBinding;
}

export interface BindingChange {
  /** All bindings after the change, each once. */
  readonly next: readonly AccessBinding[];
  /** Only what differs from before. */
  readonly effective: readonly BindingDelta[];
}

/** How many bindings one call may set, and how many deltas one call may hold. */
export const MAX_BINDINGS = 1000;

/** Two bindings with the same key are one. No id or role holds a line break, so none can imitate another. */
export function bindingKey({ roleId, subject }: AccessBinding): string {
  return `${roleId}\n${subject.type}\n${subject.id}`;
}

function byKey(bindings: readonly AccessBinding[]): Map<string, AccessBinding> {
  return new Map(bindings.map((binding) => [bindingKey(binding), binding]));
}

/**
 * Deltas in their order, as one change. Adding what is there and removing what is not is no error and no change;
 * neither is what a later delta of the same call undoes.
 */
export function applyDeltas(
  current: readonly AccessBinding[],
  deltas: readonly BindingDelta[],
): BindingChange {
  const before = byKey(current);
  const after = new Map(before);
  const touched = new Map<string, AccessBinding>();
  for (const { action, binding } of deltas) {
    const key = bindingKey(binding);
    touched.set(key, binding);
    if (action === 'REMOVE') after.delete(key);
    else if (!after.has(key)) after.set(key, binding);
  }
  const effective: BindingDelta[] = [];
  for (const [key, binding] of touched) {
    if (before.has(key) === after.has(key)) continue;
    effective.push({ action: after.has(key) ? 'ADD' : 'REMOVE', binding });
  }
  return { next: [...after.values()], effective };
}

/** Exactly the wanted bindings in place of the current ones; removals come first in `effective`. */
export function replaceBindings(
  current: readonly AccessBinding[],
  wanted: readonly AccessBinding[],
): BindingChange {
  const before = byKey(current);
  const after = byKey(wanted);
  const removed = [...before].filter(([key]) => !after.has(key));
  const added = [...after].filter(([key]) => !before.has(key));
  return {
    next: [...after.values()],
    effective: [
      ...removed.map(([, binding]): BindingDelta => ({ action: 'REMOVE', binding })),
      ...added.map(([, binding]): BindingDelta => ({ action: 'ADD', binding })),
    ],
  };
}

/**
 * Refuses a change that the caller may not make, although it may change bindings here.
 * in: the roles of the caller on the resource and above. errors: INVALID_ARGUMENT for an unknown role,
 * PERMISSION_DENIED for a role that the caller cannot give or take, FAILED_PRECONDITION for the last owner.
 */
export function judgeBindingChange(change: BindingChange, callerRoles: readonly string[]): void {
  for (const { action, binding } of change.effective) {
    const { roleId } = binding;
    if (action === 'ADD' && !isRoleId(roleId)) {
      throw invalidField('role_id', `there is no role "${roleId}"`);
    }
    if (action === 'ADD' && !grantable(callerRoles, roleId)) {
      throw new RegistryError(
        'PERMISSION_DENIED',
        `Permission denied to grant ${roleId}: it gives more than the caller has; ask a holder of that role`,
      );
    }
    if (action === 'REMOVE' && !revocable(callerRoles, roleId)) {
      throw new RegistryError(
        'PERMISSION_DENIED',
        `Permission denied to revoke ${roleId}: only one of its holders may do that`,
      );
    }
  }
  for (const roleId of OWNER_ROLES) {
    const removes = change.effective.some(
      ({ action, binding }) => action === 'REMOVE' && binding.roleId === roleId,
    );
    if (removes && !change.next.some((binding) => binding.roleId === roleId)) {
      const description = `The last ${roleId} cannot be removed: name another one first`;
      throw new RegistryError('FAILED_PRECONDITION', description, [
        { kind: 'precondition', type: 'LAST_OWNER', subject: roleId, description },
      ]);
    }
  }
}
