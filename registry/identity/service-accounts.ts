import { deleteBindingsOf } from '../../db/access.ts';
import { deleteBindingsFor } from '../../db/access-bindings.ts';
import type { Orm, Statement } from '../../db/client.ts';
import { findNamesake } from '../../db/containers.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandNoSoleOwnership, findSoleOwnership, type Ownership } from '../../db/owners.ts';
import {
  deleteServiceAccount,
  findAccountByName,
  findServiceAccount,
  insertServiceAccount,
  listServiceAccounts as pageOfAccounts,
} from '../../db/service-accounts.ts';
import { type ServiceAccountRow, serviceAccounts } from '../../schema/tables/identity.ts';
import { readAs, readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandActive } from './active.ts';
import { nameTaken, operationOn, type Removable } from './containers.ts';
import { type NewContent, newContent } from './content.ts';
import { demandNoneOwned } from './owners.ts';
import { type PageRequest, readPage } from './pages.ts';

export type ServiceAccount = ServiceAccountRow;

/** The last owner of something is not deleted, because nobody would be left to name another. */
export const SERVICE_ACCOUNT: Removable<ServiceAccount, Ownership> = {
  kind: 'serviceAccount',
  title: 'Service account',
  noun: 'iam.serviceAccounts',
  table: serviceAccounts,
  placeOf: ({ folderId, cloudId }) => ({ folderId, cloudId }),
  find: (context, id) => findServiceAccount(context.db.orm, requireCredential(context), id),
  findNamesake: (orm, id, name) => findNamesake(orm, serviceAccounts, id, name),
  findObstacle: (orm, id) => findSoleOwnership(orm, { serviceAccountId: id }),
  demandNone: (_, owned) => demandNoneOwned(owned),
  remove: removeServiceAccount,
};

/** The statements that take a service account away with all that it holds, in a batch that they guard themselves. */
export function removeServiceAccount(orm: Orm, id: string): Statement[] {
  return [
    demandNoSoleOwnership(orm, { serviceAccountId: id }),
    deleteBindingsFor(orm, 'serviceAccount', id),
    deleteBindingsOf(orm, 'serviceAccount', id),
    deleteServiceAccount(orm, id),
  ];
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
    demandActive(folder);
    if (namesake !== undefined) throw nameTaken(SERVICE_ACCOUNT, input.name);
    const account: ServiceAccountRow = {
      id: newId(context, 'serviceAccount'),
      folderId: folder.id,
      cloudId: folder.cloudId,
      ...newContent(input),
      createdAt: context.now(),
      suspendedAt: null,
      lastAuthenticatedAt: null,
    };
    const operation = operationOn(context, access, SERVICE_ACCOUNT, 'create', account);
    await context.db.write([
      demandActiveFolder(orm, folder.id),
      insertServiceAccount(orm, account),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
