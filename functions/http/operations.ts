import { cancelOperation } from '../../registry/operations/cancel.ts';
import { listFolderOperations, listImageOperations } from '../../registry/operations/read.ts';
import { waitForOperation } from '../../registry/operations/wait.ts';
import { imagePath } from '../../schema/wire/compute/image.ts';
import {
  operation,
  operationList,
  operationPath,
  operationQuery,
  operationsOfFolder,
  operationsPage,
} from '../../schema/wire/operation.ts';
import { type App, answer, answerOperation, route } from './app.ts';
import { operationShape } from './operation-shape.ts';
import { compact } from './wire.ts';

const TAGS = ['Operations'];
const OPERATION = '/operations/{operationId}';

const get = route({
  method: 'get',
  path: OPERATION,
  tags: TAGS,
  summary: 'Get an operation',
  request: { params: operationPath, query: operationQuery },
  responses: answer(operation, 'The operation'),
});

// The contract has GET for a call that changes something; clients use both.
const cancel = (method: 'get' | 'post') =>
  route({
    method,
    path: `${OPERATION}:cancel`,
    operationId: method === 'get' ? 'operations.cancelByGet' : 'operations.cancel',
    tags: TAGS,
    summary: 'Cancel an operation',
    request: { params: operationPath },
    responses: answer(operation, 'The operation as it then is'),
  });

const listOfImage = route({
  method: 'get',
  path: '/compute/v1/images/{imageId}/operations',
  tags: TAGS,
  summary: 'List the operations of an image',
  request: { params: imagePath, query: operationsPage },
  responses: answer(operationList, 'One page, newest first'),
});

const listOfFolder = route({
  method: 'get',
  path: '/compute/v1/operations',
  tags: TAGS,
  summary: 'List the operations of a folder',
  request: { query: operationsOfFolder },
  responses: answer(operationList, 'One page, newest first'),
});

export function mountOperations(app: App): void {
  app.openapi(get, async (c) => {
    const { operationId } = c.req.valid('param');
    const { wait = 0 } = c.req.valid('query');
    return answerOperation(c, await waitForOperation(c.get('context'), operationId, wait));
  });
  for (const method of ['get', 'post'] as const) {
    app.openapi(cancel(method), async (c) =>
      answerOperation(c, await cancelOperation(c.get('context'), c.req.valid('param').operationId)),
    );
  }
  app.openapi(listOfImage, async (c) => {
    const page = await listImageOperations(
      c.get('context'),
      c.req.valid('param').imageId,
      c.req.valid('query'),
    );
    return c.json(
      compact({ operations: page.items.map(operationShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });
  app.openapi(listOfFolder, async (c) => {
    const { folderId, ...query } = c.req.valid('query');
    const page = await listFolderOperations(c.get('context'), folderId, query);
    return c.json(
      compact({ operations: page.items.map(operationShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });
}
