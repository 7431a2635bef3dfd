/** Every route of `GET /openapi.json`: closed to nobody, to strangers, and answering as it says. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Client, type Fields, IMAGES, imageIdOf, type Operation, sendPart } from './client.ts';
import { emptyDisk } from './disks.ts';
import { faultsOf, type Schema } from './json-schema.ts';
import { startOwn } from './setup/registry.ts';
import { signJwt } from './signed-jwt.ts';
import { AMPLE, newTenant } from './tenant.ts';

interface Route {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<
    Record<string, { readonly content?: { readonly 'application/json'?: { readonly schema: Schema } } }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Route>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** What a route is called with. */
interface Call {
  /** Fills the parameter of the path: the first one, where a family comes after it. */
  readonly id?: string;
  readonly deliveryId?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Fields;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Filling {
  /** What a stranger is told; `own` where everybody is answered, but with nothing of others. */
  readonly stranger: 403 | 404 | 'own';
  /** The first administrator instead of the tenant. */
  readonly by?: 'operator';
  /** A call that succeeds, on resources of its own where it changes something. */
  readonly call: () => Call | Promise<Call>;
}

const own = await startOwn();
const { local } = own;
const tenant = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local);
const operator = new Client(local.url, own.key);
const nobody = new Client(local.url, undefined);
const { api, folderId, cloudId, accountId } = tenant;
const { paths, components } = await nobody.get<Document>('/openapi.json');

const bytes = await emptyDisk();
const family = 'swept';
const ready = await api.ready(bytes, { folderId, family, name: 'swept', labels: { k: 'v' } });
const done = await api.call<Operation>('PATCH', `${IMAGES}/${ready.id}`, {
  updateMask: 'name',
  name: 'done',
});
let count = 0;
const newName = () => `swept-${++count}`;

/** An image that waits for its bytes, all parts sent. */
async function uploading(): Promise<{ operation: Operation; id: string }> {
  const operation = await api.create({ folderId, upload: { size: bytes.length } });
  const id = imageIdOf(operation);
  await sendPart((await api.sign(id, [1]))[0]!, bytes);
  return { operation, id };
}
const madeBy = async (caller: Client, path: string, body: Fields, member: string) => {
  const operation = await caller.call<Operation>('POST', path, { name: newName(), ...body });
  return (await caller.finished(operation)).metadata[member] as string;
};
const CLOUDS = '/resource-manager/v1/clouds';
const FOLDERS = '/resource-manager/v1/folders';
const ACCOUNTS = '/iam/v1/serviceAccounts';
const KEYS = '/iam/v1/apiKeys';
const AUTHORIZED_KEYS = '/iam/v1/keys';
const TOKENS = '/iam/v1/tokens';
const newAuthorizedKey = () =>
  api.call<{ key: { id: string }; privateKey: string }>('POST', AUTHORIZED_KEYS, {
    serviceAccountId: accountId,
  });
const newAuthorizedKeyId = async () => (await newAuthorizedKey()).key.id;
const newToken = async () =>
  (
    await api.call<{ iamToken: string }>('POST', `${TOKENS}:createForServiceAccount`, {
      serviceAccountId: accountId,
    })
  ).iamToken;
const newFolder = () => madeBy(api, FOLDERS, { cloudId }, 'folderId');
const newAccount = () => madeBy(api, ACCOUNTS, { folderId }, 'serviceAccountId');
const newCloud = () => madeBy(operator, CLOUDS, { organizationId: 'local' }, 'cloudId');
const newKey = async () =>
  (await api.call<{ apiKey: { id: string } }>('POST', KEYS, { serviceAccountId: accountId })).apiKey.id;
const FEDERATIONS = '/iam/v1/workload/oidc/federations';
const CREDENTIALS = '/iam/v1/workload/federatedCredentials';
const trust = {
  folderId,
  audiences: ['bullion-of-swept'],
  issuer: 'https://issuer.example',
  jwksUrl: 'https://issuer.example/keys',
};
const newFederation = () => madeBy(api, FEDERATIONS, trust, 'federationId');
const newCredential = async () => madeBy(api, CREDENTIALS, await credentialOf(), 'federatedCredentialId');
const credentialOf = async () => ({
  serviceAccountId: accountId,
  federationId: await newFederation(),
  externalSubjectId: 'repo:swept/*',
});

const LIMITS = '/quota-manager/v1/quotaLimits';
const REQUESTS = '/quota-manager/v1/quotaRequests';
const quotaId = 'compute.diskPools.count';
const resourceType = 'resource-manager.cloud';
const ofCloud = (id: string) => ({ 'resource.id': id, 'resource.type': resourceType });
const quotasWanted = (id: string) => ({
  resource: { id, type: resourceType },
  desiredQuotaLimits: [{ quotaId, desiredLimit: 1 }],
});
const newQuotaRequest = async (caller = api, id = cloudId) =>
  (await caller.call<Operation>('POST', REQUESTS, quotasWanted(id))).metadata.quotaRequestId as string;

const FAMILIES = '/compute/v1/imageFamilies';
const keepAll = { action: 'DEPRECATE', keepLast: 1000, keepWithin: '86400s' };
/** A candidate of the family that was swept. */
const newOfFamily = () =>
  madeBy(api, IMAGES, { folderId, family, candidate: true, imageId: ready.id }, 'imageId');
const promoteNew = async () => api.call('POST', `${IMAGES}/${await newOfFamily()}:promote`, {});

const DISKS = '/compute/v1/disks';
const SNAPSHOTS = '/compute/v1/snapshots';
const diskBody = { folderId, zoneId: 'ru-central1-a', size: '4194304' };
const newDisk = () => madeBy(api, DISKS, diskBody, 'diskId');
const newSnapshot = async () => madeBy(api, SNAPSHOTS, { folderId, diskId: await newDisk() }, 'snapshotId');

const WEBHOOKS = '/compute/v1/webhooks';
const receiver = { name: 'swept', url: 'https://receiver.example/told' };
/** Each in a folder of its own, which has room for few. */
const newWebhook = async () => {
  const body = { ...receiver, folderId: await newFolder() };
  return (await api.call<{ webhook: { id: string } }>('POST', WEBHOOKS, body)).webhook.id;
};
const newDelivery = async () => {
  const id = await newWebhook();
  return { id, deliveryId: (await api.call<{ id: string }>('POST', `${WEBHOOKS}/${id}:test`)).id };
};

const binding = { roleId: 'viewer', subject: { id: accountId, type: 'serviceAccount' } };
const ownership = {
  roleId: 'resource-manager.clouds.owner',
  subject: { id: 'local-admin', type: 'serviceAccount' },
};
const renamed = () => ({ updateMask: 'name', name: newName() });
const page = { pageSize: '10' };

/** The three methods of a kind of resource that carries bindings. */
const bindings = (
  path: string,
  make: () => string | Promise<string>,
  rest: Omit<Filling, 'call'> = { stranger: 404 },
): Record<string, Filling> => ({
  [`GET ${path}/{resourceId}:listAccessBindings`]: {
    ...rest,
    call: async () => ({ id: await make(), query: page }),
  },
  [`POST ${path}/{resourceId}:setAccessBindings`]: {
    ...rest,
    call: async () => ({ id: await make(), body: { accessBindings: [binding] } }),
  },
  [`POST ${path}/{resourceId}:updateAccessBindings`]: {
    ...rest,
    call: async () => ({
      id: await make(),
      body: { accessBindingDeltas: [{ action: 'ADD', accessBinding: binding }] },
    }),
  },
});

const FILLINGS: Readonly<Record<string, Filling>> = {
  [`GET ${IMAGES}`]: {
    stranger: 403,
    call: () => ({ query: { folderId, ...page, view: 'FULL', filter: 'name != "x"', orderBy: 'name' } }),
  },
  [`POST ${IMAGES}`]: {
    stranger: 403,
    call: () => ({ body: { folderId, upload: { size: 1, format: 'RAW' } } }),
  },
  [`GET ${IMAGES}:latestByFamily`]: { stranger: 403, call: () => ({ query: { folderId, family } }) },
  [`GET ${IMAGES}/{imageId}`]: { stranger: 404, call: () => ({ id: ready.id }) },
  [`PATCH ${IMAGES}/{imageId}`]: { stranger: 404, call: () => ({ id: ready.id, body: renamed() }) },
  [`DELETE ${IMAGES}/{imageId}`]: { stranger: 404, call: async () => ({ id: (await uploading()).id }) },
  [`POST ${IMAGES}/{imageId}:undelete`]: {
    stranger: 404,
    call: async () => {
      const { id } = await api.ready(bytes, { folderId });
      await api.call('DELETE', `${IMAGES}/${id}`);
      return { id, body: {} };
    },
  },
  [`POST ${IMAGES}/{imageId}:lease`]: {
    stranger: 404,
    call: () => ({ id: ready.id, body: { holder: newName(), ttl: '60s' } }),
  },
  [`POST ${IMAGES}/{imageId}:releaseLease`]: {
    stranger: 404,
    call: async () => {
      const holder = newName();
      await api.call('POST', `${IMAGES}/${ready.id}:lease`, { holder, ttl: '60s' });
      return { id: ready.id, body: { holder } };
    },
  },
  [`GET ${IMAGES}/{imageId}/leases`]: { stranger: 404, call: () => ({ id: ready.id, query: page }) },
  [`GET ${IMAGES}/{imageId}:download`]: {
    stranger: 404,
    call: () => ({ id: ready.id, headers: { Accept: 'application/json' } }),
  },
  [`POST ${IMAGES}/{imageId}:promote`]: {
    stranger: 404,
    call: () => ({ id: ready.id, body: { note: 'swept' } }),
  },
  [`POST ${IMAGES}/{imageId}:deprecate`]: {
    stranger: 404,
    call: async () => ({ id: await newOfFamily(), body: { state: 'DEPRECATED', message: 'swept' } }),
  },
  [`GET ${FAMILIES}`]: { stranger: 403, call: () => ({ query: { folderId, ...page } }) },
  [`GET ${FAMILIES}/{folderId}/{family}`]: { stranger: 403, call: () => ({ id: folderId }) },
  [`POST ${FAMILIES}/{folderId}/{family}:rollback`]: {
    stranger: 403,
    call: async () => {
      await promoteNew();
      return { id: folderId, body: { note: 'swept' } };
    },
  },
  [`POST ${FAMILIES}/{folderId}/{family}:setRetention`]: {
    stranger: 403,
    call: () => ({ id: folderId, body: keepAll }),
  },
  [`POST ${FAMILIES}/{folderId}/{family}:previewRetention`]: {
    stranger: 403,
    call: () => ({ id: folderId, body: keepAll }),
  },
  [`GET ${FAMILIES}/{folderId}/{family}/promotions`]: {
    stranger: 403,
    call: async () => {
      await promoteNew();
      return { id: folderId, query: page };
    },
  },
  [`POST ${IMAGES}/{imageId}:signParts`]: {
    stranger: 404,
    call: async () => ({ id: (await uploading()).id, body: { partNumbers: [1] } }),
  },
  [`GET ${IMAGES}/{imageId}:upload`]: { stranger: 404, call: async () => ({ id: (await uploading()).id }) },
  [`POST ${IMAGES}/{imageId}:completeUpload`]: {
    stranger: 404,
    call: async () => ({ id: (await uploading()).id, body: {} }),
  },
  [`POST ${IMAGES}/{imageId}:abortUpload`]: {
    stranger: 404,
    call: async () => ({ id: (await uploading()).id }),
  },
  [`GET ${IMAGES}/{imageId}/operations`]: { stranger: 404, call: () => ({ id: ready.id, query: page }) },
  [`GET ${DISKS}`]: {
    stranger: 403,
    call: () => ({ query: { folderId, ...page, filter: 'zoneId != "x"', orderBy: 'name' } }),
  },
  [`POST ${DISKS}`]: { stranger: 403, call: () => ({ body: diskBody }) },
  [`GET ${DISKS}/{diskId}`]: { stranger: 404, call: async () => ({ id: await newDisk() }) },
  [`PATCH ${DISKS}/{diskId}`]: {
    stranger: 404,
    call: async () => ({ id: await newDisk(), body: renamed() }),
  },
  [`DELETE ${DISKS}/{diskId}`]: { stranger: 404, call: async () => ({ id: await newDisk() }) },
  [`POST ${DISKS}/{diskId}:move`]: {
    stranger: 404,
    call: async () => ({ id: await newDisk(), body: { destinationFolderId: tenant.otherFolderId } }),
  },
  [`POST ${DISKS}/{diskId}:relocate`]: {
    stranger: 404,
    call: async () => ({ id: await newDisk(), body: { destinationZoneId: 'ru-central1-b' } }),
  },
  [`GET ${DISKS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newDisk(), query: page }),
  },
  ...bindings(DISKS, newDisk),
  [`GET ${SNAPSHOTS}`]: {
    stranger: 403,
    call: () => ({ query: { folderId, ...page, filter: 'sourceDiskId != "x"', orderBy: 'name' } }),
  },
  [`POST ${SNAPSHOTS}`]: {
    stranger: 403,
    call: async () => ({ body: { folderId, diskId: await newDisk() } }),
  },
  [`GET ${SNAPSHOTS}/{snapshotId}`]: { stranger: 404, call: async () => ({ id: await newSnapshot() }) },
  [`PATCH ${SNAPSHOTS}/{snapshotId}`]: {
    stranger: 404,
    call: async () => ({ id: await newSnapshot(), body: renamed() }),
  },
  [`DELETE ${SNAPSHOTS}/{snapshotId}`]: { stranger: 404, call: async () => ({ id: await newSnapshot() }) },
  [`GET ${SNAPSHOTS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newSnapshot(), query: page }),
  },
  ...bindings(SNAPSHOTS, newSnapshot),
  [`GET ${WEBHOOKS}`]: { stranger: 403, call: () => ({ query: { folderId, ...page } }) },
  [`POST ${WEBHOOKS}`]: {
    stranger: 403,
    call: async () => ({ body: { ...receiver, folderId: await newFolder() } }),
  },
  [`GET ${WEBHOOKS}/{webhookId}`]: { stranger: 404, call: async () => ({ id: await newWebhook() }) },
  [`PATCH ${WEBHOOKS}/{webhookId}`]: {
    stranger: 404,
    call: async () => ({ id: await newWebhook(), body: renamed() }),
  },
  [`DELETE ${WEBHOOKS}/{webhookId}`]: { stranger: 404, call: async () => ({ id: await newWebhook() }) },
  [`POST ${WEBHOOKS}/{webhookId}:rotateSecret`]: {
    stranger: 404,
    call: async () => ({ id: await newWebhook() }),
  },
  [`POST ${WEBHOOKS}/{webhookId}:test`]: { stranger: 404, call: async () => ({ id: await newWebhook() }) },
  [`GET ${WEBHOOKS}/{webhookId}/deliveries`]: {
    stranger: 404,
    call: async () => ({ id: (await newDelivery()).id, query: page }),
  },
  [`POST ${WEBHOOKS}/{webhookId}/deliveries/{deliveryId}:redeliver`]: {
    stranger: 404,
    call: newDelivery,
  },
  [`GET ${WEBHOOKS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newWebhook(), query: page }),
  },
  'GET /compute/v1/zones': { stranger: 'own', call: () => ({ query: page }) },
  'GET /compute/v1/zones/{zoneId}': { stranger: 'own', call: () => ({ id: 'ru-central1-a' }) },
  'GET /compute/v1/diskTypes': { stranger: 'own', call: () => ({ query: page }) },
  'GET /compute/v1/diskTypes/{diskTypeId}': { stranger: 'own', call: () => ({ id: 'network-hdd' }) },
  'GET /compute/v1/operations': { stranger: 403, call: () => ({ query: { folderId, ...page } }) },
  'GET /audit/v1/events': {
    stranger: 403,
    call: () => ({ query: { folderId, ...page, filter: 'action != "x"' } }),
  },
  'GET /operations/{operationId}': { stranger: 404, call: () => ({ id: done.id, query: { wait: '1s' } }) },
  'GET /operations/{operationId}:cancel': {
    stranger: 404,
    call: async () => ({ id: (await uploading()).operation.id }),
  },
  'POST /operations/{operationId}:cancel': {
    stranger: 404,
    call: async () => ({ id: (await uploading()).operation.id }),
  },

  ...bindings(IMAGES, () => ready.id),
  ...bindings(FOLDERS, newFolder, { stranger: 403 }),
  ...bindings(CLOUDS, newCloud, { stranger: 404, by: 'operator' }),
  // A cloud keeps an owner.
  [`POST ${CLOUDS}/{resourceId}:setAccessBindings`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({ id: await newCloud(), body: { accessBindings: [binding, ownership] } }),
  },
  ...bindings(ACCOUNTS, newAccount),

  [`GET ${CLOUDS}`]: { stranger: 'own', call: () => ({ query: page }) },
  [`POST ${CLOUDS}`]: {
    stranger: 403,
    by: 'operator',
    call: () => ({ body: { organizationId: 'local', name: newName() } }),
  },
  [`GET ${CLOUDS}/{cloudId}`]: { stranger: 404, call: () => ({ id: cloudId }) },
  [`PATCH ${CLOUDS}/{cloudId}`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({ id: await newCloud(), body: renamed() }),
  },
  [`DELETE ${CLOUDS}/{cloudId}`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({ id: await newCloud() }),
  },
  [`GET ${FOLDERS}`]: { stranger: 404, call: () => ({ query: { cloudId, ...page } }) },
  [`POST ${FOLDERS}`]: { stranger: 404, call: () => ({ body: { cloudId, name: newName() } }) },
  [`GET ${FOLDERS}/{folderId}`]: { stranger: 403, call: () => ({ id: folderId }) },
  [`PATCH ${FOLDERS}/{folderId}`]: {
    stranger: 403,
    call: async () => ({ id: await newFolder(), body: renamed() }),
  },
  [`DELETE ${FOLDERS}/{folderId}`]: { stranger: 403, call: async () => ({ id: await newFolder() }) },
  [`GET ${ACCOUNTS}`]: { stranger: 403, call: () => ({ query: { folderId, ...page } }) },
  [`POST ${ACCOUNTS}`]: { stranger: 403, call: () => ({ body: { folderId, name: newName() } }) },
  [`GET ${ACCOUNTS}/{serviceAccountId}`]: { stranger: 404, call: () => ({ id: accountId }) },
  [`PATCH ${ACCOUNTS}/{serviceAccountId}`]: {
    stranger: 404,
    call: async () => ({ id: await newAccount(), body: renamed() }),
  },
  [`DELETE ${ACCOUNTS}/{serviceAccountId}`]: {
    stranger: 404,
    call: async () => ({ id: await newAccount() }),
  },
  [`POST ${ACCOUNTS}/{serviceAccountId}:suspend`]: {
    stranger: 404,
    call: async () => ({ id: await newAccount() }),
  },
  [`POST ${ACCOUNTS}/{serviceAccountId}:reactivate`]: {
    stranger: 404,
    call: async () => ({ id: await newAccount() }),
  },
  [`GET ${KEYS}`]: { stranger: 404, call: () => ({ query: { serviceAccountId: accountId, ...page } }) },
  [`POST ${KEYS}`]: {
    stranger: 404,
    call: () => ({ body: { serviceAccountId: accountId, scopes: ['read'] } }),
  },
  [`GET ${KEYS}/{apiKeyId}`]: { stranger: 404, call: async () => ({ id: await newKey() }) },
  [`PATCH ${KEYS}/{apiKeyId}`]: {
    stranger: 404,
    call: async () => ({ id: await newKey(), body: { updateMask: 'description', description: 'd' } }),
  },
  [`DELETE ${KEYS}/{apiKeyId}`]: { stranger: 404, call: async () => ({ id: await newKey() }) },
  [`GET ${FEDERATIONS}`]: { stranger: 403, call: () => ({ query: { folderId, ...page } }) },
  [`POST ${FEDERATIONS}`]: { stranger: 403, call: () => ({ body: { ...trust, name: newName() } }) },
  [`GET ${FEDERATIONS}/{federationId}`]: { stranger: 404, call: async () => ({ id: await newFederation() }) },
  [`PATCH ${FEDERATIONS}/{federationId}`]: {
    stranger: 404,
    call: async () => ({ id: await newFederation(), body: renamed() }),
  },
  [`DELETE ${FEDERATIONS}/{federationId}`]: {
    stranger: 404,
    call: async () => ({ id: await newFederation() }),
  },
  [`GET ${FEDERATIONS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newFederation(), query: page }),
  },
  [`GET ${CREDENTIALS}`]: {
    stranger: 404,
    call: () => ({ query: { serviceAccountId: accountId, ...page } }),
  },
  [`POST ${CREDENTIALS}`]: { stranger: 404, call: async () => ({ body: await credentialOf() }) },
  [`GET ${CREDENTIALS}/{federatedCredentialId}`]: {
    stranger: 404,
    call: async () => ({ id: await newCredential() }),
  },
  [`DELETE ${CREDENTIALS}/{federatedCredentialId}`]: {
    stranger: 404,
    call: async () => ({ id: await newCredential() }),
  },
  [`GET ${AUTHORIZED_KEYS}`]: {
    stranger: 404,
    call: () => ({ query: { serviceAccountId: accountId, ...page } }),
  },
  [`POST ${AUTHORIZED_KEYS}`]: {
    stranger: 404,
    call: () => ({ body: { serviceAccountId: accountId, keyAlgorithm: 'RSA_2048' } }),
  },
  [`GET ${AUTHORIZED_KEYS}/{keyId}`]: {
    stranger: 404,
    call: async () => ({ id: await newAuthorizedKeyId() }),
  },
  [`PATCH ${AUTHORIZED_KEYS}/{keyId}`]: {
    stranger: 404,
    call: async () => ({ id: await newAuthorizedKeyId(), body: { description: 'd' } }),
  },
  [`DELETE ${AUTHORIZED_KEYS}/{keyId}`]: {
    stranger: 404,
    call: async () => ({ id: await newAuthorizedKeyId() }),
  },
  [`GET ${AUTHORIZED_KEYS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newAuthorizedKeyId(), query: page }),
  },
  [`POST ${TOKENS}:createForServiceAccount`]: {
    stranger: 404,
    call: () => ({ body: { serviceAccountId: accountId } }),
  },
  [`POST ${TOKENS}:revoke`]: { stranger: 404, call: async () => ({ body: { iamToken: await newToken() } }) },
  'GET /iam/v1/apiKeyScopes': { stranger: 'own', call: () => ({ query: page }) },
  'GET /iam/v1/roles': { stranger: 'own', call: () => ({ query: page }) },
  'GET /iam/v1/roles/{roleId}': { stranger: 'own', call: () => ({ id: 'viewer' }) },
  [`GET ${CLOUDS}/{resourceId}/operations`]: { stranger: 404, call: () => ({ id: cloudId, query: page }) },
  [`GET ${FOLDERS}/{resourceId}/operations`]: {
    stranger: 403,
    call: async () => ({ id: await newFolder(), query: page }),
  },
  [`GET ${ACCOUNTS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newAccount(), query: page }),
  },
  [`GET ${LIMITS}`]: {
    stranger: 404,
    call: () => ({ query: { ...ofCloud(cloudId), service: 'compute', ...page } }),
  },
  [`GET ${LIMITS}/services`]: { stranger: 'own', call: () => ({ query: { resourceType, ...page } }) },
  [`GET ${LIMITS}/{quotaId}`]: { stranger: 404, call: () => ({ id: quotaId, query: ofCloud(cloudId) }) },
  [`PATCH ${LIMITS}/{quotaId}`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({
      id: quotaId,
      body: { resource: { id: await newCloud(), type: resourceType }, limit: 1 },
    }),
  },
  [`GET ${REQUESTS}`]: {
    stranger: 404,
    call: () => ({ query: { ...ofCloud(cloudId), ...page, filter: "status in ('PENDING')" } }),
  },
  [`POST ${REQUESTS}`]: { stranger: 404, call: () => ({ body: quotasWanted(cloudId) }) },
  [`GET ${REQUESTS}/{quotaRequestId}`]: {
    stranger: 404,
    call: async () => ({ id: await newQuotaRequest() }),
  },
  [`POST ${REQUESTS}/{quotaRequestId}/cancel`]: {
    stranger: 404,
    call: async () => ({ id: await newQuotaRequest(), body: { quotaIds: [quotaId] } }),
  },
  [`POST ${REQUESTS}/{quotaRequestId}:approve`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({ id: await newQuotaRequest(operator, await newCloud()), body: {} }),
  },
  [`POST ${REQUESTS}/{quotaRequestId}:reject`]: {
    stranger: 404,
    by: 'operator',
    call: async () => ({ id: await newQuotaRequest(operator, await newCloud()), body: {} }),
  },
  'GET /maintenance/v1/duties': { stranger: 403, by: 'operator', call: () => ({}) },
  'GET /maintenance/v1/runs': {
    stranger: 403,
    by: 'operator',
    call: () => ({ query: { duty: 'expire-uploads', ...page } }),
  },
  'POST /maintenance/v1/runs': {
    stranger: 403,
    by: 'operator',
    call: () => ({ query: { apply: 'false' }, body: { duty: 'expire-uploads', dryRun: true } }),
  },
  [`GET ${REQUESTS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newQuotaRequest(), query: page }),
  },
  [`GET ${KEYS}/{resourceId}/operations`]: {
    stranger: 404,
    call: async () => ({ id: await newKey(), query: page }),
  },
};

/** Routes that need no credential, with a call that succeeds. */
const OPEN_CALLS: Readonly<Record<string, () => Call | Promise<Call>>> = {
  'GET /healthz': () => ({}),
  'GET /readyz': () => ({}),
  'GET /openapi.json': () => ({}),
  [`POST ${TOKENS}`]: async () => {
    const { key, privateKey } = await newAuthorizedKey();
    return { body: { jwt: await signJwt(privateKey, { kid: key.id, iss: accountId }) } };
  },
};
const OPEN = Object.keys(OPEN_CALLS);

const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, route]) => ({ name: `${method.toUpperCase()} ${path}`, route })),
);
const closed = routes.filter(({ name }) => !OPEN.includes(name)).map(({ name }) => name);

function fillingOf(name: string): Filling {
  const filling = FILLINGS[name];
  if (filling === undefined)
    throw new Error(`the sweep does not know how to call ${name}: tell it in FILLINGS`);
  return filling;
}

/** The request of a call: method, path with its query, body, headers. */
function requestOf(name: string, { id, deliveryId = '', query, body, headers = {} }: Call) {
  const [method = '', template = ''] = name.split(' ');
  const path = template
    .replace(/\{\w+\}/, id ?? '')
    .replace('{family}', family)
    .replace('{deliveryId}', deliveryId);
  const search = query === undefined ? '' : `?${new URLSearchParams(query)}`;
  return [method, path + search, body, { headers }] as const;
}

/** Calls that change no resource. Deliveries and runs of duties are records themselves, and so is what a run changes. */
const UNRECORDED: readonly string[] = [
  `POST ${IMAGES}/{imageId}:signParts`,
  'POST /compute/v1/imageFamilies/{folderId}/{family}:previewRetention',
  'POST /maintenance/v1/runs',
  `POST ${WEBHOOKS}/{webhookId}:test`,
  `POST ${WEBHOOKS}/{webhookId}/deliveries/{deliveryId}:redeliver`,
];
const CHANGING_GET = 'GET /operations/{operationId}:cancel';
/** What events call a method of which the document has another name. */
const ACTIONS: Readonly<Record<string, string>> = {
  'operations.cancelByGet': 'operations.cancel',
  'keys.create': 'authorizedKeys.create',
  'keys.update': 'authorizedKeys.update',
  'keys.delete': 'authorizedKeys.delete',
  'tokens.create': 'iamTokens.create',
  'tokens.createForServiceAccount': 'iamTokens.create',
  'tokens.revoke': 'iamTokens.revoke',
};

interface EventRow {
  readonly actor_id: string;
  readonly action: string;
  readonly resource_id: string;
}

async function eventsWhere(condition: string, value: string): Promise<EventRow[]> {
  const database = await local.database();
  const query = `SELECT * FROM audit_events WHERE ${condition} = ? AND actor_id NOT IN ('registry', 'scheduled')`;
  return (await database.prepare(query).bind(value).all<EventRow>()).results;
}

/** Everything that was sent and answered, secrets among it. */
const said: string[] = [];

/** A call under a request id of its own, and whether it left one event, of the caller and of what it was about. */
async function recordedCall(name: string, caller: Client, callerId: string, call: Call) {
  const requestId = randomUUID();
  const headers = { ...call.headers, 'X-Request-Id': requestId };
  const request = requestOf(name, { ...call, headers });
  const answer = await caller.send(...request);
  said.push(JSON.stringify(request), answer.text, answer.headers.get('Location') ?? '');
  const changes = (!name.startsWith('GET ') || name === CHANGING_GET) && !UNRECORDED.includes(name);
  const events = await eventsWhere('request_id', requestId);
  const { operationId } = routes.find((one) => one.name === name)!.route;
  const action = ACTIONS[operationId] ?? operationId;
  expect(events.map((event) => [event.action, event.actor_id])).toEqual(changes ? [[action, callerId]] : []);
  const about = `${request[1]} ${answer.text} ${accountId}`;
  for (const event of events) expect(about).toContain(event.resource_id);
  return answer;
}

test('the sweep knows every route, and no other', () => {
  expect(Object.keys(FILLINGS).sort()).toEqual([...closed].sort());
});

test('only these routes need no credential', () => {
  const open = routes.filter(({ route }) => route.security?.length === 0).map(({ name }) => name);
  expect(open.sort()).toEqual([...OPEN].sort());
  expect(routes.filter(({ route }) => route.security === undefined)).toEqual([]);
});

describe('without a valid credential', () => {
  const garbage = new Client(local.url, 'garbage');
  const unknownKey = new Client(local.url, `bln_${'0'.repeat(12)}_${'A'.repeat(43)}`, 'Bearer');

  test.each(closed)('%s is refused', async (name) => {
    const request = requestOf(name, await fillingOf(name).call());
    for (const caller of [nobody, garbage, unknownKey]) {
      const refused = await caller.refused(...request);
      expect(refused).toMatchObject({ status: 401, code: 16, message: 'Token is invalid or has expired.' });
      expect(refused.headers.get('WWW-Authenticate')).toContain('Api-Key');
    }
  });

  test.each(OPEN)('%s answers', async (name) => {
    expect((await nobody.send(...requestOf(name, await OPEN_CALLS[name]!()))).status).toBe(200);
  });
});

describe('to a stranger', () => {
  test.each(closed)('%s gives nothing away', async (name) => {
    const { stranger: expected, call } = fillingOf(name);
    const filled = await call();
    const request = requestOf(name, filled);
    if (expected === 'own') {
      const answer = await stranger.api.send(...request);
      expect(answer.status).toBe(200);
      for (const id of [cloudId, folderId, accountId, ready.id]) expect(answer.text).not.toContain(id);
      return;
    }
    const refused = await stranger.api.refused(...request);
    expect(refused.status).toBe(expected);
    if (filled.id === undefined) return;
    // In the words for what does not exist.
    const id = 'fd800000000000000000';
    const unknown = await stranger.api.refused(...requestOf(name, { ...filled, id }));
    expect([unknown.status, unknown.message]).toEqual([
      refused.status,
      refused.message.replaceAll(filled.id, id),
    ]);
  });

  test('nothing of all that changed anything', async () => {
    const { id, name } = await api.image(ready.id);
    expect([id, name]).toEqual([ready.id, 'done']);
    expect(await api.images(stranger.folderId).catch((error) => String(error))).toContain('403');
    expect(await eventsWhere('actor_id', stranger.accountId)).toEqual([]);
  });
});

describe('to who may', () => {
  test.each(closed)('%s answers as it says', async (name) => {
    const { by, call } = fillingOf(name);
    const [caller, callerId] = by === 'operator' ? [operator, 'local-admin'] : [api, accountId];
    const answer = await recordedCall(name, caller, callerId, await call());
    expect([answer.status, answer.status === 200 ? '' : answer.text]).toEqual([200, '']);
    const { route } = routes.find((one) => one.name === name)!;
    const schema = route.responses['200']?.content?.['application/json']?.schema;
    expect(schema).toBeDefined();
    expect(faultsOf(answer.body, schema!, components.schemas)).toEqual([]);
  });

  test.each(OPEN)('%s answers as it says', async (name) => {
    const answer = await recordedCall(name, nobody, accountId, await OPEN_CALLS[name]!());
    const { route } = routes.find((one) => one.name === name)!;
    const { schema } = route.responses['200']!.content!['application/json']!;
    // The document names only what finds a route; the rest of it is OpenAPI's own.
    if (name !== 'GET /openapi.json') expect(faultsOf(answer.body, schema, components.schemas)).toEqual([]);
  });
});

test('no event of all that holds a secret', async () => {
  const database = await local.database();
  const { results } = await database.prepare('SELECT * FROM audit_events').all();
  const events = JSON.stringify(results);
  expect(results.length).toBeGreaterThan(100);
  const secrets: Readonly<Record<string, RegExp>> = {
    'an API key': /bln_[0-9a-v]{12}_[A-Za-z0-9_-]{43}/,
    'an IAM token': /t1\.[0-9a-v]{12}\.[A-Za-z0-9_-]{86}/,
    'a private key': /BEGIN PRIVATE KEY/,
    'a JWT': /eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/,
    'a presigned link': /X-Amz-Signature/,
    'the secret of a webhook': /whsec_[A-Za-z0-9+/]{32}/,
  };
  const all = said.join('\n');
  for (const [what, pattern] of Object.entries(secrets)) {
    expect(all, `${what} was given or sent`).toMatch(pattern);
    expect(events, what).not.toMatch(pattern);
  }
  const { results: hashes } = await database
    .prepare('SELECT secret_hash FROM api_keys UNION SELECT secret_hash FROM iam_tokens')
    .all<{ secret_hash: string }>();
  expect(hashes.length).toBeGreaterThan(0);
  for (const { secret_hash: hash } of hashes) expect(events).not.toContain(hash);
});

describe('a refusal', () => {
  test.each(routes.map(({ name, route }) => [name, route] as const))('of %s has its schema', (_, route) => {
    const { schema } = route.responses.default!.content!['application/json']!;
    expect(schema).toEqual({ $ref: '#/components/schemas/Status' });
  });

  test('is as its schema says', async () => {
    const answer = await api.send('POST', IMAGES, { labels: { A: 'b' } });
    expect(faultsOf(answer.body, { $ref: '#/components/schemas/Status' }, components.schemas)).toEqual([]);
  });
});
