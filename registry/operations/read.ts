import { RegistryError } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import type { Permission } from '../../core/roles.ts';
import { findStandingPlace } from '../../db/access.ts';
import { findOperation, operationsOfFolder, operationsOfResource } from '../../db/operations.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { type Access, readAs, readInput, requireCredential, requireInFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Resource, type ResourceKind, requireResource } from '../resources.ts';
import type { Operation } from './record.ts';

/** What one needs on a resource to see its operations. */
const SEEN_BY: Readonly<Record<ResourceKind, Permission>> = {
  image: 'compute.images.listOperations',
  disk: 'compute.disks.listOperations',
  snapshot: 'compute.snapshots.listOperations',
  folder: 'resource-manager.folders.listOperations',
  cloud: 'resource-manager.clouds.listOperations',
  serviceAccount: 'iam.serviceAccounts.listOperations',
  apiKey: 'iam.apiKeys.get',
  authorizedKey: 'iam.authorizedKeys.get',
  federation: 'iam.federations.get',
  federatedCredential: 'iam.federatedCredentials.get',
  webhook: 'compute.webhooks.get',
  quotaRequest: 'quota-manager.quotaRequests.get',
};

/** An operation is as visible as its resource, and always to who started it. Throws NOT_FOUND. */
export async function getOperation(context: CallerContext, operationId: string): Promise<Operation> {
  return (await seenOperation(context, operationId)).operation;
}

export async function seenOperation(
  context: CallerContext,
  operationId: string,
): Promise<{ operation: OperationRow; access: Access }> {
  const { access, rows } = await readAs(context, { kind: 'operation', id: operationId }, [
    findOperation(context.db.orm, operationId),
  ]);
  const [[operation]] = rows;
  if (operation === undefined || !isSeen(operation, access)) {
    throw new RegistryError('NOT_FOUND', `Operation "${operationId}" not found`);
  }
  return { operation, access };
}

function isSeen({ createdBy, resourceKind }: OperationRow, access: Access): boolean {
  const needed: Permission | undefined = SEEN_BY[resourceKind as ResourceKind];
  return createdBy === access.callerId || (needed !== undefined && access.allows(needed));
}

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

/** The operations of an image, newest first. Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT. */
export function listImageOperations(
  context: CallerContext,
  imageId: string,
  page: PageRequest,
): Promise<Page<Operation>> {
  return listResourceOperations(context, { kind: 'image', id: imageId }, page);
}

/** The operations of a resource that stands, newest first. Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT. */
export async function listResourceOperations(
  context: CallerContext,
  resource: Resource,
  page: PageRequest,
): Promise<Page<Operation>> {
  const { orm } = context.db;
  const { kind, id } = resource;
  const query = [`${kind} operations`, id];
  const last = await readInput(context, () => before(query, page));
  const { access, rows } = await readAs(context, resource, [
    findStandingPlace(orm, requireCredential(context), resource),
    operationsOfResource(orm, kind, id, page.pageSize + 1, last),
  ]);
  const [[place], found] = rows;
  requireResource(place, access, resource, SEEN_BY[kind]);
  return pageOf(query, found, page.pageSize);
}

/**
 * The operations of a folder, newest first, those of resources that are gone among them. A page leaves out those of
 * kinds of resources whose operations the caller may not see, and may be short of the size asked for.
 */
export async function listFolderOperations(
  context: CallerContext,
  folderId: string,
  page: PageRequest,
): Promise<Page<Operation>> {
  const { orm } = context.db;
  const query = ['folder operations', folderId];
  const last = await readInput(context, () => before(query, page));
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    operationsOfFolder(orm, folderId, page.pageSize + 1, last),
  ]);
  const [found] = rows;
  requireInFolder(access, 'compute.images.listOperations', folderId);
  const all = pageOf(query, found, page.pageSize);
  return { ...all, items: all.items.filter((operation) => isSeen(operation, access)) };
}

function before(query: readonly string[], { pageToken }: PageRequest): number | undefined {
  return pageToken ? Number(decodePageToken(query, pageToken).value) : undefined;
}

function pageOf(query: readonly string[], found: readonly OperationRow[], size: number): Page<OperationRow> {
  const items = found.slice(0, size);
  const last = items.at(-1);
  if (found.length <= size || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.sequence, id: last.id }) };
}
