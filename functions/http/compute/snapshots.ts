import { revisionEtag } from '../../../registry/etag.ts';
import { listFolder } from '../../../registry/lists.ts';
import { createSnapshot } from '../../../registry/snapshots/create.ts';
import { deleteSnapshot } from '../../../registry/snapshots/delete.ts';
import { getSnapshot } from '../../../registry/snapshots/get.ts';
import { updateSnapshot } from '../../../registry/snapshots/update.ts';
import { listQuery } from '../../../schema/wire/compute/resource.ts';
import {
  createSnapshotBody,
  snapshot,
  snapshotList,
  snapshotPath,
  updateSnapshotBody,
} from '../../../schema/wire/compute/snapshot.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { snapshotShape } from './snapshot-shape.ts';

const TAGS = ['Snapshots'];
const SNAPSHOTS = '/compute/v1/snapshots';
const SNAPSHOT = `${SNAPSHOTS}/{snapshotId}` as const;

const list = route({
  method: 'get',
  path: SNAPSHOTS,
  tags: TAGS,
  summary: 'List the snapshots of a folder',
  request: { query: listQuery },
  responses: answer(snapshotList, 'One page of snapshots'),
});

const create = route({
  method: 'post',
  path: SNAPSHOTS,
  tags: TAGS,
  summary: 'Create a snapshot of a disk',
  request: { body: jsonOf(createSnapshotBody) },
  responses: answer(operation, 'The creation, already done'),
});

const get = route({
  method: 'get',
  path: SNAPSHOT,
  tags: TAGS,
  summary: 'Get a snapshot',
  request: { params: snapshotPath },
  responses: answer(snapshot, 'The snapshot'),
});

const update = route({
  method: 'patch',
  path: SNAPSHOT,
  tags: TAGS,
  summary: 'Update a snapshot',
  request: { params: snapshotPath, body: jsonOf(updateSnapshotBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: SNAPSHOT,
  tags: TAGS,
  summary: 'Delete a snapshot',
  request: { params: snapshotPath },
  responses: answer(operation, 'The deletion, already done'),
});

export function mountSnapshots(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFolder(c.get('context'), 'snapshot', c.req.valid('query'));
    const snapshots = page.items.map(snapshotShape);
    return c.json(compact({ snapshots, nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) =>
    answerOperation(c, await createSnapshot(c.get('context'), c.req.valid('json'))),
  );

  app.openapi(get, async (c) => {
    const found = await getSnapshot(c.get('context'), c.req.valid('param').snapshotId);
    return answerSingle(c, revisionEtag(found), snapshotShape(found));
  });

  app.openapi(update, async (c) => {
    const { snapshotId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await updateSnapshot(c.get('context'), snapshotId, c.req.valid('json'), ifMatch),
    );
  });

  app.openapi(remove, async (c) => {
    const { snapshotId } = c.req.valid('param');
    return answerOperation(c, await deleteSnapshot(c.get('context'), snapshotId, c.req.header('If-Match')));
  });
}
