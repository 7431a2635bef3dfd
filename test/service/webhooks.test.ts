/** Webhooks: who is told what, how it is signed, and what happens when nobody takes it. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { EVENT_TYPES } from '../../core/webhooks.ts';
import type {
  delivery,
  deliveryList,
  webhook,
  webhookList,
  webhookWithSecret,
} from '../../schema/wire/compute/webhook.ts';
import { type Fields, IMAGES, imageIdOf } from './client.ts';
import { emptyDisk, sample } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { type Received, signaturesBy, startReceiver } from './setup/receiver.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, type Tenant } from './tenant.ts';

type Webhook = z.infer<typeof webhook>;
type WebhookList = z.infer<typeof webhookList>;
type WithSecret = z.infer<typeof webhookWithSecret>;
type Delivery = z.infer<typeof delivery>;
type DeliveryList = z.infer<typeof deliveryList>;

const WEBHOOKS = '/compute/v1/webhooks';
const SCHEDULED_NEVER = 3_600;

const receiver = await startReceiver();
const own = await startOwn({
  env: { BULLION_TRUSTED_ORIGINS: receiver.origin, BULLION_FOLDER_DELETION_SECONDS: '0' },
  sweepSeconds: SCHEDULED_NEVER,
});
const database = () => own.local.database();
const bytes = await emptyDisk();

let count = 0;
/** A path of the receiver that nothing came to yet. */
const newPath = () => `/told/${++count}`;

interface Listening extends Tenant {
  readonly path: string;
  readonly webhook: Webhook;
  readonly secret: string;
}

const tenantWithRoom = () => newTenant(own.local, { limits: AMPLE });

async function newWebhook({ api, folderId }: Tenant, fields: Fields = {}) {
  const path = newPath();
  const body = { folderId, name: 'told', url: receiver.origin + path, ...fields };
  return { path, ...(await api.call<WithSecret>('POST', WEBHOOKS, body)) };
}

/** A tenant of its own with a webhook. */
async function listening(fields: Fields = {}): Promise<Listening> {
  const tenant = await tenantWithRoom();
  return { ...tenant, ...(await newWebhook(tenant, fields)) };
}

const deliveriesOf = async ({ api, webhook }: Pick<Listening, 'api' | 'webhook'>): Promise<Delivery[]> =>
  (await api.get<DeliveryList>(`${WEBHOOKS}/${webhook.id}/deliveries`)).deliveries ?? [];

/** The newest delivery of a webhook, once it is as it should be. */
const newest = (listener: Listening, what: string, isSo: (one: Delivery) => boolean) =>
  eventually(what, async () => {
    const [one] = await deliveriesOf(listener);
    return one !== undefined && isSo(one) && one;
  });

const tested = ({ api, webhook }: Listening) => api.call<Delivery>('POST', `${WEBHOOKS}/${webhook.id}:test`);

/** Makes what waits for its time due now, and has the clock find it. */
async function comeDue(): Promise<void> {
  const db = await database();
  await db.prepare(`UPDATE jobs SET run_after = 0 WHERE kind = 'deliver-webhook'`).run();
  await own.local.runScheduled();
}

const ready = ({ api, folderId }: Tenant, fields: Fields = {}) => api.ready(bytes, { folderId, ...fields });
const copyOf = async ({ api, folderId }: Tenant, imageId: string, fields: Fields = {}) =>
  imageIdOf(await api.create({ folderId, imageId, ...fields }));

describe('an event', () => {
  test('of an image that is READY is signed, and shows it as the API does', async () => {
    const listener = await listening({ events: ['image.ready'] });
    const { api, path, secret, folderId } = listener;
    const operation = await api.finished(await api.push(bytes, { folderId, name: 'told', family: 'told' }));
    const [told] = await receiver.told(path, 1);
    const [request] = receiver.received(path) as [Received];
    const { inspection: _, digest: __, etag: ___, ...image } = await api.image(imageIdOf(operation));
    expect(told).toMatchObject({
      type: 'image.ready',
      folderId,
      operationId: operation.id,
      data: { image },
    });
    expect(told!.data.image).not.toHaveProperty('inspection');
    expect(told!.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(request.method).toBe('POST');
    expect(request.headers['content-type']).toBe('application/json');
    expect(request.headers['user-agent']).toMatch(/^Bullion\/\d+\.\d+\.\d+/);
    expect(Math.abs(Number(request.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
    expect(signaturesBy(secret, request)).toBe(1);
    expect(signaturesBy(`${secret.slice(0, -4)}AAA=`, request)).toBe(0);
    const done = await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    expect(done).toMatchObject({ type: 'image.ready', attempts: 1, lastStatus: 204 });
    expect(done.eventId).toBe(request.headers['webhook-id']);
    expect(done).not.toHaveProperty('lastError');
  });

  test('of a refusal tells why', async () => {
    const listener = await listening({ events: ['image.refused'] });
    const { api, folderId, path } = listener;
    const pushed = await api.push(await sample('html.qcow2'), { folderId, name: 'refused', family: 'told' });
    const { error } = await api.finished(pushed);
    const [told] = await receiver.told(path, 1);
    expect(told).toMatchObject({ type: 'image.refused', operationId: pushed.id });
    expect(told!.data).toEqual({
      imageId: imageIdOf(pushed),
      name: 'refused',
      family: 'told',
      folderId,
      error: { code: 3, message: error!.message, findings: expect.arrayContaining([expect.any(String)]) },
    });
  });

  test('of an upload that is called off is a refusal too', async () => {
    const { api, folderId, path } = await listening({ events: ['image.refused'] });
    const operation = await api.create({ folderId, upload: { size: 1 } });
    await api.call('POST', `${IMAGES}/${imageIdOf(operation)}:abortUpload`);
    const [told] = await receiver.told(path, 1);
    expect(told!.data).toMatchObject({ error: { code: 1, message: 'The upload was aborted' } });
  });

  test('comes for each change of an image and of its family, and for nothing else', async () => {
    const listener = await listening();
    const { api, folderId, path } = listener;
    const family = 'told';
    const first = await ready(listener, { family });
    const second = await copyOf(listener, first.id, { family });
    const third = await copyOf(listener, first.id, { family, candidate: true });
    await api.call('PATCH', `${IMAGES}/${first.id}`, { updateMask: 'name', name: 'silent' });
    await api.call('POST', `${IMAGES}/${third}:promote`, { note: 'tested' });
    await api.call('POST', `${IMAGES}/${third}:deprecate`, {
      state: 'DEPRECATED',
      replacementImageId: second,
    });
    await api.call('DELETE', `${IMAGES}/${second}`);
    await api.call('POST', `${IMAGES}/${second}:undelete`);
    await api.call('POST', `/compute/v1/imageFamilies/${folderId}/${family}:rollback`);
    await api.call('DELETE', `${IMAGES}/${third}?purge=true`);
    const told = await receiver.told(path, 15);
    await own.local.runScheduled();
    expect(receiver.received(path)).toHaveLength(15);

    // The other one is told of images that never came to be.
    const types = EVENT_TYPES.filter((type) => type !== 'image.refused');
    expect([...new Set(told.map(({ type }) => type))].sort()).toEqual([...types].sort());
    const of = (type: string) => told.filter((one) => one.type === type).map(({ data }) => data);
    const imagesOf = (type: string) => of(type).map(({ image }) => (image as { id: string }).id);
    expect(imagesOf('image.ready').sort()).toEqual([first.id, second, third].sort());
    expect(imagesOf('image.promoted').sort()).toEqual([first.id, third].sort());
    expect(imagesOf('image.deprecated')).toEqual([third]);
    expect(of('image.deprecated')[0]).toMatchObject({
      image: { deprecation: { state: 'DEPRECATED', replacementImageId: second } },
    });
    const latest = of('family.latest-changed');
    for (const data of latest) expect(data).toMatchObject({ folderId, family });
    const moves = latest.map(({ previousImageId, imageId }) => `${previousImageId} ${imageId}`);
    expect(moves.sort()).toEqual(
      [
        `undefined ${first.id}`,
        `${first.id} ${second}`,
        `${second} ${third}`,
        `${third} ${second}`,
        `${second} ${first.id}`,
        `${first.id} ${second}`,
        `${second} ${first.id}`,
      ].sort(),
    );
    const deleted = of('image.deleted');
    expect(deleted).toHaveLength(2);
    expect(deleted).toContainEqual({ imageId: third, family, folderId, reason: 'REQUEST' });
    expect(deleted).toContainEqual({
      imageId: second,
      family,
      folderId,
      reason: 'REQUEST',
      purgeAt: expect.any(String),
    });
    const promoted = of('image.promoted').find(({ image }) => (image as { id: string }).id === first.id);
    const { promotedAt } = await api.image(first.id);
    expect(promoted).toMatchObject({ image: { promotedAt } });
    const ids = receiver.received(path).map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(15);
  });

  test('says that a family has no latest any more', async () => {
    const listener = await listening({ events: ['family.latest-changed'] });
    const { id } = await ready(listener, { family: 'told' });
    await listener.api.call('DELETE', `${IMAGES}/${id}`);
    const told = await receiver.told(listener.path, 2);
    expect(told.map(({ data }) => data)).toContainEqual({
      folderId: listener.folderId,
      family: 'told',
      previousImageId: id,
    });
  });

  test('of a policy comes for each of the images that it deletes', async () => {
    const listener = await listening({ events: ['image.deleted'] });
    const { api, folderId, path } = listener;
    const first = await ready(listener, { family: 'told' });
    const others = [];
    for (let more = 0; more < 3; more += 1) others.push(await copyOf(listener, first.id, { family: 'told' }));
    await api.call('POST', `/compute/v1/imageFamilies/${folderId}/told:setRetention`, {
      keepLast: 1,
      action: 'DELETE',
      minAge: '0s',
    });
    await own.local.runScheduled();
    const told = await receiver.told(path, 3);
    expect(told.map(({ data }) => [data.imageId, data.reason]).sort()).toEqual(
      [first.id, ...others.slice(0, 2)].map((id) => [id, 'POLICY']).sort(),
    );
  });

  test('of a date comes when it has come', async () => {
    const listener = await listening({ events: ['image.deprecated', 'family.latest-changed'] });
    const { id } = await ready(listener, { family: 'told' });
    const db = await database();
    const past = Date.now() - 1_000;
    await db.prepare('UPDATE images SET deprecate_at = ? WHERE id = ?').bind(past, id).run();
    await own.local.runScheduled();
    const told = await receiver.told(listener.path, 3);
    expect(told.map(({ type }) => type).sort()).toEqual([
      'family.latest-changed',
      'family.latest-changed',
      'image.deprecated',
    ]);
  });

  test('of a latest that nobody told is found by the clock, once', async () => {
    const listener = await listening({ events: ['family.latest-changed'] });
    const { id } = await ready(listener, { family: 'told' });
    await receiver.told(listener.path, 1);
    const db = await database();
    await db
      .prepare(`UPDATE families SET announced_image_id = 'another' WHERE folder_id = ?`)
      .bind(listener.folderId)
      .run();
    const anHourLater = async () => {
      await db
        .prepare("UPDATE duty_states SET updated_at = updated_at - 3600000 WHERE duty = 'announce-latest'")
        .run();
      await own.local.runScheduled();
    };
    await anHourLater();
    const [, told] = await receiver.told(listener.path, 2);
    expect(told!.data).toMatchObject({ imageId: id, previousImageId: 'another' });
    await anHourLater();
    expect(await deliveriesOf(listener)).toHaveLength(2);
  });

  test('is none where a family was so before the first webhook', async () => {
    const tenant = await tenantWithRoom();
    const first = await ready(tenant, { family: 'told' });
    await copyOf(tenant, first.id, { family: 'told' });
    const { path, webhook } = await newWebhook(tenant, {
      events: ['family.latest-changed', 'image.deleted'],
    });
    await tenant.api.call('DELETE', `${IMAGES}/${first.id}`);
    await receiver.told(path, 1);
    expect((await deliveriesOf({ ...tenant, webhook })).map(({ type }) => type)).toEqual(['image.deleted']);
  });
});

describe('a webhook', () => {
  test('is told the types that it wants, unless it is disabled, and nothing of other folders', async () => {
    const tenant = await tenantWithRoom();
    const all = await newWebhook(tenant);
    const some = await newWebhook(tenant, { events: ['image.ready'] });
    const none = await newWebhook(tenant, { enabled: false });
    const elsewhere = await newWebhook({ ...tenant, folderId: tenant.otherFolderId });
    await ready(tenant, { family: 'told' });
    const told = await receiver.told(all.path, 2);
    expect(told.map(({ type }) => type).sort()).toEqual(['family.latest-changed', 'image.ready']);
    expect((await receiver.told(some.path, 1)).map(({ type }) => type)).toEqual(['image.ready']);
    const counts = [all, some, none, elsewhere].map(
      async ({ webhook }) => (await deliveriesOf({ ...tenant, webhook })).length,
    );
    expect(await Promise.all(counts)).toEqual([2, 1, 0, 0]);
    const [one] = receiver.received(some.path) as [Received];
    const same = receiver.received(all.path).find(({ body }) => body === one.body)!;
    expect(same.headers['webhook-id']).toBe(one.headers['webhook-id']);
    expect([signaturesBy(all.secret, same), signaturesBy(some.secret, same)]).toEqual([1, 0]);
  });

  test('shows its secret when it is made and when that is rotated, and never else', async () => {
    const listener = await listening();
    const { api, folderId, webhook, secret } = listener;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const rotated = await api.call<WithSecret>('POST', `${WEBHOOKS}/${webhook.id}:rotateSecret`);
    expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(rotated.secret).not.toBe(secret);
    await tested(listener);
    await receiver.told(listener.path, 1);
    await api.call('PATCH', `${WEBHOOKS}/${webhook.id}`, { updateMask: 'name', name: 'other' });
    const answers = await Promise.all(
      [
        `${WEBHOOKS}?folderId=${folderId}`,
        `${WEBHOOKS}/${webhook.id}`,
        `${WEBHOOKS}/${webhook.id}/deliveries`,
        `${WEBHOOKS}/${webhook.id}/operations`,
        `/compute/v1/operations?folderId=${folderId}`,
        `/audit/v1/events?resourceId=${webhook.id}`,
      ].map((path) => api.send('GET', path)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const db = await database();
    const { results } = await db.prepare('SELECT * FROM audit_events').all();
    const everything = [...answers.map(({ text }) => text), JSON.stringify(results), ...own.logLines].join(
      '\n',
    );
    for (const hidden of [secret, rotated.secret, 'whsec_', receiver.origin + listener.path]) {
      const shown = hidden.startsWith('http') ? own.logLines.join('\n') : everything;
      expect(shown).not.toContain(hidden);
    }
    expect(everything).toContain('webhooks.rotateSecret');
  });

  test('signs with the secret before its rotation too, until that ends', async () => {
    const listener = await listening();
    const { api, webhook, path, secret } = listener;
    const rotated = await api.call<WithSecret>('POST', `${WEBHOOKS}/${webhook.id}:rotateSecret`);
    await tested(listener);
    await receiver.told(path, 1);
    const [both] = receiver.received(path) as [Received];
    expect([signaturesBy(secret, both), signaturesBy(rotated.secret, both)]).toEqual([1, 1]);
    const db = await database();
    const row = await db
      .prepare('SELECT previous_secret_until AS until FROM webhooks WHERE id = ?')
      .bind(webhook.id)
      .first<{ until: number }>();
    expect(Math.abs(row!.until - Date.now() - 86_400_000)).toBeLessThan(60_000);
    await db
      .prepare('UPDATE webhooks SET previous_secret_until = ? WHERE id = ?')
      .bind(Date.now(), webhook.id)
      .run();
    await tested(listener);
    await receiver.told(path, 2);
    const [, one] = receiver.received(path) as [Received, Received];
    expect([signaturesBy(secret, one), signaturesBy(rotated.secret, one)]).toEqual([0, 1]);
  });

  test('is changed by a mask, with its version, and listed in its folder', async () => {
    const { api, folderId, webhook } = await listening({ description: 'first' });
    const path = `${WEBHOOKS}/${webhook.id}`;
    expect(await api.get<Webhook>(path)).toEqual(webhook);
    expect(webhook).toMatchObject({ folderId, name: 'told', description: 'first', enabled: true });
    const stale = { headers: { 'If-Match': webhook.etag } };
    const url = 'https://hooks.example/told?key=1';
    await api.call('PATCH', path, { updateMask: 'url,events', url, events: ['image.deleted'] }, stale);
    const changed = await api.get<Webhook>(path);
    expect(changed).toEqual({ ...webhook, url, events: ['image.deleted'], etag: changed.etag });
    expect((await api.refused('PATCH', path, { enabled: false }, stale)).status).toBe(412);
    await api.call('PATCH', path, { enabled: false });
    const { description: _, ...bare } = webhook;
    const { etag, enabled, ...rest } = await api.get<Webhook>(path);
    expect([enabled, etag]).toEqual([undefined, `${webhook.id}-3`]);
    expect({ ...rest, enabled: true, etag: webhook.etag }).toEqual({ ...bare, url });
    const list = await api.get<WebhookList>(`${WEBHOOKS}?folderId=${folderId}`);
    expect(list.webhooks).toEqual([await api.get<Webhook>(path)]);
    expect((await api.refused('DELETE', path, undefined, stale)).status).toBe(412);
    await api.call('DELETE', path);
    expect((await api.refused('GET', path)).message).toBe(`Webhook "${webhook.id}" not found`);
  });

  test.each([
    ['url', { url: 'http://hooks.example/' }],
    ['url', { url: 'ftp://hooks.example/' }],
    ['url', { url: 'https://user@hooks.example/' }],
    ['url', { url: 'http://127.0.0.1:1/' }],
    ['url', { url: own.local.s3Url }],
    ['url', { url: undefined }],
    ['name', { name: '' }],
    ['events[0]', { events: ['image.unknown'] }],
    ['events[1]', { events: ['image.ready', 'image.ready'] }],
    ['events', { events: 'image.ready' }],
    ['enabled', { enabled: 'perhaps' }],
  ])('is refused for its %s: %j', async (field, fields) => {
    const { api, folderId } = await tenantWithRoom();
    const body = { folderId, name: 'told', url: 'https://hooks.example/', ...fields };
    expect((await api.refused('POST', WEBHOOKS, body)).fields).toEqual([field]);
    expect(await api.get(`${WEBHOOKS}?folderId=${folderId}`)).toEqual({});
  });

  test('is one of ten in its folder, however many are made at once', async () => {
    const tenant = await tenantWithRoom();
    const made = await Promise.allSettled(Array.from({ length: 13 }, () => newWebhook(tenant)));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const body = { folderId: tenant.folderId, name: 'told', url: 'https://hooks.example/' };
    expect(await tenant.api.refused('POST', WEBHOOKS, body)).toMatchObject({ status: 429, code: 8 });
    await ready(tenant);
    for (const one of made) if (one.status === 'fulfilled') await receiver.told(one.value.path, 1);
  });

  test('whose creation is repeated with its key is one, and its secret is not shown again', async () => {
    const { api, folderId } = await tenantWithRoom();
    const body = { folderId, name: 'told', url: 'https://hooks.example/' };
    const extras = { headers: { 'Idempotency-Key': '3f1c1f0e-6f0c-4a53-9d3e-0d6b5d9a6f12' } };
    const { webhook } = await api.call<WithSecret>('POST', WEBHOOKS, body, extras);
    const refused = await api.refused('POST', WEBHOOKS, body, extras);
    expect([refused.status, refused.message.includes(webhook.id)]).toEqual([409, true]);
    expect((await api.get<WebhookList>(`${WEBHOOKS}?folderId=${folderId}`)).webhooks).toHaveLength(1);
  });

  test('is seen by a viewer, who can neither make nor change one', async () => {
    const viewer = await newTenant(own.local, { role: 'viewer' });
    const body = { folderId: viewer.folderId, name: 'told', url: 'https://hooks.example/' };
    expect((await viewer.api.refused('POST', WEBHOOKS, body)).status).toBe(403);
    expect(await viewer.api.get(`${WEBHOOKS}?folderId=${viewer.folderId}`)).toEqual({});
  });

  test.each(['alone', 'with its folder'])(
    'that is deleted %s takes its deliveries and their jobs along',
    async (how) => {
      const tenant = await tenantWithRoom();
      const listener = { ...tenant, ...(await newWebhook({ ...tenant, folderId: tenant.otherFolderId })) };
      const { api, webhook, path, otherFolderId } = listener;
      receiver.answer(path, (response) => response.writeHead(500).end());
      const { id } = await tested(listener);
      await newest(listener, 'a failure', ({ attempts }) => attempts > 0);
      const db = await database();
      const rows = async () => {
        const tables = ['webhooks WHERE id = ?1', 'webhook_deliveries WHERE id = ?2', 'jobs WHERE id = ?2'];
        const counts = tables.map((table) => `(SELECT count(*) FROM ${table})`).join(` || ' ' || `);
        return await db.prepare(`SELECT ${counts} AS rows`).bind(webhook.id, id).first('rows');
      };
      expect(await rows()).toBe('1 1 1');
      const deleted =
        how === 'alone' ? `${WEBHOOKS}/${webhook.id}` : `/resource-manager/v1/folders/${otherFolderId}`;
      await api.call('DELETE', deleted);
      expect(await rows()).toBe('0 0 0');
    },
  );
});

describe('a delivery', () => {
  test('that fails is made again later, with the same id and a new signature', async () => {
    const listener = await listening();
    const { path, secret } = listener;
    let failing = true;
    receiver.answer(path, (response) => response.writeHead(failing ? 500 : 200).end());
    await tested(listener);
    const failed = await newest(listener, 'a failure', ({ attempts }) => attempts === 1);
    expect(failed).toMatchObject({
      status: 'PENDING',
      lastStatus: 500,
      lastError: 'the receiver answered 500',
    });
    failing = false;
    await comeDue();
    const done = await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    expect(done).toMatchObject({ id: failed.id, attempts: 2, lastStatus: 200 });
    const [first, second] = receiver.received(path) as [Received, Received];
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.body).toBe(first.body);
    expect(signaturesBy(secret, second)).toBe(1);
    await comeDue();
    expect(receiver.received(path)).toHaveLength(2);
  });

  test('waits for minutes after its second failure, and has failed after its tenth', async () => {
    const listener = await listening();
    receiver.answer(listener.path, (response) => response.writeHead(503).end());
    const { id } = await tested(listener);
    await newest(listener, 'a failure', ({ attempts }) => attempts === 1);
    await comeDue();
    await newest(listener, 'another failure', ({ attempts }) => attempts === 2);
    const db = await database();
    const job = () =>
      db.prepare('SELECT run_after AS at, state FROM jobs WHERE id = ?').bind(id).first<{ at: number }>();
    const waiting = await eventually('the pause', async () => {
      const found = await job();
      return found !== null && found.at > Date.now() && found;
    });
    expect((waiting.at - Date.now()) / 1000).toBeGreaterThan(270);
    expect((waiting.at - Date.now()) / 1000).toBeLessThan(331);
    await db.prepare('UPDATE webhook_deliveries SET attempts = 9 WHERE id = ?').bind(id).run();
    await comeDue();
    const failed = await newest(listener, 'the end', ({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ attempts: 10, lastStatus: 503 });
    await eventually('the end of the job', async () => (await job()) === null);

    receiver.answer(listener.path, (response) => response.writeHead(200).end());
    const again = `${WEBHOOKS}/${listener.webhook.id}/deliveries/${id}:redeliver`;
    expect(await listener.api.call<Delivery>('POST', again)).toMatchObject({
      status: 'PENDING',
      attempts: 0,
    });
    await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    const unknown = `${WEBHOOKS}/${listener.webhook.id}/deliveries/fd800000000000000000:redeliver`;
    expect((await listener.api.refused('POST', unknown)).status).toBe(404);
  });

  test('that is answered with 410 disables its webhook', async () => {
    const listener = await listening();
    const { api, webhook, path } = listener;
    receiver.answer(path, (response) => response.writeHead(410).end());
    await tested(listener);
    const failed = await newest(listener, 'the end', ({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ attempts: 1, lastStatus: 410 });
    expect((await api.get<Webhook>(`${WEBHOOKS}/${webhook.id}`)).enabled).toBeUndefined();
    for (const verb of [':test', `/deliveries/${failed.id}:redeliver`]) {
      expect(await api.refused('POST', `${WEBHOOKS}/${webhook.id}${verb}`)).toMatchObject({ code: 9 });
    }
    await ready(listener);
    expect(await deliveriesOf(listener)).toHaveLength(1);
    const { events } = await api.get<{ events: { actorId: string; after?: Fields }[] }>(
      `/audit/v1/events?resourceId=${webhook.id}`,
    );
    expect(events).toContainEqual(expect.objectContaining({ after: { enabled: false } }));
  });

  test('that waits when its webhook is disabled has failed, and can be made once that is enabled', async () => {
    const listener = await listening();
    const { api, webhook, path } = listener;
    receiver.answer(path, (response) => response.writeHead(500).end());
    const { id } = await tested(listener);
    await newest(listener, 'a failure', ({ attempts }) => attempts === 1);
    await api.call('PATCH', `${WEBHOOKS}/${webhook.id}`, { updateMask: 'enabled', enabled: false });
    await comeDue();
    const failed = await newest(listener, 'the end', ({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ attempts: 1, lastStatus: 500 });
    expect(failed.lastError).toContain('the webhook is disabled');
    expect(receiver.received(path)).toHaveLength(1);
    receiver.answer(path, (response) => response.writeHead(200).end());
    await api.call('PATCH', `${WEBHOOKS}/${webhook.id}`, { updateMask: 'enabled', enabled: true });
    await api.call('POST', `${WEBHOOKS}/${webhook.id}/deliveries/${id}:redeliver`);
    await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    const [first, second] = receiver.received(path) as [Received, Received];
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  });

  test('follows no redirect, also not to inside', async () => {
    const listener = await listening();
    const inner = newPath();
    receiver.answer(listener.path, (response) =>
      response.writeHead(307, { Location: receiver.origin + inner }).end(),
    );
    await tested(listener);
    const failed = await newest(listener, 'a failure', ({ attempts }) => attempts === 1);
    expect(failed).toMatchObject({ lastStatus: 307 });
    expect(failed.lastError).toContain('redirects are not followed');
    expect(receiver.received(inner)).toEqual([]);
  });

  test.each(['localhost', '127.0.0.1', '[::1]', '169.254.169.254', '10.0.0.1'])(
    'connects to nothing at %s, which is not trusted',
    async (host) => {
      const listener = await listening({ url: `https://${host}:${receiver.port}/inside` });
      const before = receiver.connections();
      await tested(listener);
      const failed = await newest(listener, 'a failure', ({ attempts }) => attempts === 1);
      expect(failed).not.toHaveProperty('lastStatus');
      expect(failed.lastError).toContain('could not be reached');
      expect(failed.lastError).not.toContain('/inside');
      expect(receiver.connections()).toBe(before);
    },
  );

  test('takes no answer that has no end', async () => {
    const listener = await listening();
    let sent = 0;
    receiver.answer(listener.path, (response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) sent += 16_384;
      };
      response.on('drain', more);
      more();
    });
    await tested(listener);
    await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    expect(sent).toBeLessThan(64 * 2 ** 20);
  });

  test('that is not answered ends, and holds up nobody else meanwhile', async () => {
    const listener = await listening();
    receiver.answer(listener.path, () => undefined);
    for (let more = 0; more < 3; more += 1) await tested(listener);
    await eventually('the requests', () => receiver.received(listener.path).length === 3);
    const { path, ...tenant } = await listening({ events: ['image.ready'] });
    await ready(tenant);
    await receiver.told(path, 1);
    expect((await deliveriesOf(listener)).map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    const slow = await newest(listener, 'the end of the attempt', ({ attempts }) => attempts === 1);
    expect(slow).toMatchObject({ status: 'PENDING', lastError: `${receiver.origin} did not answer in time` });
    await listener.api.call('DELETE', `${WEBHOOKS}/${listener.webhook.id}`);
  }, 40_000);

  test('is made once, however often the queue and the clock come with it', async () => {
    const listener = await listening({ events: ['image.ready'] });
    const { id } = await ready(listener);
    await copyOf(listener, id);
    await Promise.all([own.local.runScheduled(), comeDue(), own.local.runScheduled()]);
    await receiver.told(listener.path, 2);
    await comeDue();
    expect(receiver.received(listener.path)).toHaveLength(2);
    expect((await deliveriesOf(listener)).map(({ attempts, status }) => `${status} ${attempts}`)).toEqual([
      'DELIVERED 1',
      'DELIVERED 1',
    ]);
  });

  test('is none for a change that was undone', async () => {
    const listener = await listening({ events: ['image.ready', 'family.latest-changed'] });
    const { api, folderId } = listener;
    const { id } = await ready(listener);
    const attempts = Array.from({ length: 8 }, () =>
      api.send('POST', IMAGES, { folderId, imageId: id, name: 'one-of-eight', family: 'told' }),
    );
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    await receiver.told(listener.path, 3);
    expect((await deliveriesOf(listener)).map(({ type }) => type).sort()).toEqual([
      'family.latest-changed',
      'image.ready',
      'image.ready',
    ]);
  });

  test('is listed newest first, a page at a time', async () => {
    const listener = await listening();
    const made: string[] = [];
    for (let more = 0; more < 5; more += 1) made.unshift((await tested(listener)).id);
    const seen: string[] = [];
    let token = '';
    do {
      const page = await listener.api.get<DeliveryList>(
        `${WEBHOOKS}/${listener.webhook.id}/deliveries?pageSize=2&pageToken=${token}`,
      );
      seen.push(...(page.deliveries ?? []).map(({ id }) => id));
      token = page.nextPageToken ?? '';
    } while (token !== '');
    expect([...seen].sort()).toEqual([...made].sort());
    const times = new Map((await deliveriesOf(listener)).map(({ id, createdAt }) => [id, createdAt]));
    const order = seen.map((id) => times.get(id)!);
    expect(order).toEqual([...order].sort().reverse());
  });

  test('is forgotten after 30 days, unless it is still to be made', async () => {
    const listener = await listening();
    await tested(listener);
    await newest(listener, 'the delivery', ({ status }) => status === 'DELIVERED');
    receiver.answer(listener.path, (response) => response.writeHead(500).end());
    const { id } = await tested(listener);
    await eventually('a failure', async () =>
      (await deliveriesOf(listener)).find((one) => one.id === id && one.attempts > 0),
    );
    const db = await database();
    const old = Date.now() - 31 * 86_400_000;
    await db
      .prepare('UPDATE webhook_deliveries SET created_at = ? WHERE webhook_id = ?')
      .bind(old, listener.webhook.id)
      .run();
    await own.local.runScheduled();
    expect((await deliveriesOf(listener)).map((one) => one.id)).toEqual([id]);
  });

  test('that was under way when the registry ended is made again, as the same', async () => {
    const listener = await listening();
    receiver.answer(listener.path, () => undefined);
    const { id } = await tested(listener);
    await eventually('the request', () => receiver.received(listener.path).length === 1);
    receiver.answer(listener.path, (response) => response.writeHead(200).end());
    await own.restart();
    const after = { ...listener, api: listener.api };
    const done = await newest(after, 'the delivery', ({ status }) => status === 'DELIVERED');
    expect(done).toMatchObject({ id, attempts: 1 });
    const [first, second] = receiver.received(listener.path) as [Received, Received];
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  });
});
