import { describe, expect, it } from 'vitest';
import {
  checkSubject,
  grantable,
  isPublicBinding,
  type KeyScope,
  permissionsOf,
  revocable,
  scopeAllows,
  subjectsOf,
} from '../../../core/access.ts';
import { isRoleId, PERMISSIONS, type Permission, ROLES, type RoleId } from '../../../core/roles.ts';

const has = (roleId: string, permission: Permission) => permissionsOf([roleId]).has(permission);

describe('roles', () => {
  it('include only roles that exist, without a circle', () => {
    const visit = (roleId: string, path: readonly string[]) => {
      expect(path, `circle through ${roleId}`).not.toContain(roleId);
      expect(isRoleId(roleId), roleId).toBe(true);
      for (const included of ROLES[roleId as RoleId].includes) visit(included, [...path, roleId]);
    };
    for (const roleId of Object.keys(ROLES)) visit(roleId, []);
  });

  it('give only permissions of the vocabulary, and together all of them', () => {
    const given = permissionsOf(Object.keys(ROLES));
    expect([...given].sort()).toEqual([...PERMISSIONS].sort());
    expect(new Set(PERMISSIONS).size).toBe(PERMISSIONS.length);
  });

  it('that are unknown give nothing', () => {
    expect(permissionsOf(['compute.images.owner', 'toString', '']).size).toBe(0);
  });

  // The columns of the contract's table: get and list, latest of a family, list of operations,
  // reading bindings, changing bindings, use as a source, create, update and delete.
  it.each<[RoleId, string]>([
    ['compute.images.user', 'get family use'],
    ['compute.disks.user', ''],
    ['compute.snapshotSchedules.viewer', ''],
    ['compute.snapshotSchedules.editor', ''],
    ['compute.auditor', 'get family operations'],
    ['compute.viewer', 'get family operations read'],
    ['compute.operator', 'get family operations read'],
    ['compute.editor', 'get family operations read use create change cancel'],
    ['compute.admin', 'get family operations read write use create change cancel'],
    ['auditor', 'get family operations read'],
    ['viewer', 'get family operations read'],
    ['editor', 'get family operations read use create change cancel'],
    ['admin', 'get family operations read write use create change cancel'],
    ['resource-manager.clouds.member', ''],
    ['resource-manager.viewer', ''],
    ['resource-manager.editor', ''],
    ['resource-manager.admin', 'read write'],
    ['resource-manager.clouds.owner', 'get family operations read write use create change cancel'],
    ['iam.serviceAccounts.admin', ''],
    ['quota-manager.viewer', ''],
    ['quota-manager.requestOperator', ''],
    ['organization-manager.admin', 'read write'],
    ['organization-manager.organizations.owner', 'get family operations read write use create change cancel'],
  ])('%s with images: %s', (roleId, columns) => {
    const expected = columns === '' ? [] : columns.split(' ');
    const table: Record<string, Permission[]> = {
      get: ['compute.images.get', 'compute.images.list'],
      family: ['compute.images.listByFamily'],
      operations: ['compute.images.listOperations'],
      read: ['compute.images.getAccessBindings'],
      write: ['compute.images.setAccessBindings'],
      use: ['compute.images.use'],
      create: ['compute.images.create'],
      change: ['compute.images.update', 'compute.images.delete'],
      cancel: ['operations.cancel'],
    };
    for (const [column, permissions] of Object.entries(table)) {
      for (const permission of permissions) {
        expect(has(roleId, permission), permission).toBe(expected.includes(column));
      }
    }
  });

  it('are all in the table above or below', () => {
    expect(Object.keys(ROLES)).toHaveLength(23);
  });

  it.each<[RoleId, Permission, boolean]>([
    ['compute.disks.user', 'compute.disks.use', true],
    ['compute.disks.user', 'compute.disks.get', true],
    ['compute.disks.user', 'compute.snapshots.use', false],
    ['compute.snapshotSchedules.editor', 'compute.disks.use', true],
    ['compute.snapshotSchedules.editor', 'compute.snapshots.create', true],
    ['compute.snapshotSchedules.editor', 'compute.snapshots.use', false],
    ['compute.snapshotSchedules.viewer', 'compute.snapshotSchedules.get', true],
    ['compute.snapshotSchedules.viewer', 'compute.snapshotSchedules.update', false],
    ['compute.editor', 'compute.snapshots.use', true],
    ['compute.editor', 'compute.imageFamilies.update', true],
    ['compute.editor', 'compute.images.forceDelete', false],
    ['compute.admin', 'compute.images.forceDelete', true],
    ['compute.admin', 'resource-manager.folders.setAccessBindings', false],
    ['viewer', 'resource-manager.folders.list', true],
    ['viewer', 'iam.serviceAccounts.list', true],
    ['viewer', 'iam.apiKeys.list', true],
    ['viewer', 'audit.events.list', true],
    ['viewer', 'compute.disks.use', false],
    ['viewer', 'compute.snapshots.use', false],
    ['editor', 'resource-manager.folders.create', true],
    ['editor', 'quota-manager.quotaRequests.create', true],
    ['editor', 'iam.serviceAccounts.create', false],
    ['editor', 'iam.apiKeys.create', false],
    ['admin', 'iam.apiKeys.create', true],
    ['admin', 'iam.federations.create', true],
    ['admin', 'resource-manager.clouds.setAccessBindings', true],
    ['admin', 'resource-manager.clouds.setOwners', false],
    ['admin', 'resource-manager.clouds.delete', false],
    ['admin', 'resource-manager.clouds.create', false],
    ['admin', 'quota-manager.quotaLimits.update', false],
    ['resource-manager.clouds.owner', 'resource-manager.clouds.setOwners', true],
    ['resource-manager.clouds.owner', 'resource-manager.clouds.delete', true],
    ['resource-manager.clouds.owner', 'quota-manager.quotaRequests.approve', false],
    ['quota-manager.viewer', 'quota-manager.quotaLimits.list', true],
    ['quota-manager.viewer', 'resource-manager.clouds.get', true],
    ['quota-manager.viewer', 'quota-manager.quotaRequests.create', false],
    ['quota-manager.requestOperator', 'quota-manager.quotaRequests.create', true],
    ['organization-manager.admin', 'resource-manager.clouds.create', true],
    ['organization-manager.admin', 'quota-manager.quotaLimits.update', true],
    ['organization-manager.admin', 'quota-manager.quotaRequests.approve', true],
    ['organization-manager.admin', 'maintenance.runs.create', true],
    ['organization-manager.admin', 'resource-manager.clouds.setOwners', false],
  ])('%s: %s is %s', (roleId, permission, answer) => {
    expect(has(roleId, permission)).toBe(answer);
  });

  it('the owner of the organization may do everything', () => {
    const permissions = permissionsOf(['organization-manager.organizations.owner']);
    expect(PERMISSIONS.filter((permission) => !permissions.has(permission))).toEqual([]);
  });
});

describe('granting', () => {
  it.each<[string[], string, boolean]>([
    [['admin'], 'admin', true],
    [['admin'], 'viewer', true],
    [['admin'], 'compute.images.user', true],
    [['admin'], 'resource-manager.clouds.member', true],
    [['admin'], 'resource-manager.clouds.owner', false],
    [['admin'], 'organization-manager.admin', false],
    [['compute.admin'], 'compute.admin', true],
    [['compute.admin'], 'compute.images.user', true],
    [['compute.admin'], 'viewer', false],
    [['compute.admin'], 'admin', false],
    [['resource-manager.admin'], 'compute.images.user', true],
    [['resource-manager.admin'], 'compute.admin', true],
    [['resource-manager.admin'], 'resource-manager.admin', true],
    [['resource-manager.admin'], 'editor', false],
    [['resource-manager.admin'], 'admin', false],
    [['resource-manager.admin'], 'resource-manager.clouds.owner', false],
    [['organization-manager.admin'], 'admin', true],
    [['organization-manager.admin'], 'resource-manager.clouds.owner', false],
    [['organization-manager.admin'], 'organization-manager.organizations.owner', false],
    [['resource-manager.clouds.owner'], 'resource-manager.clouds.owner', true],
    [['organization-manager.organizations.owner'], 'resource-manager.clouds.owner', true],
    [['compute.editor', 'resource-manager.viewer'], 'compute.editor', true],
    [['admin'], 'no.such.role', false],
    [[], 'compute.images.user', false],
  ])('%j grants %s: %s', (callerRoles, roleId, answer) => {
    expect(grantable(callerRoles, roleId)).toBe(answer);
  });

  it.each<[string[], string, boolean]>([
    [['compute.admin'], 'admin', true],
    [['admin'], 'resource-manager.clouds.owner', false],
    [['organization-manager.admin'], 'resource-manager.clouds.owner', false],
    [['resource-manager.clouds.owner'], 'resource-manager.clouds.owner', true],
    [['compute.admin'], 'a.role.of.the.past', true],
  ])('%j revokes %s: %s', (callerRoles, roleId, answer) => {
    expect(revocable(callerRoles, roleId)).toBe(answer);
  });
});

describe('scopes of keys', () => {
  it.each<[KeyScope[], Permission, boolean]>([
    [[], 'iam.apiKeys.create', true],
    [['read'], 'compute.images.get', true],
    [['read'], 'compute.images.use', true],
    [['read'], 'compute.images.listOperations', true],
    [['read'], 'compute.images.getAccessBindings', true],
    [['read'], 'compute.images.create', false],
    [['read'], 'operations.cancel', false],
    [['write'], 'compute.images.get', true],
    [['write'], 'compute.images.create', true],
    [['write'], 'compute.images.delete', true],
    [['write'], 'operations.cancel', true],
    [['write'], 'quota-manager.quotaRequests.create', true],
    [['write'], 'compute.images.setAccessBindings', false],
    [['write'], 'compute.images.forceDelete', false],
    [['write'], 'iam.apiKeys.create', false],
    [['write'], 'iam.apiKeys.list', true],
    [['write'], 'iam.authorizedKeys.create', false],
    [['write'], 'iam.federations.update', false],
    [['write'], 'iam.serviceAccounts.update', false],
    [['write'], 'resource-manager.folders.delete', false],
    [['write'], 'quota-manager.quotaRequests.approve', false],
    [['write'], 'maintenance.runs.create', false],
    [['read', 'write'], 'compute.images.create', true],
    [['admin'], 'compute.images.create', true],
  ])('%j: %s is %s', (scopes, permission, answer) => {
    expect(scopeAllows(scopes, permission)).toBe(answer);
  });

  it('admin allows everything', () => {
    expect(PERMISSIONS.every((permission) => scopeAllows(['admin'], permission))).toBe(true);
  });
});

describe('subjects', () => {
  const systemOnly = 'goes with the type system only';
  it.each<[string, string, string | undefined]>([
    ['userAccount', 'u1', undefined],
    ['serviceAccount', 'aje000', undefined],
    ['federatedUser', 'f1', undefined],
    ['group', 'g1', undefined],
    ['system', 'allAuthenticatedUsers', undefined],
    ['system', 'allUsers', undefined],
    ['system', 'group:organization:bpf000:users', undefined],
    ['system', 'group:federation:aje000:users', undefined],
    ['system', 'aje000', 'with the type system it must be one of'],
    ['system', 'group:organization::users', 'with the type system it must be one of'],
    ['system', 'group:cloud:b1g:users', 'with the type system it must be one of'],
    ['userAccount', 'allAuthenticatedUsers', systemOnly],
    ['serviceAccount', 'allUsers', systemOnly],
    ['group', 'group:organization:bpf000:users', systemOnly],
    ['userAccount', '', 'value is required'],
    ['userAccount', 'u'.repeat(100), undefined],
    ['userAccount', 'u'.repeat(101), 'must be 1 to 100 characters'],
    ['robot', 'r1', 'must be one of userAccount'],
    ['', 'r1', 'must be one of userAccount'],
  ])('%s %s: %s', (type, id, reason) => {
    const wrong = checkSubject({ type, id });
    if (reason === undefined) expect(wrong).toBeUndefined();
    else expect(wrong?.description).toContain(reason);
  });

  it('of a caller are itself and the groups that it is in', () => {
    const caller = { type: 'serviceAccount', id: 'aje000' };
    expect(subjectsOf(caller)).toEqual([
      caller,
      { type: 'system', id: 'allAuthenticatedUsers' },
      { type: 'system', id: 'allUsers' },
    ]);
    expect(subjectsOf({ ...caller, organizationId: 'bpf000' }).at(-1)).toEqual({
      type: 'system',
      id: 'group:organization:bpf000:users',
    });
  });

  it('make an image public when everybody may use it', () => {
    const everybody = { type: 'system', id: 'allAuthenticatedUsers' };
    expect(isPublicBinding({ roleId: 'compute.images.user', subject: everybody })).toBe(true);
    expect(
      isPublicBinding({ roleId: 'compute.images.user', subject: { type: 'system', id: 'allUsers' } }),
    ).toBe(true);
    expect(isPublicBinding({ roleId: 'compute.viewer', subject: everybody })).toBe(false);
    expect(
      isPublicBinding({ roleId: 'compute.images.user', subject: { type: 'userAccount', id: 'u1' } }),
    ).toBe(false);
  });
});
