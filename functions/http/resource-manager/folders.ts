import { contentEtag } from '../../../registry/identity/etag.ts';
import {
  createFolder,
  deleteFolder,
  getFolder,
  listFolders,
  updateFolder,
} from '../../../registry/identity/folders.ts';
import { deletionQuery } from '../../../schema/wire/content.ts';
import { operation } from '../../../schema/wire/operation.ts';
import {
  createFolderBody,
  folder,
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
const FOLDERS = '/resource-manager/v1/folders';
const FOLDER = `${FOLDERS}/{folderId}` as const;

const list = route({
  method: 'get',
  path: FOLDERS,
  tags: TAGS,
  summary: 'List the folders of a cloud that the caller may see',
  request: { query: listFoldersQuery },
  responses: answer(folderList, 'One page of folders'),
});

const create = route({
  method: 'post',
  path: FOLDERS,
  tags: TAGS,
  summary: 'Create a folder',
  request: { body: jsonOf(createFolderBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: FOLDER,
  tags: TAGS,
  summary: 'Get a folder',
  request: { params: folderPath },
  responses: answer(folder, 'The folder'),
});

const update = route({
  method: 'patch',
  path: FOLDER,
  tags: TAGS,
  summary: 'Update a folder',
  request: { params: folderPath, body: jsonOf(updateFolderBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: FOLDER,
  tags: TAGS,
  summary: 'Delete a folder that holds nothing',
  request: { params: folderPath, query: deletionQuery },
  responses: answer(operation, 'The deletion, already done'),
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
    const found = await getFolder(c.get('context'), c.req.valid('param').folderId);
    return answerSingle(c, await contentEtag(found), folderShape(found));
  });

  app.openapi(update, async (c) => {
    const { folderId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await updateFolder(c.get('context'), folderId, c.req.valid('json'), ifMatch));
  });

  app.openapi(remove, async (c) => {
    const { folderId } = c.req.valid('param');
    const { deleteAfter } = c.req.valid('query');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(c, await deleteFolder(c.get('context'), folderId, { deleteAfter, ifMatch }));
  });
}
