import { createDisk } from '../../../registry/disks/create.ts';
import { getDisk } from '../../../registry/disks/get.ts';
import { revisionEtag } from '../../../registry/etag.ts';
import { createDiskBody, disk, diskPath } from '../../../schema/wire/compute/disk.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { answerSingle } from '../single.ts';
import { diskShape } from './disk-shape.ts';

const TAGS = ['Disks'];
const DISKS = '/compute/v1/disks';
const DISK = `${DISKS}/{diskId}` as const;

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

export function mountDisks(app: App): void {
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
}

/** The one source that the shape let through, if any. */
function sourceOf(imageId: string | undefined, snapshotId: string | undefined) {
  if (imageId !== undefined) return { kind: 'image', id: imageId } as const;
  return snapshotId === undefined ? undefined : ({ kind: 'snapshot', id: snapshotId } as const);
}
