import { failedPrecondition, notFound, permissionDenied, RegistryError } from '../core/errors.ts';
import type { Permission } from '../core/roles.ts';
import type { Access } from './authorize.ts';

/** The kinds of resources that a caller is let at: how messages name one, and what one needs to see it. */
const KINDS = {
  image: { title: 'Image', get: 'compute.images.get' },
  disk: { title: 'Disk', get: 'compute.disks.get' },
  snapshot: { title: 'Snapshot', get: 'compute.snapshots.get' },
  folder: { title: 'Folder', get: 'resource-manager.folders.get' },
  cloud: { title: 'Cloud', get: 'resource-manager.clouds.get' },
  serviceAccount: { title: 'Service account', get: 'iam.serviceAccounts.get' },
  apiKey: { title: 'API key', get: 'iam.apiKeys.get' },
  authorizedKey: { title: 'Authorized key', get: 'iam.authorizedKeys.get' },
  federation: { title: 'Federation', get: 'iam.federations.get' },
  federatedCredential: { title: 'Federated credential', get: 'iam.federatedCredentials.get' },
  webhook: { title: 'Webhook', get: 'compute.webhooks.get' },
  quotaRequest: { title: 'Quota request', get: 'quota-manager.quotaRequests.get' },
} as const satisfies Record<string, { title: string; get: Permission }>;

export type ResourceKind = keyof typeof KINDS;

/** A resource by its kind and id. */
export interface Resource {
  readonly kind: ResourceKind;
  readonly id: string;
}

/** What one needs to see a resource of this kind. */
export function getPermission(kind: ResourceKind): Permission {
  return KINDS[kind].get;
}

/**
 * Lets the caller at a resource for one thing. What it may not see is NOT_FOUND as if it did not exist; what it may
 * see but not do is PERMISSION_DENIED. Whoever may do the thing may know of the resource, and `own` says that it is
 * the caller itself or its key. A folder is PERMISSION_DENIED with the same words in every case.
 */
export function requireResource<T>(
  row: T | undefined,
  access: Access,
  { kind, id }: Resource,
  permission: Permission,
  own = false,
): T {
  const { title, get } = KINDS[kind];
  const allowed = access.allows(permission);
  if (kind === 'folder') {
    if (row === undefined || !allowed) throw permissionDenied('folder', id);
    return row;
  }
  const visible = own || access.allows(get);
  if (row === undefined || !(visible || allowed)) throw notFound(title, id);
  if (!allowed && !(own && permission === get)) {
    throw permissionDenied(
      title.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()),
      id,
      permission,
    );
  }
  return row;
}

/** The refusal of a name that another one of the folder has. */
export function nameTaken(kind: ResourceKind, name: string): RegistryError {
  return new RegistryError('ALREADY_EXISTS', `${KINDS[kind].title} with name "${name}" already exists`);
}

/** Throws FAILED_PRECONDITION for what is not READY. in: `what` is wanted, such as `updated`. */
export function demandReady({ kind, id }: Resource, status: string, what: string): void {
  if (status === 'READY') return;
  const { title } = KINDS[kind];
  throw failedPrecondition(
    id,
    'STATUS',
    `${title} "${id}" is ${status}; only a READY ${title.toLowerCase()} can be ${what}`,
  );
}
