import { RegistryError } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import type { Permission } from '../../core/roles.ts';
import { findFolder } from '../../db/folders.ts';
import { findImage } from '../../db/images.ts';
import { findOperation, operationsOfFolder, operationsOfResource } from '../../db/operations.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import {
  type Access,
  readAs,
  readInput,
  requireFolder,
  requirePermission,
  requireVisible,
} from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../images/list.ts';
import type { Operation } from './record.ts';

/** What one needs on a resource to see its operations. */
const SEEN_BY: Readonly<Record<string, Permission>> = {
  image: 'compute.images.listOperations',
  folder: 'resource-manager.folders.listOperations',
  cloud: 'resource-manager.clouds.listOperations',
  serviceAccount: 'iam.serviceAccounts.listOperations',
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
  const needed = operation === undefined ? undefined : SEEN_BY[operation.resourceKind];
  const seen = operation?.createdBy === access.callerId || (needed !== undefined && access.allows(needed));
  if (operation === undefined || !seen) {
    throw new RegistryError('NOT_FOUND', `Operation "${operationId}" not found`);
  }
  return { operation, access };
}

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

/** The operations of an image, newest first. Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT. */
export async function listImageOperations(
  context: CallerContext,
  imageId: string,
  page: PageRequest,
): Promise<Page<Operation>> {
  const { orm } = context.db;
  const query = ['image operations', imageId];
  const last = await readInput(context, () => before(query, page));
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findImage(orm, imageId),
    operationsOfResource(orm, 'image', imageId, page.pageSize + 1, last),
  ]);
  const [[image], found] = rows;
  requireVisible(image, access, 'compute.images.get', 'Image', imageId);
  requirePermission(access, 'compute.images.listOperations', 'image', imageId);
  return pageOf(query, found, page.pageSize);
}

/** The operations of a folder, newest first, those of resources that are gone among them. */
export async function listFolderOperations(
  context: CallerContext,
  folderId: string,
  page: PageRequest,
): Promise<Page<Operation>> {
  const { orm } = context.db;
  const query = ['folder operations', folderId];
  const last = await readInput(context, () => before(query, page));
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    findFolder(orm, folderId),
    operationsOfFolder(orm, folderId, page.pageSize + 1, last),
  ]);
  const [[folder], found] = rows;
  requireFolder(folder, access, 'compute.images.listOperations', folderId);
  return pageOf(query, found, page.pageSize);
}

function before(query: readonly string[], { pageToken }: PageRequest): number | undefined {
  return pageToken ? Number(decodePageToken(query, pageToken).value) : undefined;
}

function pageOf(query: readonly string[], found: readonly OperationRow[], size: number): Page<Operation> {
  const items = found.slice(0, size);
  const last = items.at(-1);
  if (found.length <= size || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.sequence, id: last.id }) };
}
