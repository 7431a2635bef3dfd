import { OWNER_ROLES } from '../../core/access.ts';
import { failedPrecondition, RegistryError } from '../../core/errors.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import {
  deleteBindingsFor,
  demandNoSoleHolding,
  demandResource,
  findSoleHoldings,
} from '../../db/access-bindings.ts';
import { demandContent, findNamesake, writeContent } from '../../db/containers.ts';
import { findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import {
  deleteServiceAccount as deleteRow,
  findAccountByName,
  findServiceAccount,
  insertServiceAccount,
  listServiceAccounts as pageOfAccounts,
} from '../../db/service-accounts.ts';
import { type ServiceAccountRow, serviceAccounts } from '../../schema/tables/identity.ts';
import type { OperationResult } from '../../schema/tables/work.ts';
import { readAs, readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../images/list.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type ContentUpdate, maskOf, type NewContent, newContent, updatedContent } from './content.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';

export interface ServiceAccount extends ServiceAccountRow {
  /** Epoch milliseconds, to the hour: the last use of any of its keys. */
  readonly lastAuthenticatedAt: number | null;
}

const resourceOf = (id: string) => ({ kind: 'serviceAccount', id }) as const;
const placeOf = ({ id, folderId, cloudId }: ServiceAccountRow) =>
  ({ kind: 'serviceAccount', id, folderId, cloudId }) as const;
const resultOf = (account: ServiceAccount): OperationResult => ({
  type: 'serviceAccount',
  value: { ...account },
});

/** One service account; everyone may see the own one. Throws NOT_FOUND. */
export async function getServiceAccount(context: CallerContext, id: string): Promise<ServiceAccount> {
  const { access, rows } = await readAs(context, resourceOf(id), [
    findServiceAccount(context.db.orm, requireCredential(context), id),
  ]);
  const own = id === access.callerId;
  return requireResource(rows[0][0], access, resourceOf(id), 'iam.serviceAccounts.get', own);
}

/** The service accounts of exactly this folder, sorted by id. Throws PERMISSION_DENIED for the folder. */
export async function listServiceAccounts(
  context: CallerContext,
  request: PageRequest & { readonly folderId: string },
): Promise<Page<ServiceAccount>> {
  const { folderId } = request;
  const { orm } = context.db;
  const folder = { kind: 'folder', id: folderId } as const;
  const page = await readPage(context, ['service accounts', folderId], request);
  const { access, rows } = await readAs(context, folder, [
    findFolder(orm, folderId),
    pageOfAccounts(orm, folderId, page),
  ]);
  requireResource(rows[0][0], access, folder, 'iam.serviceAccounts.list');
  return page.of(rows[1]);
}

/** Makes a service account in a folder. Throws PERMISSION_DENIED, ALREADY_EXISTS. */
export function createServiceAccount(
  context: CallerContext,
  input: NewContent & { readonly folderId: string },
): Promise<Operation> {
  const resource = { kind: 'folder', id: input.folderId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findFolder(orm, resource.id),
      findAccountByName(orm, resource.id, input.name),
    ]);
    const [[row], [namesake]] = rows;
    const folder = requireResource(row, access, resource, 'iam.serviceAccounts.create');
    if (replay !== undefined) return replay;
    if (namesake !== undefined) throw nameTaken(input.name);
    const account: ServiceAccountRow = {
      id: newId(context, 'serviceAccount'),
      folderId: folder.id,
      cloudId: folder.cloudId,
      ...newContent(input),
      createdAt: context.now(),
    };
    const operation = finishedOperation(context, access, {
      kind: 'serviceAccounts.create',
      resource: placeOf(account),
      metadata: { serviceAccountId: account.id },
      response: resultOf({ ...account, lastAuthenticatedAt: null }),
    });
    await context.db.write([
      demandResource(orm, resource),
      insertServiceAccount(orm, account),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Changes name, description and labels. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, STALE. */
export async function updateServiceAccount(
  context: CallerContext,
  id: string,
  input: ContentUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  const mask = await maskOf(context, input);
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findServiceAccount(orm, requireCredential(context), id),
      findNamesake(orm, serviceAccounts, id, input.name ?? ''),
    ]);
    const [[row], [namesake]] = rows;
    const own = id === access.callerId;
    const account = requireResource(row, access, resourceOf(id), 'iam.serviceAccounts.update', own);
    if (replay !== undefined) return replay;
    await demandContentEtag(account, ifMatch);
    const updated = updatedContent(account, input, mask);
    if (updated.name !== account.name && namesake !== undefined) throw nameTaken(updated.name);
    const operation = finishedOperation(context, access, {
      kind: 'serviceAccounts.update',
      resource: placeOf(account),
      metadata: { serviceAccountId: id },
      response: resultOf(updated),
    });
    await context.db.write([
      demandContent(orm, serviceAccounts, account),
      writeContent(orm, serviceAccounts, updated),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Deletes a service account with its keys, the bindings on it and everything that was bound to it.
 * Throws NOT_FOUND, PERMISSION_DENIED, STALE, FAILED_PRECONDITION for the last owner of something.
 */
export function deleteServiceAccount(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findServiceAccount(orm, requireCredential(context), id),
      findSoleHoldings(orm, 'serviceAccount', id, OWNER_ROLES),
    ]);
    if (replay !== undefined) return replay;
    const [[row], [owned]] = rows;
    const own = id === access.callerId;
    const account = requireResource(row, access, resourceOf(id), 'iam.serviceAccounts.delete', own);
    await demandContentEtag(account, ifMatch);
    if (owned !== undefined) {
      throw failedPrecondition(
        id,
        'LAST_OWNER',
        `Service account "${id}" is the last ${owned.roleId} of ${owned.resourceKind} ${owned.resourceId}; name another one first`,
      );
    }
    const operation = finishedOperation(context, access, {
      kind: 'serviceAccounts.delete',
      resource: placeOf(account),
      metadata: { serviceAccountId: id },
      response: EMPTY,
    });
    await context.db.write([
      demandContent(orm, serviceAccounts, account),
      demandNoSoleHolding(orm, 'serviceAccount', id, OWNER_ROLES),
      deleteBindingsOf(orm, 'serviceAccount', id),
      deleteBindingsFor(orm, 'serviceAccount', id),
      deleteRow(orm, id),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function nameTaken(name: string): RegistryError {
  return new RegistryError('ALREADY_EXISTS', `Service account with name "${name}" already exists`);
}
