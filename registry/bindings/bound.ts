import type { Permission } from '../../core/roles.ts';
import type { BoundResource } from '../../db/access-bindings.ts';
import type { OperationKind } from '../operations/record.ts';

/** What the kinds of resources that carry bindings differ in. */
interface BoundKind {
  readonly read: Permission;
  readonly change: Permission;
  readonly set: OperationKind;
  readonly update: OperationKind;
}

export const BOUND: Readonly<Record<BoundResource['kind'], BoundKind>> = {
  image: {
    read: 'compute.images.getAccessBindings',
    change: 'compute.images.setAccessBindings',
    set: 'images.setAccessBindings',
    update: 'images.updateAccessBindings',
  },
  disk: {
    read: 'compute.disks.getAccessBindings',
    change: 'compute.disks.setAccessBindings',
    set: 'disks.setAccessBindings',
    update: 'disks.updateAccessBindings',
  },
  snapshot: {
    read: 'compute.snapshots.getAccessBindings',
    change: 'compute.snapshots.setAccessBindings',
    set: 'snapshots.setAccessBindings',
    update: 'snapshots.updateAccessBindings',
  },
  folder: {
    read: 'resource-manager.folders.getAccessBindings',
    change: 'resource-manager.folders.setAccessBindings',
    set: 'folders.setAccessBindings',
    update: 'folders.updateAccessBindings',
  },
  cloud: {
    read: 'resource-manager.clouds.getAccessBindings',
    change: 'resource-manager.clouds.setAccessBindings',
    set: 'clouds.setAccessBindings',
    update: 'clouds.updateAccessBindings',
  },
  serviceAccount: {
    read: 'iam.serviceAccounts.getAccessBindings',
    change: 'iam.serviceAccounts.setAccessBindings',
    set: 'serviceAccounts.setAccessBindings',
    update: 'serviceAccounts.updateAccessBindings',
  },
};

export type { BoundResource } from '../../db/access-bindings.ts';
