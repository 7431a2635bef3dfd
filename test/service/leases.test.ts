/** Leases and delete protection: what keeps an image from being deleted, and who may pass over it. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { lease, leaseList } from '../../schema/wire/compute/lease.ts';
import { Client, type Fields, IMAGES, type Image, type Operation } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';

type Lease = z.infer<typeof lease>;
type LeaseList = z.infer<typeof leaseList>;

const FOLDERS = '/resource-manager/v1/folders';
const HOUR_MS = 3_600_000;

const own = await startOwn({ sweepSeconds: 3_600 });
const { local } = own;
const database = await local.database();
const bytes = await emptyDisk();
const tenant = await newTenant(local, { limits: AMPLE });
const { api, folderId } = tenant;

const path = (id: string, rest = '') => `${IMAGES}/${id}${rest}`;
const made = (fields: Fields = {}) => api.ready(bytes, { folderId, ...fields });
const take = (id: string, holder: string, ttl = '3600s', client = api) =>
  client.call<Lease>('POST', path(id, ':lease'), { holder, ttl });
const release = (id: string, holder: string) =>
  api.call<Lease>('POST', path(id, ':releaseLease'), { holder });
const leasesOf = async (id: string, query = '') =>
  (await api.get<LeaseList>(path(id, `/leases${query}`))).leases ?? [];
const remove = (id: string, query = '') => api.call<Operation>('DELETE', path(id, query));
const protect = (id: string, deleteProtection: boolean) =>
  api.call<Operation>('PATCH', path(id), { updateMask: 'deleteProtection', deleteProtection });
const run = (statement: string, ...values: (string | number)[]) =>
  database
    .prepare(statement)
    .bind(...values)
    .run();
/** As if the time of a lease were over; the duty that forgets it has not run. */
const expire = (id: string) => run('UPDATE leases SET expires_at = 1 WHERE id = ?', id);

/** Another caller with a role on the folder. */
async function someone(role: string): Promise<Client> {
  const other = await newTenant(local);
  await run(
    `INSERT INTO access_bindings (resource_kind, resource_id, subject_type, subject_id, role_id)
      VALUES ('folder', ?, 'serviceAccount', ?, ?)`,
    folderId,
    other.accountId,
    role,
  );
  return new Client(local.url, other.key);
}

describe('a lease', () => {
  test('is taken, renewed and listed', async () => {
    const { id } = await made();
    const began = Date.now();
    const first = await take(id, 'fleet/web');
    expect(first).toEqual({
      id: expect.stringMatching(/^fd8/),
      imageId: id,
      holder: 'fleet/web',
      createdAt: expect.any(String),
      createdBy: tenant.accountId,
      renewedAt: first.createdAt,
      expiresAt: expect.any(String),
    });
    expect(Date.parse(first.expiresAt) - Date.parse(first.createdAt)).toBe(HOUR_MS);
    expect(Date.parse(first.createdAt)).toBeGreaterThanOrEqual(began - 1_000);
    const renewed = await take(id, 'fleet/web', '7200.5s');
    expect(renewed).toMatchObject({ id: first.id, createdAt: first.createdAt });
    expect(Date.parse(renewed.expiresAt) - Date.parse(renewed.renewedAt)).toBe(2 * HOUR_MS + 500);
    const second = await take(id, 'fleet/db');
    expect((await leasesOf(id)).map((one) => one.id).sort()).toEqual([first.id, second.id].sort());
    const page = await api.get<LeaseList>(path(id, '/leases?pageSize=1'));
    expect(page.leases).toHaveLength(1);
    expect(await leasesOf(id, `?pageSize=1&pageToken=${page.nextPageToken}`)).toHaveLength(1);
  });

  test('is counted where its image is shown, and changes its entity tag', async () => {
    const image = await made({ family: 'counted' });
    const { id: leaseId } = await take(image.id, 'one');
    await take(image.id, 'two');
    const leased = await api.image(image.id);
    expect(leased).toEqual({ ...image, leases: 2, etag: `${image.etag}-l2` });
    const listed = (await api.images(folderId)).find(({ id }) => id === image.id);
    expect(listed).toMatchObject({ leases: 2, etag: leased.etag });
    const latest = `${IMAGES}:latestByFamily?folderId=${folderId}&family=counted`;
    expect(await api.get<Image>(latest)).toEqual(leased);
    const headers = { 'If-None-Match': leased.etag };
    expect((await api.send('GET', path(image.id), undefined, { headers })).status).toBe(304);
    await expire(leaseId);
    expect(await api.image(image.id)).toMatchObject({ leases: 1, etag: `${image.etag}-l1` });
    // It is one version all the same.
    const update = { updateMask: 'description', description: 'd' };
    await api.call('PATCH', path(image.id), update, { headers: { 'If-Match': `"${leased.etag}"` } });
    const old = { headers: { 'If-Match': leased.etag } };
    expect((await api.refused('PATCH', path(image.id), update, old)).status).toBe(412);
  });

  test('is one for a holder, however often it is asked for at once', async () => {
    const { id } = await made();
    const answers = await Promise.all(Array.from({ length: 8 }, () => take(id, 'crowd')));
    expect(new Set(answers.map((one) => one.id)).size).toBe(1);
    expect(await leasesOf(id)).toHaveLength(1);
  });

  test('ends when it is released', async () => {
    const { id } = await made();
    const taken = await take(id, 'brief');
    const ended = await release(id, 'brief');
    expect(ended.id).toBe(taken.id);
    expect(Date.parse(ended.expiresAt)).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(await leasesOf(id)).toEqual([]);
    expect((await api.refused('POST', path(id, ':releaseLease'), { holder: 'brief' })).status).toBe(404);
    await remove(id);
  });

  test('holds nothing once it has expired, whether it is forgotten or not', async () => {
    const { id } = await made();
    const first = await take(id, 'late');
    await expire(first.id);
    expect(await leasesOf(id)).toEqual([]);
    expect((await api.refused('POST', path(id, ':releaseLease'), { holder: 'late' })).status).toBe(404);
    const second = await take(id, 'late');
    expect(second.id).not.toBe(first.id);
    await expire(second.id);
    await local.runScheduled();
    const { results } = await database.prepare('SELECT id FROM leases WHERE id = ?').bind(second.id).all();
    expect(results).toEqual([]);
    await remove(id);
  });

  test.each([
    ['no holder', { ttl: '60s' }, 'holder'],
    ['an empty holder', { holder: '', ttl: '60s' }, 'holder'],
    ['a holder of several words', { holder: 'a b', ttl: '60s' }, 'holder'],
    ['a long holder', { holder: 'h'.repeat(101), ttl: '60s' }, 'holder'],
    ['no time', { holder: 'h' }, 'ttl'],
    ['a number', { holder: 'h', ttl: 60 }, 'ttl'],
    ['minutes', { holder: 'h', ttl: '5m' }, 'ttl'],
    ['a negative time', { holder: 'h', ttl: '-60s' }, 'ttl'],
    ['less than a minute', { holder: 'h', ttl: '59.999s' }, 'ttl'],
    ['more than a year', { holder: 'h', ttl: '31536001s' }, 'ttl'],
  ])('is refused with %s', async (_, body, field) => {
    const { id } = await made();
    expect((await api.refused('POST', path(id, ':lease'), body)).fields).toEqual([field]);
    expect(await leasesOf(id)).toEqual([]);
  });

  test.each(['60s', '31536000s'])('may be of %s', async (ttl) => {
    const { id } = await made();
    expect((await take(id, 'h', ttl)).holder).toBe('h');
  });

  test('is of an image that can be used', async () => {
    const creating = (await api.create({ folderId, upload: { size: 1 } })).metadata.imageId as string;
    const body = { holder: 'h', ttl: '60s' };
    expect((await api.refused('POST', path(creating, ':lease'), body)).code).toBe(9);
    const { id } = await made();
    await remove(id);
    expect((await api.refused('POST', path(id, ':lease'), body)).status).toBe(404);
    expect((await api.refused('GET', path(id, '/leases'))).status).toBe(404);
  });

  test.each([
    ['compute.images.user', 403],
    ['compute.viewer', 403],
    ['compute.editor', 200],
  ])('may be taken by %s: %i, and seen', async (role, status) => {
    const { id } = await made();
    const client = await someone(role);
    const body = { holder: 'h', ttl: '60s' };
    expect((await client.send('POST', path(id, ':lease'), body)).status).toBe(status);
    if (status === 403) await take(id, 'h');
    expect((await client.get<LeaseList>(path(id, '/leases'))).leases).toHaveLength(1);
    expect((await client.send('POST', path(id, ':releaseLease'), { holder: 'h' })).status).toBe(status);
  });
});

describe('a leased image', () => {
  test('is not deleted or purged; the refusal names its holders', async () => {
    const { id } = await made();
    const holders = Array.from({ length: 21 }, (_, index) => `holder-${index}`);
    await take(id, holders[0]!);
    const one = await api.refused('DELETE', path(id));
    expect(one).toMatchObject({ status: 400, code: 9, message: expect.stringContaining('"holder-0"') });
    expect(one.message).not.toContain('others');
    for (const holder of holders.slice(1)) await take(id, holder);
    const many = await api.refused('DELETE', path(id, '?purge=true'));
    expect(many.message.match(/"holder-\d+"/g)).toHaveLength(20);
    expect(many.message).toContain('and others');
    expect((await api.image(id)).status).toBe('READY');
  });

  test('is deleted by force, and comes back with its leases', async () => {
    const { id } = await made();
    await take(id, 'kept');
    const editor = await someone('compute.editor');
    expect((await editor.refused('DELETE', path(id, '?force=true'))).status).toBe(403);
    await remove(id, '?force=true');
    expect((await api.get<Image>(path(id, '?showDeleted=true'))).leases).toBe(1);
    await api.call('POST', path(id, ':undelete'), {});
    expect((await leasesOf(id)).map(({ holder }) => holder)).toEqual(['kept']);
    await remove(id, '?force=true&purge=true');
    const { results } = await database.prepare('SELECT id FROM leases WHERE image_id = ?').bind(id).all();
    expect(results).toEqual([]);
  });

  test('stays or goes whole when both are asked for at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await made();
      const [deleted, leased] = await Promise.all([
        api.send('DELETE', path(id)),
        api.send('POST', path(id, ':lease'), { holder: 'h', ttl: '60s' }),
      ]);
      expect([
        [200, 404],
        [400, 200],
      ]).toContainEqual([deleted.status, leased.status]);
    }
  });
});

describe('delete protection', () => {
  test('is given at the creation, and taken off by an update', async () => {
    const { id, deleteProtection } = await made({ deleteProtection: true });
    expect(deleteProtection).toBe(true);
    for (const query of ['', '?purge=true', '?force=true', '?force=true&purge=true']) {
      const refused = await api.refused('DELETE', path(id, query));
      expect(refused).toMatchObject({ status: 400, code: 9, message: expect.stringContaining('protected') });
    }
    expect(await protect(id, false)).toMatchObject({ done: true });
    expect(await api.image(id)).not.toHaveProperty('deleteProtection');
    await remove(id);
  });

  test.each([
    ['a mask that names it', { updateMask: 'delete_protection', deleteProtection: true }, false, true],
    ['a mask that names it without a value', { updateMask: 'deleteProtection' }, true, false],
    ['a mask without it', { updateMask: 'name', deleteProtection: true }, false, false],
    ['no mask and no value', { description: 'd' }, true, true],
    ['no mask and a value', { deleteProtection: true }, false, true],
    ['no mask and false', { deleteProtection: false }, true, false],
  ])('with %s', async (_, body, before, after) => {
    const { id } = await made({ deleteProtection: before });
    await api.call('PATCH', path(id), body);
    expect((await api.image(id)).deleteProtection ?? false).toBe(after);
  });

  test('does not keep a creation from being taken back', async () => {
    const { metadata } = await api.create({ folderId, deleteProtection: true, upload: { size: 1 } });
    await remove(metadata.imageId as string);
    expect((await api.refused('GET', path(metadata.imageId as string))).status).toBe(404);
  });
});

describe('a folder with an image that may not be deleted', () => {
  let folders = 0;
  const newFolder = async () => {
    folders += 1;
    const body = { cloudId: tenant.cloudId, name: `held-${folders}` };
    const { response } = await api.call<Operation>('POST', FOLDERS, body);
    return (response as unknown as { id: string }).id;
  };
  const KEEPING: readonly (readonly [string, (id: string) => Promise<unknown>, string])[] = [
    ['protected', (id) => protect(id, true), 'protected'],
    ['leased', (id) => take(id, 'h'), 'leased'],
  ];

  test.each(KEEPING)('is not deleted while it is %s', async (_, keep, word) => {
    const folder = await newFolder();
    const { id } = await made({ folderId: folder });
    await keep(id);
    const refused = await api.refused('DELETE', `${FOLDERS}/${folder}`);
    expect(refused).toMatchObject({
      status: 400,
      code: 9,
      message: expect.stringContaining(`"${id}" (${word})`),
    });
    expect((await api.get<{ status: string }>(`${FOLDERS}/${folder}`)).status).toBe('ACTIVE');
  });

  test.each(KEEPING)('is kept when its day comes and it is %s since', async (_, keep, word) => {
    const folder = await newFolder();
    const { id } = await made({ folderId: folder });
    const { id: operationId } = await api.call<Operation>('DELETE', `${FOLDERS}/${folder}`);
    await keep(id);
    await run('UPDATE folders SET delete_at = 1 WHERE id = ?', folder);
    const ended = await eventually('the end of the deletion', async () => {
      await local.runScheduled();
      const operation = await api.get<Operation>(`/operations/${operationId}`);
      return operation.done && operation;
    });
    expect(ended.error).toMatchObject({ code: 9, message: expect.stringContaining(`"${id}" (${word})`) });
    expect((await api.get<{ status: string }>(`${FOLDERS}/${folder}`)).status).toBe('ACTIVE');
    expect((await api.image(id)).status).toBe('READY');
  });
});
