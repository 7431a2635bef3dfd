import { type Lease, leaseImage, listLeases, releaseLease } from '../../../registry/images/leases.ts';
import { imagePath } from '../../../schema/wire/compute/image.ts';
import {
  lease,
  leaseImageBody,
  leaseList,
  leasesPage,
  releaseLeaseBody,
} from '../../../schema/wire/compute/lease.ts';
import { type App, answer, jsonOf, route } from '../app.ts';
import { compact, time } from '../wire.ts';

const TAGS = ['Images'];
const IMAGE = '/compute/v1/images/{imageId}';

const take = route({
  method: 'post',
  path: `${IMAGE}:lease`,
  tags: TAGS,
  summary: 'Keep an image from being deleted because something boots from it',
  request: { params: imagePath, body: jsonOf(leaseImageBody) },
  responses: answer(lease, 'The lease; a holder that has one renews it'),
});

const release = route({
  method: 'post',
  path: `${IMAGE}:releaseLease`,
  tags: TAGS,
  summary: 'End the lease of a holder on an image',
  request: { params: imagePath, body: jsonOf(releaseLeaseBody) },
  responses: answer(lease, 'The lease as it ended'),
});

const list = route({
  method: 'get',
  path: `${IMAGE}/leases`,
  tags: TAGS,
  summary: 'List the leases in force on an image',
  request: { params: imagePath, query: leasesPage },
  responses: answer(leaseList, 'One page of leases'),
});

export function mountLeases(app: App): void {
  app.openapi(take, async (c) => {
    const { holder, ttl } = c.req.valid('json');
    const { imageId } = c.req.valid('param');
    const taken = await leaseImage(c.get('context'), imageId, { holder, ttlMs: ttl });
    return c.json(leaseShape(taken), 200);
  });

  app.openapi(release, async (c) => {
    const { imageId } = c.req.valid('param');
    const ended = await releaseLease(c.get('context'), imageId, c.req.valid('json').holder);
    return c.json(leaseShape(ended), 200);
  });

  app.openapi(list, async (c) => {
    const page = await listLeases(c.get('context'), c.req.valid('param').imageId, c.req.valid('query'));
    return c.json(compact({ leases: page.items.map(leaseShape), nextPageToken: page.nextPageToken }), 200);
  });
}

function leaseShape({ createdAt, renewedAt, expiresAt, ...members }: Lease) {
  return {
    ...members,
    createdAt: time(createdAt),
    renewedAt: time(renewedAt),
    expiresAt: time(expiresAt),
  };
}
