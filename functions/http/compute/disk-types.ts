import { DISK_TYPE_LIST, type DiskTypeDescription } from '../../../registry/disks/types.ts';
import { getFixed, listFixed } from '../../../registry/fixed-list.ts';
import {
  diskType,
  diskTypeList,
  diskTypePath,
  listDiskTypesQuery,
} from '../../../schema/wire/compute/disk-type.ts';
import { type App, answer, route } from '../app.ts';
import { compact } from '../wire.ts';

const TAGS = ['Disks'];

const list = route({
  method: 'get',
  path: '/compute/v1/diskTypes',
  tags: TAGS,
  summary: 'List the types of disks',
  request: { query: listDiskTypesQuery },
  responses: answer(diskTypeList, 'One page of types'),
});

const get = route({
  method: 'get',
  path: '/compute/v1/diskTypes/{diskTypeId}',
  tags: TAGS,
  summary: 'Get a type of disks',
  request: { params: diskTypePath },
  responses: answer(diskType, 'The type'),
});

export function mountDiskTypes(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFixed(c.get('context'), DISK_TYPE_LIST, c.req.valid('query'));
    const diskTypes = page.items.map(shapeOf);
    return c.json(compact({ diskTypes, nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(get, async (c) =>
    c.json(shapeOf(await getFixed(c.get('context'), DISK_TYPE_LIST, c.req.valid('param').diskTypeId)), 200),
  );
}

function shapeOf({ id, description, zoneIds }: DiskTypeDescription) {
  return compact({ id, description, zoneIds: [...zoneIds] });
}
