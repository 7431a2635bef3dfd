import { listResourceOperations } from '../../registry/operations/read.ts';
import type { ResourceKind } from '../../registry/resources.ts';
import { operationList, operationsOfPath, operationsPage } from '../../schema/wire/operation.ts';
import { type App, answer, route } from './app.ts';
import { operationShape } from './operation-shape.ts';
import { compact } from './wire.ts';

const MOUNTS: readonly { kind: ResourceKind; path: string; a: string }[] = [
  { kind: 'disk', path: '/compute/v1/disks', a: 'a disk' },
  { kind: 'snapshot', path: '/compute/v1/snapshots', a: 'a snapshot' },
  { kind: 'webhook', path: '/compute/v1/webhooks', a: 'a webhook' },
  { kind: 'cloud', path: '/resource-manager/v1/clouds', a: 'a cloud' },
  { kind: 'folder', path: '/resource-manager/v1/folders', a: 'a folder' },
  { kind: 'serviceAccount', path: '/iam/v1/serviceAccounts', a: 'a service account' },
  { kind: 'apiKey', path: '/iam/v1/apiKeys', a: 'an API key' },
  { kind: 'authorizedKey', path: '/iam/v1/keys', a: 'an authorized key' },
  { kind: 'quotaRequest', path: '/quota-manager/v1/quotaRequests', a: 'a quota request' },
  { kind: 'federation', path: '/iam/v1/workload/oidc/federations', a: 'an OIDC federation' },
];

const listOf = (path: string, a: string) =>
  route({
    method: 'get',
    path: `${path}/{resourceId}/operations`,
    tags: ['Operations'],
    summary: `List the operations of ${a}`,
    request: { params: operationsOfPath, query: operationsPage },
    responses: answer(operationList, 'One page, newest first'),
  });

/** The operations of a resource, under its own path. */
export function mountResourceOperations(app: App): void {
  for (const { kind, path, a } of MOUNTS) {
    app.openapi(listOf(path, a), async (c) => {
      const resource = { kind, id: c.req.valid('param').resourceId };
      const page = await listResourceOperations(c.get('context'), resource, c.req.valid('query'));
      return c.json(
        compact({ operations: page.items.map(operationShape), nextPageToken: page.nextPageToken }),
        200,
      );
    });
  }
}
