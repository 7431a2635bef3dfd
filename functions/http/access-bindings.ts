import type { BoundResource } from '../../registry/bindings/bound.ts';
import { setAccessBindings, updateAccessBindings } from '../../registry/bindings/change.ts';
import { listAccessBindings } from '../../registry/bindings/list.ts';
import {
  accessBindingList,
  accessBindingsPage,
  resourcePath,
  setAccessBindingsBody,
  updateAccessBindingsBody,
} from '../../schema/wire/access.ts';
import { operation } from '../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from './app.ts';
import { compact } from './wire.ts';

/** Where the three methods stand, for every kind of resource that carries bindings. */
const MOUNTS: readonly { kind: BoundResource['kind']; path: string; tag: string; a: string }[] = [
  { kind: 'image', path: '/compute/v1/images', tag: 'Images', a: 'an image' },
  { kind: 'disk', path: '/compute/v1/disks', tag: 'Disks', a: 'a disk' },
  { kind: 'snapshot', path: '/compute/v1/snapshots', tag: 'Snapshots', a: 'a snapshot' },
  { kind: 'folder', path: '/resource-manager/v1/folders', tag: 'Folders', a: 'a folder' },
  { kind: 'cloud', path: '/resource-manager/v1/clouds', tag: 'Clouds', a: 'a cloud' },
  {
    kind: 'serviceAccount',
    path: '/iam/v1/serviceAccounts',
    tag: 'Service accounts',
    a: 'a service account',
  },
];

const listOf = (path: string, tag: string, a: string) =>
  route({
    method: 'get',
    path: `${path}/{resourceId}:listAccessBindings`,
    tags: [tag],
    summary: `List the access bindings of ${a}`,
    request: { params: resourcePath, query: accessBindingsPage },
    responses: answer(accessBindingList, 'One page of the bindings set on it, not of those above it'),
  });

const setOf = (path: string, tag: string, a: string) =>
  route({
    method: 'post',
    path: `${path}/{resourceId}:setAccessBindings`,
    tags: [tag],
    summary: `Replace the access bindings of ${a}`,
    request: { params: resourcePath, body: jsonOf(setAccessBindingsBody) },
    responses: answer(operation, 'The change, already done; its response says what it came to'),
  });

const updateOf = (path: string, tag: string, a: string) =>
  route({
    method: 'post',
    path: `${path}/{resourceId}:updateAccessBindings`,
    tags: [tag],
    summary: `Add and remove access bindings of ${a}`,
    request: { params: resourcePath, body: jsonOf(updateAccessBindingsBody) },
    responses: answer(operation, 'The change, already done; its response says what it came to'),
  });

export function mountAccessBindings(app: App): void {
  for (const { kind, path, tag, a } of MOUNTS) {
    app.openapi(listOf(path, tag, a), async (c) => {
      const resource = { kind, id: c.req.valid('param').resourceId };
      const page = await listAccessBindings(c.get('context'), resource, c.req.valid('query'));
      return c.json(compact({ accessBindings: [...page.items], nextPageToken: page.nextPageToken }), 200);
    });

    app.openapi(setOf(path, tag, a), async (c) => {
      const resource = { kind, id: c.req.valid('param').resourceId };
      const { accessBindings } = c.req.valid('json');
      return answerOperation(c, await setAccessBindings(c.get('context'), resource, accessBindings));
    });

    app.openapi(updateOf(path, tag, a), async (c) => {
      const resource = { kind, id: c.req.valid('param').resourceId };
      const deltas = c.req
        .valid('json')
        .accessBindingDeltas.map(({ action, accessBinding }) => ({ action, binding: accessBinding }));
      return answerOperation(c, await updateAccessBindings(c.get('context'), resource, deltas));
    });
  }
}
