import { getContainer, updateContainer } from '../../../registry/identity/containers.ts';
import { deleteFolder } from '../../../registry/identity/delete-folder.ts';
import { contentEtag } from '../../../registry/identity/etag.ts';
import { createFolder, FOLDER, listFolders } from '../../../registry/identity/folders.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  createFolderBody,
  folder,
  folderDeletionQuery,
  folderList,
  folderPath,
  listFoldersQuery,
  updateFolderBody,
} from '../../../schema/wire/resource-manager/folder.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { folderShape } from './shapes.ts';

const TAGS = ['Folders'];
const FOLDERS_PATH = '/resource-manager/v1/folders';
const FOLDER_PATH = `${FOLDERS_PATH}/{folderId}` as const;

const list = route({
  method: 'get',
  path: FOLDERS_PATH,
  tags: TAGS,
  summary: 'List the folders of a cloud that the caller may see',
  request: { query: listFoldersQuery },
  responses: answer(folderList, 'One page of folders'),
});

const create = route({
  method: 'post',
  path: FOLDERS_PATH,
  tags: TAGS,
  summary: 'Create a folder',
  request: { body: jsonOf(createFolderBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: FOLDER_PATH,
  tags: TAGS,
  summary: 'Get a folder',
  request: { params: folderPath },
  responses: answer(folder, 'The folder'),
});

const update = route({
  method: 'patch',
  path: FOLDER_PATH,
  tags: TAGS,
  summary: 'Update a folder',
  request: { params: folderPath, body: jsonOf(updateFolderBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: FOLDER_PATH,
  tags: TAGS,
  summary: 'Delete a folder with all that it holds',
  request: { params: folderPath, query: folderDeletionQuery },
  responses: answer(operation, 'The deletion: done when the folder was empty, otherwise when all is gone'),
});

export function mountFolders(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFolders(c.get('context'), c.req.valid('query'));
    return c.json(compact({ folders: page.items.map(folderShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createFolder(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const found = await getContainer(c.get('context'), FOLDER, c.req.valid('param').folderId);
    return answerSingle(c, await contentEtag(found), folderShape(found));
  });

  app.openapi(update, async (c) => {
    const { folderId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateContainer(c.get('context'), FOLDER, folderId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { folderId } = c.req.valid('param');
    const { deleteAfter } = c.req.valid('query');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await deleteFolder(c.get('context'), folderId, { deleteAfter, ifMatch }));
  });
}
