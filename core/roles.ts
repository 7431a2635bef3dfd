/** The one table of permissions, and the roles that give them. What is decided with them is in `access.ts`. */

const RESOURCE_VERBS = [
  'get',
  'list',
  'create',
  'update',
  'delete',
  'use',
  'listOperations',
  'getAccessBindings',
  'setAccessBindings',
] as const;
const CONTAINER_VERBS = [
  'get',
  'list',
  'create',
  'update',
  'delete',
  'listOperations',
  'getAccessBindings',
  'setAccessBindings',
] as const;
const RECORD_VERBS = ['get', 'list', 'create', 'update', 'delete'] as const;

/**
 * Every noun with its verbs; a permission is `<noun>.<verb>`.
 * `use` is being the source of something else, and reading the bytes; `forceDelete` passes over leases;
 * `setOwners` is granting and revoking the role of an owner.
 */
export const VOCABULARY = {
  'compute.images': [...RESOURCE_VERBS, 'listByFamily', 'forceDelete'],
  'compute.disks': RESOURCE_VERBS,
  'compute.snapshots': RESOURCE_VERBS,
  'compute.snapshotSchedules': CONTAINER_VERBS,
  'compute.imageFamilies': ['get', 'list', 'update'],
  'compute.webhooks': RECORD_VERBS,
  operations: ['cancel'],
  'resource-manager.clouds': [...CONTAINER_VERBS, 'setOwners'],
  'resource-manager.folders': CONTAINER_VERBS,
  'iam.serviceAccounts': CONTAINER_VERBS,
  'iam.apiKeys': RECORD_VERBS,
  'iam.authorizedKeys': RECORD_VERBS,
  'iam.federations': RECORD_VERBS,
  'iam.federatedCredentials': RECORD_VERBS,
  'quota-manager.quotaLimits': ['get', 'list', 'update'],
  'quota-manager.quotaRequests': ['get', 'list', 'create', 'cancel', 'approve'],
  'audit.events': ['list'],
  'maintenance.runs': ['list', 'create'],
  'organization-manager.organizations': ['get', 'getAccessBindings', 'setAccessBindings', 'setOwners'],
} as const satisfies Record<string, readonly string[]>;

export type Noun = keyof typeof VOCABULARY;
export type Verb = (typeof VOCABULARY)[Noun][number];
export type Permission = { [N in Noun]: `${N}.${(typeof VOCABULARY)[N][number]}` }[Noun];

const NOUNS = Object.keys(VOCABULARY) as Noun[];
const COMPUTE = [
  'compute.images',
  'compute.disks',
  'compute.snapshots',
  'compute.snapshotSchedules',
  'compute.imageFamilies',
  'compute.webhooks',
] as const satisfies readonly Noun[];
const RESOURCE_MANAGER = [
  'resource-manager.clouds',
  'resource-manager.folders',
] as const satisfies readonly Noun[];
const IAM = [
  'iam.serviceAccounts',
  'iam.apiKeys',
  'iam.authorizedKeys',
  'iam.federations',
  'iam.federatedCredentials',
] as const satisfies readonly Noun[];
const QUOTA_MANAGER = [
  'quota-manager.quotaLimits',
  'quota-manager.quotaRequests',
] as const satisfies readonly Noun[];

/** The permissions of these nouns with these verbs, as far as each noun has the verb. */
function each(nouns: readonly Noun[], verbs: readonly Verb[]): readonly Permission[] {
  return nouns.flatMap((noun) =>
    verbs
      .filter((verb) => (VOCABULARY[noun] as readonly string[]).includes(verb))
      .map((verb) => `${noun}.${verb}` as Permission),
  );
}

/** Every permission there is. */
export const PERMISSIONS: readonly Permission[] = NOUNS.flatMap((noun) => each([noun], VOCABULARY[noun]));

export interface Role {
  readonly description: string;
  readonly includes: readonly string[];
  readonly permissions: readonly Permission[];
  /** Roles that a holder may grant although they give permissions that the holder does not have. */
  readonly grants?: readonly string[];
}

const READ = ['get', 'list', 'listByFamily'] as const;
const CHANGE = ['create', 'update', 'delete', 'use', 'cancel'] as const;

const COMPUTE_ROLES = [
  'compute.images.user',
  'compute.disks.user',
  'compute.snapshotSchedules.viewer',
  'compute.snapshotSchedules.editor',
  'compute.auditor',
  'compute.viewer',
  'compute.operator',
  'compute.editor',
  'compute.admin',
] as const;

export const ROLES = {
  'compute.images.user': {
    description: 'Sees images and uses them as a source.',
    includes: [],
    permissions: each(['compute.images'], [...READ, 'use']),
  },
  'compute.disks.user': {
    description: 'Sees disks and uses them as a source.',
    includes: [],
    permissions: each(['compute.disks'], [...READ, 'use']),
  },
  'compute.snapshotSchedules.viewer': {
    description: 'Sees snapshot schedules.',
    includes: [],
    permissions: each(['compute.snapshotSchedules'], [...READ, 'listOperations']),
  },
  'compute.snapshotSchedules.editor': {
    description: 'Changes snapshot schedules, makes and deletes snapshots, uses disks as their source.',
    includes: ['compute.snapshotSchedules.viewer'],
    permissions: [
      ...each(['compute.snapshotSchedules'], CHANGE),
      ...each(['compute.snapshots'], [...READ, 'create', 'update', 'delete']),
      ...each(['compute.disks'], [...READ, 'use']),
    ],
  },
  'compute.auditor': {
    description: 'Sees compute resources and their operations, not who has access.',
    includes: [],
    permissions: each(COMPUTE, [...READ, 'listOperations']),
  },
  'compute.viewer': {
    description: 'Sees compute resources, their operations and who has access.',
    includes: ['compute.auditor', 'compute.snapshotSchedules.viewer'],
    permissions: each(COMPUTE, ['getAccessBindings']),
  },
  'compute.operator': {
    description: 'The same as compute.viewer: there are no machines to start and stop.',
    includes: ['compute.viewer'],
    permissions: [],
  },
  'compute.editor': {
    description: 'Makes, changes, deletes and uses compute resources.',
    includes: [
      'compute.viewer',
      'compute.operator',
      'compute.images.user',
      'compute.disks.user',
      'compute.snapshotSchedules.editor',
    ],
    permissions: each([...COMPUTE, 'operations'], CHANGE),
  },
  'compute.admin': {
    description: 'Everything with compute resources, who has access included.',
    includes: ['compute.editor'],
    permissions: each(COMPUTE, ['setAccessBindings', 'forceDelete']),
  },
  auditor: {
    description: 'Sees the settings of everything, not the bytes.',
    includes: ['compute.auditor', 'quota-manager.viewer'],
    permissions: [
      ...each([...COMPUTE, ...RESOURCE_MANAGER, ...IAM], [...READ, 'listOperations', 'getAccessBindings']),
      'audit.events.list',
    ],
  },
  viewer: {
    description: 'Sees everything, but not the bytes.',
    includes: ['auditor', 'compute.viewer', 'resource-manager.viewer'],
    permissions: [],
  },
  editor: {
    description: 'Makes, changes and deletes everything but access, service accounts and their keys.',
    includes: ['viewer', 'compute.editor', 'resource-manager.editor', 'quota-manager.requestOperator'],
    permissions: [],
  },
  admin: {
    description: 'Everything in the cloud but the right to name its owners.',
    includes: ['editor', 'compute.admin', 'resource-manager.admin', 'iam.serviceAccounts.admin'],
    permissions: each(IAM, VOCABULARY['iam.serviceAccounts']),
  },
  'resource-manager.clouds.member': {
    description: 'Belongs to the cloud; gives no right by itself.',
    includes: [],
    permissions: [],
  },
  'resource-manager.viewer': {
    description: 'Sees clouds and folders.',
    includes: [],
    permissions: each(RESOURCE_MANAGER, [...READ, 'listOperations', 'getAccessBindings']),
  },
  'resource-manager.editor': {
    description: 'Changes the cloud, makes, changes and deletes folders.',
    includes: ['resource-manager.viewer'],
    permissions: [
      'resource-manager.clouds.update',
      ...each(['resource-manager.folders'], ['create', 'update', 'delete']),
    ],
  },
  'resource-manager.admin': {
    description: 'Manages access to clouds, folders and the compute resources in them.',
    includes: ['resource-manager.editor'],
    permissions: each([...RESOURCE_MANAGER, ...COMPUTE], ['getAccessBindings', 'setAccessBindings']),
    grants: COMPUTE_ROLES,
  },
  'resource-manager.clouds.owner': {
    description: 'Everything in the cloud; names and removes its owners.',
    includes: ['admin'],
    permissions: ['resource-manager.clouds.delete', 'resource-manager.clouds.setOwners'],
  },
  'iam.serviceAccounts.admin': {
    description: 'Manages service accounts, their keys and their federated credentials.',
    includes: [],
    permissions: each(
      ['iam.serviceAccounts', 'iam.apiKeys', 'iam.authorizedKeys', 'iam.federatedCredentials'],
      VOCABULARY['iam.serviceAccounts'],
    ),
  },
  'quota-manager.viewer': {
    description: 'Sees quotas and the requests to change them.',
    includes: [],
    permissions: [...each(QUOTA_MANAGER, READ), ...each(['resource-manager.clouds'], READ)],
  },
  'quota-manager.requestOperator': {
    description: 'Asks for other quotas.',
    includes: [],
    permissions: each(['quota-manager.quotaRequests'], [...READ, 'create', 'cancel']),
  },
  'organization-manager.admin': {
    description: 'Makes clouds, sets quotas, runs maintenance, manages access to everything but ownership.',
    includes: ['resource-manager.admin', 'quota-manager.viewer', 'quota-manager.requestOperator'],
    permissions: [
      ...each(['resource-manager.clouds'], ['create', 'delete']),
      ...each(QUOTA_MANAGER, ['update', 'approve']),
      ...each(['maintenance.runs'], ['list', 'create']),
      ...each(
        [...IAM, 'organization-manager.organizations'],
        [...READ, 'getAccessBindings', 'setAccessBindings'],
      ),
      'audit.events.list',
    ],
    grants: [...COMPUTE_ROLES, 'auditor', 'viewer', 'editor', 'admin', 'iam.serviceAccounts.admin'],
  },
  'organization-manager.organizations.owner': {
    description: 'Everything in the organization; names and removes its owners.',
    includes: ['organization-manager.admin', 'resource-manager.clouds.owner'],
    permissions: ['organization-manager.organizations.setOwners'],
  },
} as const satisfies Record<string, Role>;

export type RoleId = keyof typeof ROLES;

export function isRoleId(text: string): text is RoleId {
  return Object.hasOwn(ROLES, text);
}
