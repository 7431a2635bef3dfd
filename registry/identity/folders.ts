import { notFound, RegistryError } from '../../core/errors.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import { demandResource } from '../../db/access-bindings.ts';
import { findCloud } from '../../db/clouds.ts';
import { demandContent, findNamesake, writeContent } from '../../db/containers.ts';
import {
  countInFolder,
  deleteFolder as deleteRow,
  demandEmptyFolder,
  FOLDER_PLACES,
  findFolder,
  findFolderByName,
  insertFolder,
  listFolders as pageOfFolders,
} from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { type FolderRow, folders } from '../../schema/tables/identity.ts';
import type { OperationResult } from '../../schema/tables/work.ts';
import { readAs, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../images/list.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type ContentUpdate, maskOf, type NewContent, newContent, updatedContent } from './content.ts';
import { type Deletion, demandAtOnce, demandNothingInside } from './deletion.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';
import { visibleTo } from './visible.ts';

export type Folder = FolderRow;

const resourceOf = (id: string) => ({ kind: 'folder', id }) as const;
const placeOf = ({ id, cloudId }: Folder) => ({ kind: 'folder', id, folderId: id, cloudId }) as const;
const resultOf = (folder: Folder): OperationResult => ({ type: 'folder', value: { ...folder } });

/** One folder. Throws PERMISSION_DENIED, also for one that does not exist. */
export async function getFolder(context: CallerContext, id: string): Promise<Folder> {
  const { access, rows } = await readAs(context, resourceOf(id), [findFolder(context.db.orm, id)]);
  return requireResource(rows[0][0], access, resourceOf(id), 'resource-manager.folders.get');
}

/**
 * The folders of a cloud that the caller may see, sorted by id. Throws NOT_FOUND when it may see neither the cloud
 * nor any folder of it.
 */
export async function listFolders(
  context: CallerContext,
  request: PageRequest & { readonly cloudId: string },
): Promise<Page<Folder>> {
  const { cloudId } = request;
  const { orm } = context.db;
  const page = await readPage(context, ['folders', cloudId], request);
  const visible = visibleTo(context, 'resource-manager.folders.list', FOLDER_PLACES);
  const { access, rows } = await readAs(context, { kind: 'cloud', id: cloudId }, [
    findCloud(orm, cloudId),
    pageOfFolders(orm, cloudId, { ...page, visible }),
    pageOfFolders(orm, cloudId, { conditions: [], after: undefined, limit: 1, visible }),
  ]);
  const [[cloud], found, anyone] = rows;
  const seesCloud = cloud !== undefined && access.allows('resource-manager.clouds.get');
  if (!seesCloud && anyone.length === 0) throw notFound('Cloud', cloudId);
  return page.of(found);
}

/** Makes a folder in a cloud. Throws NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS. */
export function createFolder(
  context: CallerContext,
  input: NewContent & { readonly cloudId: string },
): Promise<Operation> {
  const cloud = { kind: 'cloud', id: input.cloudId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, cloud, [
      findCloud(orm, cloud.id),
      findFolderByName(orm, cloud.id, input.name),
    ]);
    const [[row], [namesake]] = rows;
    requireResource(row, access, cloud, 'resource-manager.folders.create');
    if (replay !== undefined) return replay;
    if (namesake !== undefined) throw nameTaken(input.name);
    const folder: FolderRow = {
      id: newId(context, 'folder'),
      cloudId: cloud.id,
      ...newContent(input),
      createdAt: context.now(),
    };
    const operation = finishedOperation(context, access, {
      kind: 'folders.create',
      resource: placeOf(folder),
      metadata: { folderId: folder.id },
      response: resultOf(folder),
    });
    await context.db.write([
      demandResource(orm, cloud),
      insertFolder(orm, folder),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Changes name, description and labels. Throws INVALID_ARGUMENT, PERMISSION_DENIED, ALREADY_EXISTS, STALE. */
export async function updateFolder(
  context: CallerContext,
  id: string,
  input: ContentUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  const mask = await maskOf(context, input);
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findFolder(orm, id),
      findNamesake(orm, folders, id, input.name ?? ''),
    ]);
    const [[row], [namesake]] = rows;
    const folder = requireResource(row, access, resourceOf(id), 'resource-manager.folders.update');
    if (replay !== undefined) return replay;
    await demandContentEtag(folder, ifMatch);
    const updated = updatedContent(folder, input, mask);
    if (updated.name !== folder.name && namesake !== undefined) throw nameTaken(updated.name);
    const operation = finishedOperation(context, access, {
      kind: 'folders.update',
      resource: placeOf(folder),
      metadata: { folderId: id },
      response: resultOf(updated),
    });
    await context.db.write([
      demandContent(orm, folders, folder),
      writeContent(orm, folders, updated),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Deletes a folder that holds neither images nor service accounts, at once and with its bindings.
 * Throws INVALID_ARGUMENT, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteFolder(
  context: CallerContext,
  id: string,
  deletion: Deletion,
): Promise<Operation> {
  await demandAtOnce(context, deletion);
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findFolder(orm, id),
      countInFolder(orm, id),
    ]);
    if (replay !== undefined) return replay;
    const [[row], [inside]] = rows;
    const folder = requireResource(row, access, resourceOf(id), 'resource-manager.folders.delete');
    await demandContentEtag(folder, deletion.ifMatch);
    demandNothingInside(`Folder "${id}"`, id, [
      [inside?.images ?? 0, 'image'],
      [inside?.serviceAccounts ?? 0, 'service account'],
    ]);
    const operation = finishedOperation(context, access, {
      kind: 'folders.delete',
      resource: placeOf(folder),
      metadata: { folderId: id },
      response: EMPTY,
    });
    await context.db.write([
      demandContent(orm, folders, folder),
      demandEmptyFolder(orm, id),
      deleteBindingsOf(orm, 'folder', id),
      deleteRow(orm, id),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function nameTaken(name: string): RegistryError {
  return new RegistryError('ALREADY_EXISTS', `Folder with name "${name}" already exists`);
}
