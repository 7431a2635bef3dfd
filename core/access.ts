/**
 * Who may do what. The rights on a resource are the union of the roles bound on it and on everything above it
 * (image, folder, cloud, organization); nothing denies, nothing narrows.
 */
import { isRoleId, PERMISSIONS, type Permission, ROLES, type Role, type RoleId } from './roles.ts';

/** What a role gives with all that it includes; worked out once, since every request asks. */
const GIVEN = new Map<RoleId, ReadonlySet<Permission>>();

function givenBy(roleId: RoleId): ReadonlySet<Permission> {
  const known = GIVEN.get(roleId);
  if (known !== undefined) return known;
  const role: Role = ROLES[roleId];
  const given = new Set<Permission>(role.permissions);
  for (const included of role.includes as readonly RoleId[]) {
    for (const permission of givenBy(included)) given.add(permission);
  }
  GIVEN.set(roleId, given);
  return given;
}

/** All that these roles give together. A role that is no longer known gives nothing. */
export function permissionsOf(roleIds: Iterable<string>): Set<Permission> {
  const permissions = new Set<Permission>();
  for (const roleId of roleIds) {
    if (!isRoleId(roleId)) continue;
    for (const permission of givenBy(roleId)) permissions.add(permission);
  }
  return permissions;
}

/**
 * Whether someone with these roles on a resource may grant a role there: one whose permissions all are theirs,
 * or one that their own role may hand out. That the caller may change bindings at all is another permission.
 * Ownership needs `setOwners`, which nobody but an owner has, so that only an owner makes an owner.
 */
export function grantable(callerRoles: Iterable<string>, roleId: string): boolean {
  if (!isRoleId(roleId)) return false;
  const held = [...callerRoles].filter(isRoleId);
  const permissions = permissionsOf(held);
  if ([...givenBy(roleId)].every((permission) => permissions.has(permission))) return true;
  return [...withIncluded(held)].some((id) => ((ROLES[id] as Role).grants ?? []).includes(roleId));
}

function withIncluded(roleIds: readonly RoleId[]): ReadonlySet<RoleId> {
  const all = new Set<RoleId>();
  const visit = (roleId: RoleId) => {
    if (all.has(roleId)) return;
    all.add(roleId);
    for (const included of ROLES[roleId].includes) visit(included);
  };
  for (const roleId of roleIds) visit(roleId);
  return all;
}

/** Roles that name owners: granted and revoked by owners alone, and never without a holder. */
export const OWNER_ROLES = [
  'resource-manager.clouds.owner',
  'organization-manager.organizations.owner',
] as const satisfies readonly RoleId[];

/** Whether a binding of this role may be taken away by someone with these roles, who may change bindings. */
export function revocable(callerRoles: Iterable<string>, roleId: string): boolean {
  return !(OWNER_ROLES as readonly string[]).includes(roleId) || grantable(callerRoles, roleId);
}

export const KEY_SCOPES = ['read', 'write', 'admin'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

const READING_VERBS: readonly string[] = [
  'get',
  'list',
  'listByFamily',
  'listOperations',
  'getAccessBindings',
  'use',
];
/** What `write` may change; a change to anything else is administration. */
const WRITABLE = /^(compute\.|operations\.|quota-manager\.quotaRequests\.(create|cancel)$)/;
const ADMINISTERING_VERBS: readonly string[] = ['setAccessBindings', 'forceDelete'];

function leastScope(permission: Permission): number {
  const verb = permission.slice(permission.lastIndexOf('.') + 1);
  if (READING_VERBS.includes(verb)) return KEY_SCOPES.indexOf('read');
  if (ADMINISTERING_VERBS.includes(verb) || !WRITABLE.test(permission)) return KEY_SCOPES.indexOf('admin');
  return KEY_SCOPES.indexOf('write');
}

const LEAST_SCOPE = new Map(PERMISSIONS.map((permission) => [permission, leastScope(permission)]));

/**
 * Whether a key with these scopes may be used for something that its service account may do.
 * `write` holds `read`, `admin` holds both; a key without scopes is not narrowed.
 */
export function scopeAllows(scopes: readonly KeyScope[], permission: Permission): boolean {
  if (scopes.length === 0) return true;
  const widest = Math.max(...scopes.map((scope) => KEY_SCOPES.indexOf(scope)));
  return widest >= LEAST_SCOPE.get(permission)!;
}

export const SUBJECT_TYPES = ['userAccount', 'serviceAccount', 'federatedUser', 'group', 'system'] as const;
export type SubjectType = (typeof SUBJECT_TYPES)[number];

export interface Subject {
  readonly type: string;
  readonly id: string;
}

const PUBLIC_GROUPS = ['allAuthenticatedUsers', 'allUsers'] as const;
const SYSTEM_GROUP = /^group:(organization|federation):[A-Za-z0-9-]{1,50}:users$/;

/** The field of a subject that is wrong (`type` or `id`) and why; undefined when a role may be bound to it. */
export function checkSubject(subject: Subject): { field: 'type' | 'id'; description: string } | undefined {
  if (!(SUBJECT_TYPES as readonly string[]).includes(subject.type)) {
    return { field: 'type', description: `must be one of ${SUBJECT_TYPES.join(', ')}` };
  }
  if (subject.id === '' || subject.id.length > 100) {
    return {
      field: 'id',
      description: subject.id === '' ? 'value is required' : 'must be 1 to 100 characters',
    };
  }
  const isSystem = (PUBLIC_GROUPS as readonly string[]).includes(subject.id) || SYSTEM_GROUP.test(subject.id);
  if (subject.type === 'system' && !isSystem) {
    const groups = [...PUBLIC_GROUPS, 'group:organization:<id>:users', 'group:federation:<id>:users'];
    return { field: 'id', description: `with the type system it must be one of ${groups.join(', ')}` };
  }
  if (subject.type !== 'system' && (isSystem || subject.id.startsWith('group:'))) {
    return { field: 'id', description: `"${subject.id}" goes with the type system only` };
  }
  return undefined;
}

/**
 * Every subject whose bindings count for an authenticated caller: itself, both public groups (a credential is
 * needed for either), and the users of its organization.
 */
export function subjectsOf(caller: Subject & { readonly organizationId?: string }): readonly Subject[] {
  const groups: string[] = [...PUBLIC_GROUPS];
  if (caller.organizationId !== undefined) groups.push(`group:organization:${caller.organizationId}:users`);
  return [{ type: caller.type, id: caller.id }, ...groups.map((id) => ({ type: 'system', id }))];
}

/** Whether this binding, on an image or its folder, makes an image public. */
export function isPublicBinding(binding: { readonly roleId: string; readonly subject: Subject }): boolean {
  const { roleId, subject } = binding;
  const everybody = subject.type === 'system' && (PUBLIC_GROUPS as readonly string[]).includes(subject.id);
  return everybody && permissionsOf([roleId]).has('compute.images.use');
}
