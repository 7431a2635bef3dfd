import { createDisk } from '../../../registry/disks/create.ts';
import { deleteDisk } from '../../../registry/disks/delete.ts';
import { getDisk } from '../../../registry/disks/get.ts';
import { moveDisk } from '../../../registry/disks/move.ts';
import { relocateDisk } from '../../../registry/disks/relocate.ts';
import { updateDisk } from '../../../registry/disks/update.ts';
import { revisionEtag } from '../../../registry/etag.ts';
import { listFolder } from '../../../registry/lists.ts';
import {
  createDiskBody,
  disk,
  diskList,
  diskPath,
  moveDiskBody,
  relocateDiskBody,
  updateDiskBody,
} from '../../../schema/wire/compute/disk.ts';
import { listQuery } from '../../../schema/wire/compute/resource.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { compact } from '../wire.ts';
import { diskShape } from './disk-shape.ts';

const TAGS = ['Disks'];
const DISKS = '/compute/v1/disks';
const DISK = `${DISKS}/{diskId}` as const;

const list = route({
  method: 'get',
  path: DISKS,
  tags: TAGS,
  summary: 'List the disks of a folder',
  request: { query: listQuery },
  responses: answer(diskList, 'One page of disks'),
});

const create = route({
  method: 'post',
  path: DISKS,
  tags: TAGS,
  summary: 'Create a disk',
  request: { body: jsonOf(createDiskBody) },
  responses: answer(operation, 'The creation, already done unless bytes have to be copied'),
});

const get = route({
  method: 'get',
  path: DISK,
  tags: TAGS,
  summary: 'Get a disk',
  request: { params: diskPath },
  responses: answer(disk, 'The disk'),
});

const update = route({
  method: 'patch',
  path: DISK,
  tags: TAGS,
  summary: 'Update a disk',
  request: { params: diskPath, body: jsonOf(updateDiskBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: DISK,
  tags: TAGS,
  summary: 'Delete a disk',
  request: { params: diskPath },
  responses: answer(operation, 'The deletion, already done'),
});

const move = route({
  method: 'post',
  path: `${DISK}:move`,
  tags: TAGS,
  summary: 'Move a disk to another folder of its cloud',
  request: { params: diskPath, body: jsonOf(moveDiskBody) },
  responses: answer(operation, 'The change, already done'),
});

const relocate = route({
  method: 'post',
  path: `${DISK}:relocate`,
  tags: TAGS,
  summary: 'Move a disk to another availability zone',
  request: { params: diskPath, body: jsonOf(relocateDiskBody) },
  responses: answer(operation, 'The change, already done'),
});

export function mountDisks(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFolder(c.get('context'), 'disk', c.req.valid('query'));
    return c.json(compact({ disks: page.items.map(diskShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) => {
    const { size, blockSize, imageId, snapshotId, diskPlacementPolicy, ...rest } = c.req.valid('json');
    const created = await createDisk(c.get('context'), {
      ...rest,
      sizeBytes: size,
      blockSizeBytes: blockSize,
      placementGroupId: diskPlacementPolicy?.placementGroupId,
      source: sourceOf(imageId, snapshotId),
    });
    return answerOperation(c, created);
  });

  app.openapi(get, async (c) => {
    const found = await getDisk(c.get('context'), c.req.valid('param').diskId);
    return answerSingle(c, revisionEtag(found), diskShape(found));
  });

  app.openapi(update, async (c) => {
    const { diskId } = c.req.valid('param');
    const { size, diskPlacementPolicy, ...rest } = c.req.valid('json');
    const change = { ...rest, sizeBytes: size, placementGroupId: diskPlacementPolicy?.placementGroupId };
    return answerOperation(c, await updateDisk(c.get('context'), diskId, change, c.req.header('If-Match')));
  });

  app.openapi(remove, async (c) => {
    const { diskId } = c.req.valid('param');
    return answerOperation(c, await deleteDisk(c.get('context'), diskId, c.req.header('If-Match')));
  });

  app.openapi(move, async (c) => {
    const { destinationFolderId } = c.req.valid('json');
    return answerOperation(
      c,
      await moveDisk(c.get('context'), c.req.valid('param').diskId, destinationFolderId),
    );
  });

  app.openapi(relocate, async (c) => {
    const { destinationZoneId, diskPlacementPolicy } = c.req.valid('json');
    const { placementGroupId } = diskPlacementPolicy ?? {};
    const destination = { destinationZoneId, placementGroupId };
    return answerOperation(c, await relocateDisk(c.get('context'), c.req.valid('param').diskId, destination));
  });
}

/** The one source that the shape let through, if any. */
function sourceOf(imageId: string | undefined, snapshotId: string | undefined) {
  if (imageId !== undefined) return { kind: 'image', id: imageId } as const;
  return snapshotId === undefined ? undefined : ({ kind: 'snapshot', id: snapshotId } as const);
}
