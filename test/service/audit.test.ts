/** Who changed what: the events of changes, and `GET /audit/v1/events`. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { auditEvent, auditEventList } from '../../schema/wire/audit.ts';
import { Client, type Extras, type Fields, IMAGES, imageIdOf, type Operation, sendPart } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, type Tenant } from './tenant.ts';

type Event = z.infer<typeof auditEvent>;
type Page = z.infer<typeof auditEventList>;

const EVENTS = '/audit/v1/events';
const DISKS = '/compute/v1/disks';
const FOLDERS = '/resource-manager/v1/folders';
const CLOUDS = '/resource-manager/v1/clouds';
const ACCOUNTS = '/iam/v1/serviceAccounts';
const HOUR_SECONDS = 3_600;

const own = await startOwn({ sweepSeconds: HOUR_SECONDS });
const { local } = own;
const tenant = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local);
const { api, folderId, otherFolderId, cloudId, accountId } = tenant;
const bytes = await emptyDisk();

const pageOf = (query: Readonly<Record<string, string>>, by = api) =>
  by.get<Page>(`${EVENTS}?${new URLSearchParams(query)}`);
const eventsOf = async (query: Readonly<Record<string, string>>, by = api) =>
  (await pageOf(query, by)).events ?? [];
const refusedList = (query: Readonly<Record<string, string>>, by = api) =>
  by.refused('GET', `${EVENTS}?${new URLSearchParams(query)}`);

/** A call under a request id of its own, and the events that it left. */
async function recorded<T>(method: string, path: string, body?: Fields, extras: Extras = {}) {
  const requestId = randomUUID();
  const headers = { ...extras.headers, 'X-Request-Id': requestId };
  const answer = await api.send<T>(method, path, body, { headers });
  const database = await local.database();
  const { results } = await database
    .prepare('SELECT actor_id AS actorId, action, resource_id AS id FROM audit_events WHERE request_id = ?')
    .bind(requestId)
    .all<{ actorId: string; action: string; id: string }>();
  return { answer, requestId, events: results };
}

/** The log line of a request: what it cost. */
async function logged(requestId: string) {
  const line = await eventually(`the log line of ${requestId}`, () =>
    own.logLines.find((one) => one.includes(requestId) && one.includes('d1RoundTrips')),
  );
  return JSON.parse(line) as { d1RoundTrips: number; rowsRead: number };
}

const newDisk = async (fields: Fields = {}) => {
  const body = { folderId, zoneId: 'ru-central1-a', size: '4194304', ...fields };
  const operation = await api.call<Operation>('POST', DISKS, body);
  return operation.metadata.diskId as string;
};
const newFolder = async (name: string) => {
  const operation = await api.call<Operation>('POST', FOLDERS, { cloudId, name });
  return operation.metadata.folderId as string;
};
/** The service account of another tenant, with a role of this one. */
async function guestWith(roleId: string, path: string): Promise<Tenant> {
  const guest = await newTenant(local);
  const subject = { id: guest.accountId, type: 'serviceAccount' };
  const delta = { action: 'ADD', accessBinding: { roleId, subject } };
  await api.call('POST', `${path}:updateAccessBindings`, { accessBindingDeltas: [delta] });
  return guest;
}

describe('what is recorded', () => {
  test('of an update: the fields that differ, and who asked', async () => {
    const id = await newDisk({ name: 'before', labels: { a: '1' } });
    const body = { updateMask: 'name,labels', name: 'after', labels: { a: '1', b: '2' } };
    const { answer, requestId } = await recorded<Operation>('PATCH', `${DISKS}/${id}`, body);
    const [event] = await eventsOf({ resourceId: id });
    expect(event).toEqual({
      id: expect.stringMatching(/^fd8[0-9a-v]{17}$/),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      actorId: accountId,
      action: 'disks.update',
      resource: { type: 'compute.disk', id },
      folderId,
      cloudId,
      requestId,
      operationId: answer.body.id,
      before: { name: 'before', labels: { a: '1' } },
      after: { name: 'after', labels: { a: '1', b: '2' } },
    });
  });

  test('of what was made and of what is gone: all that was set', async () => {
    const id = await newDisk({ name: 'short-lived' });
    await api.call('DELETE', `${DISKS}/${id}`);
    const [gone, made] = await eventsOf({ resourceId: id });
    expect(made).toMatchObject({ action: 'disks.create', after: { name: 'short-lived', status: 'READY' } });
    expect(made).not.toHaveProperty('before');
    expect(gone).toMatchObject({ action: 'disks.delete', before: { name: 'short-lived', status: 'READY' } });
    expect(gone).not.toHaveProperty('after');
    expect(made?.after?.createdAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  test('of a creation that takes time: how it began and how it ended', async () => {
    const operation = await api.create({ folderId, upload: { size: bytes.length } });
    const id = imageIdOf(operation);
    await sendPart((await api.sign(id, [1]))[0]!, bytes);
    await api.call('POST', `${IMAGES}/${id}:completeUpload`, {});
    await api.finished(operation);
    const events = await eventsOf({ resourceId: id });
    expect(events.map(({ action, actorId }) => [action, actorId])).toEqual([
      ['images.create', 'registry'],
      ['images.completeUpload', accountId],
      ['images.create', accountId],
    ]);
    const [ended, completed, begun] = events;
    expect(begun).toMatchObject({ operationId: operation.id, after: { status: 'CREATING' } });
    expect(completed).toMatchObject({ before: { upload: 'OPEN' }, after: { upload: 'COMPLETING' } });
    expect(ended).toMatchObject({
      operationId: operation.id,
      requestId: completed?.requestId,
      before: { status: 'CREATING' },
      after: { status: 'READY', sizeBytes: bytes.length },
    });
  });

  test('of a creation that is refused: the error', async () => {
    const operation = await api.create({ folderId, upload: { size: 1, format: 'QCOW2' } });
    const id = imageIdOf(operation);
    await sendPart((await api.sign(id, [1]))[0]!, Buffer.of(1));
    await api.call('POST', `${IMAGES}/${id}:completeUpload`, {});
    await api.finished(operation);
    const [ended] = await eventsOf({ resourceId: id });
    expect(ended).toMatchObject({
      actorId: 'registry',
      action: 'images.create',
      after: { error: { code: 'INVALID_ARGUMENT' } },
    });
  });

  test('of access: the bindings that came and those that went', async () => {
    const id = await newDisk();
    const subject = { id: accountId, type: 'serviceAccount' };
    const viewer = { roleId: 'viewer', subject };
    const editor = { roleId: 'editor', subject };
    await api.call('POST', `${DISKS}/${id}:setAccessBindings`, { accessBindings: [viewer] });
    await api.call('POST', `${DISKS}/${id}:setAccessBindings`, { accessBindings: [editor] });
    const [event] = await eventsOf({ resourceId: id });
    expect(event).toMatchObject({
      action: 'disks.setAccessBindings',
      before: { accessBindings: [viewer] },
      after: { accessBindings: [editor] },
    });
  });

  test('of a folder that is deleted with what it holds: everything that went, and who began it', async () => {
    const id = await newFolder('emptied');
    const diskId = await newDisk({ folderId: id, name: 'held' });
    const asked = await api.call<Operation>('DELETE', `${FOLDERS}/${id}?deleteAfter=2020-01-01T00:00:00Z`);
    await api.finished(asked);
    const events = await eventsOf({ folderId: id });
    expect(events.map(({ action, actorId, resource }) => [action, actorId, resource.id])).toEqual([
      ['folders.delete', 'registry', id],
      ['disks.delete', 'registry', diskId],
      ['folders.delete', accountId, id],
      ['disks.create', accountId, diskId],
      ['folders.create', accountId, id],
    ]);
    expect(events.slice(0, 3).map(({ operationId }) => operationId)).toEqual(Array(3).fill(asked.id));
    expect(events[1]?.before).toMatchObject({ name: 'held' });
  });

  test('nothing twice: not of a repeated request', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const body = { folderId, zoneId: 'ru-central1-a', size: '4194304' };
    const first = await recorded<Operation>('POST', DISKS, body, { headers });
    const again = await recorded<Operation>('POST', DISKS, body, { headers });
    expect(again.answer.body).toEqual(first.answer.body);
    expect([first.events.length, again.events.length]).toEqual([1, 0]);
  });

  test.each<[string, string, Fields, number]>([
    ['POST', DISKS, { folderId, size: '1' }, 400],
    ['POST', DISKS, { folderId: 'b1g00000000000000000', zoneId: 'ru-central1-a', size: '4194304' }, 403],
    ['PATCH', `${DISKS}/fhm00000000000000000`, { updateMask: 'name', name: 'x' }, 404],
    ['PATCH', `${FOLDERS}/${folderId}`, { updateMask: 'nothing' }, 400],
  ])('nothing of a refusal: %s %s %j', async (method, path, body, status) => {
    const { answer, events } = await recorded(method, path, body);
    expect([answer.status, events]).toEqual([status, []]);
  });

  test('in the batch of the change: one row, and no further round trip', async () => {
    const cost = async (method: string, path: string, body?: Fields) => {
      const { answer, requestId, events } = await recorded<Operation>(method, path, body);
      expect([answer.status, events.length]).toEqual([200, 1]);
      const line = await logged(requestId);
      return line.d1RoundTrips;
    };
    const made = await cost('POST', IMAGES, { folderId, upload: { size: 1 } });
    const path = `${DISKS}/${await newDisk()}`;
    const changed = await cost('PATCH', path, { updateMask: 'description', description: 'd' });
    const gone = await cost('DELETE', path);
    expect([made, changed, gone]).toEqual([2, 2, 2]);
  });
});

describe('a list', () => {
  const started = newFolder('listed').then(async (id) => {
    const diskId = await newDisk({ folderId: id, name: 'd0' });
    for (const name of ['d1', 'd2', 'd3']) {
      await api.call('PATCH', `${DISKS}/${diskId}`, { updateMask: 'name', name });
    }
    await api.call('DELETE', `${DISKS}/${diskId}`);
    return { id, diskId };
  });

  test('is newest first and comes in pages, of a folder and of a resource alike', async () => {
    const { id, diskId } = await started;
    const actions = ['disks.delete', 'disks.update', 'disks.update', 'disks.update', 'disks.create'];
    for (const [of, expected] of [
      [{ folderId: id }, [...actions, 'folders.create']],
      [{ resourceId: diskId }, actions],
    ] as const) {
      const all: Event[] = [];
      let pageToken = '';
      do {
        const page = await pageOf({ ...of, pageSize: '2', pageToken });
        expect(page.events!.length).toBeLessThanOrEqual(2);
        all.push(...page.events!);
        pageToken = page.nextPageToken ?? '';
      } while (pageToken !== '');
      expect(all.map(({ action }) => action)).toEqual(expected);
      expect(all).toEqual(await eventsOf(of));
    }
  });

  test.each([
    ['action = "disks.create"', 1],
    ['action != "disks.update"', 3],
    ['action IN ("disks.update", "disks.delete")', 4],
    [`actorId = "${accountId}"`, 6],
    [`actorId != "${accountId}"`, 0],
    [`action = "disks.update" AND actorId = "${accountId}"`, 3],
  ])('is narrowed by %s', async (filter, count) => {
    const { id } = await started;
    expect(await eventsOf({ folderId: id, filter })).toHaveLength(count);
  });

  test('is narrowed by times, from included and to not', async () => {
    const { id } = await started;
    const events = await eventsOf({ folderId: id });
    const from = events.at(-2)!.createdAt;
    const later = events.filter(({ createdAt }) => createdAt >= from);
    expect(await eventsOf({ folderId: id, from })).toEqual(later);
    expect(await eventsOf({ folderId: id, to: from })).toEqual(
      events.filter(({ createdAt }) => createdAt < from),
    );
    expect(
      await eventsOf({ folderId: id, from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' }),
    ).toEqual([]);
  });

  test('reads what it shows in one round trip, however much there is before and after', async () => {
    const id = await newFolder('busy');
    const database = await local.database();
    const rows = 2_000;
    await database
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
        INSERT INTO audit_events (id, at, actor_id, action, resource_kind, resource_id, folder_id, cloud_id, request_id)
        SELECT 'busy' || i, ?2 + i * 1000, 'a', 'disks.update', 'disk', ?3, ?3, ?4, 'r' FROM n`,
      )
      .bind(rows, Date.parse('2026-01-01T00:00:00Z'), id, cloudId)
      .run();
    const times = { from: '2026-01-01T00:15:00Z', to: '2026-01-01T00:15:10Z' };
    for (const query of [{ folderId: id }, { resourceId: id }]) {
      const search = new URLSearchParams({ ...query, ...times });
      const { answer, requestId } = await recorded<Page>('GET', `${EVENTS}?${search}`);
      expect(answer.body.events).toHaveLength(10);
      const { d1RoundTrips, rowsRead } = await logged(requestId);
      expect(d1RoundTrips).toBe(1);
      expect(rowsRead).toBeLessThan(300);
    }
  });

  test.each<[Readonly<Record<string, string>>, string]>([
    [{}, 'folder_id'],
    [{ folderId, resourceId: folderId }, 'folder_id'],
    [{ folderId, from: 'yesterday' }, 'from'],
    [{ folderId, from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'from'],
    [{ folderId, to: '2026-13-01T00:00:00Z' }, 'to'],
    [{ folderId, filter: 'resource = "x"' }, 'filter'],
    [{ folderId, pageSize: '1001' }, 'page_size'],
    [{ folderId, pageToken: 'no-token' }, 'page_token'],
  ])('is refused for %j', async (query, field) => {
    const { status, fields } = await refusedList(query);
    expect([status, fields]).toEqual([400, [field]]);
  });

  test('takes no page token of another list', async () => {
    const { id, diskId } = await started;
    const { nextPageToken } = await pageOf({ folderId: id, pageSize: '1' });
    const { fields } = await refusedList({ resourceId: diskId, pageToken: nextPageToken! });
    expect(fields).toEqual(['page_token']);
  });
});

describe('who may see events', () => {
  test.each([
    ['auditor', 200],
    ['viewer', 200],
    ['editor', 200],
    ['compute.viewer', 403],
    ['compute.images.user', 403],
  ])('the role %s on the folder answers %i', async (roleId, status) => {
    const guest = await guestWith(roleId, `${FOLDERS}/${folderId}`);
    const { status: answered } = await guest.api.send('GET', `${EVENTS}?folderId=${folderId}`);
    expect(answered).toBe(status);
  });

  test('nobody is told whether a folder or a resource is there', async () => {
    const id = await newDisk();
    const known = await refusedList({ resourceId: id }, stranger.api);
    const unknown = await refusedList({ resourceId: 'fhm00000000000000000' }, stranger.api);
    expect([known.status, known.message]).toEqual([404, `Resource "${id}" not found`]);
    expect([unknown.status, unknown.message]).toEqual([404, 'Resource "fhm00000000000000000" not found']);
    const folder = await refusedList({ folderId }, stranger.api);
    const noFolder = await refusedList({ folderId: 'b1g00000000000000000' }, stranger.api);
    expect([folder.status, noFolder.status]).toEqual([403, 403]);
    expect(noFolder.message).toBe(folder.message.replaceAll(folderId, 'b1g00000000000000000'));
  });

  test('what happened in a folder is seen by those who may see that folder, also when the resource moved on', async () => {
    const id = await newDisk({ name: 'moving' });
    await api.call('POST', `${DISKS}/${id}:move`, { destinationFolderId: otherFolderId });
    const there = await guestWith('auditor', `${FOLDERS}/${otherFolderId}`);
    const actions = async (by: Client) =>
      (await eventsOf({ resourceId: id }, by)).map(({ action }) => action);
    expect(await actions(there.api)).toEqual(['disks.move']);
    expect(await actions(api)).toEqual(['disks.move', 'disks.create']);
  });

  test('what is gone keeps its events for those who may see its cloud, or its organization', async () => {
    const id = await newFolder('gone');
    await api.call('DELETE', `${FOLDERS}/${id}`);
    expect((await eventsOf({ folderId: id })).map(({ action }) => action)).toEqual([
      'folders.delete',
      'folders.create',
    ]);
    const { status } = await refusedList({ folderId: id }, stranger.api);
    expect(status).toBe(403);
    const operator = new Client(local.url, own.key);
    const cloud = await operator.call<Operation>('POST', CLOUDS, { organizationId: 'local', name: 'gone' });
    const goneCloud = cloud.metadata.cloudId as string;
    await operator.call('DELETE', `${CLOUDS}/${goneCloud}`);
    expect(await eventsOf({ resourceId: goneCloud }, operator)).toHaveLength(2);
    const account = await api.call<Operation>('POST', ACCOUNTS, { folderId, name: 'leaver' });
    const leaver = account.metadata.serviceAccountId as string;
    await api.call('DELETE', `${ACCOUNTS}/${leaver}`);
    expect(await eventsOf({ resourceId: leaver })).toHaveLength(2);
  });
});

test('events that are older than their term are forgotten', async () => {
  const id = await newDisk();
  const database = await local.database();
  const yearAgo = Date.now() - 366 * 86_400_000;
  await database.prepare('UPDATE audit_events SET at = ? WHERE resource_id = ?').bind(yearAgo, id).run();
  await new Client(local.url, own.key).call('POST', '/maintenance/v1/runs', { duty: 'forget-audit' });
  expect((await refusedList({ resourceId: id })).status).toBe(404);
  expect((await eventsOf({ folderId })).length).toBeGreaterThan(0);
});
