import { notFound } from '../../core/errors.ts';
import { demandResource } from '../../db/access-bindings.ts';
import { findCloud } from '../../db/clouds.ts';
import { findNamesake } from '../../db/containers.ts';
import {
  FOLDER_PLACES,
  findFolder,
  findFolderByName,
  insertFolder,
  listFolders as pageOfFolders,
} from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { type FolderRow, folders } from '../../schema/tables/identity.ts';
import { readAs, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type Container, nameTaken, operationOn } from './containers.ts';
import { type NewContent, newContent } from './content.ts';
import { type PageRequest, readPage } from './pages.ts';
import { visibleTo } from './visible.ts';

export type Folder = FolderRow;

export const FOLDER: Container<Folder> = {
  kind: 'folder',
  title: 'Folder',
  noun: 'resource-manager.folders',
  table: folders,
  placeOf: ({ id, cloudId }) => ({ folderId: id, cloudId }),
  find: ({ db }, id) => findFolder(db.orm, id),
  findNamesake: (orm, id, name) => findNamesake(orm, folders, id, name),
};

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
    if (namesake !== undefined) throw nameTaken(FOLDER, input.name);
    const folder: FolderRow = {
      id: newId(context, 'folder'),
      cloudId: cloud.id,
      ...newContent(input),
      createdAt: context.now(),
      status: 'ACTIVE',
      deleteAt: null,
      deletionId: null,
    };
    const operation = operationOn(context, access, FOLDER, 'create', folder);
    await context.db.write([
      demandResource(orm, cloud),
      insertFolder(orm, folder),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
