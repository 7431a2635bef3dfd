import { ZONE_LIST } from '../../../registry/disks/zones.ts';
import { getFixed, listFixed } from '../../../registry/fixed-list.ts';
import { listZonesQuery, zone, zoneList, zonePath } from '../../../schema/wire/compute/zone.ts';
import { type App, answer, route } from '../app.ts';
import { compact } from '../wire.ts';

const TAGS = ['Disks'];

const list = route({
  method: 'get',
  path: '/compute/v1/zones',
  tags: TAGS,
  summary: 'List the availability zones',
  request: { query: listZonesQuery },
  responses: answer(zoneList, 'One page of zones'),
});

const get = route({
  method: 'get',
  path: '/compute/v1/zones/{zoneId}',
  tags: TAGS,
  summary: 'Get an availability zone',
  request: { params: zonePath },
  responses: answer(zone, 'The zone'),
});

export function mountZones(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFixed(c.get('context'), ZONE_LIST, c.req.valid('query'));
    return c.json(compact({ zones: [...page.items], nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(get, async (c) =>
    c.json(await getFixed(c.get('context'), ZONE_LIST, c.req.valid('param').zoneId), 200),
  );
}
