/** Deleted images: what is shown of them, how they come back, how they go for good. */
import { describe, expect, test } from 'vitest';
import {
  Client,
  detailOf,
  type Fields,
  IMAGES,
  type Image,
  type ImageList,
  type Operation,
  TYPE,
} from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse, setLimit } from './tenant.ts';

const WEEK_MS = 7 * 86_400_000;
const SIZE = 'compute.images.size';
const COUNT = 'compute.images.count';
const POOLS = 'compute.diskPools.count';

const own = await startOwn({ env: { BULLION_LAYER_GRACE_SECONDS: '0' }, sweepSeconds: 3_600 });
const { local } = own;
const database = await local.database();
const bytes = await emptyDisk();
const limits = { ...AMPLE, [POOLS]: 100 };
const tenant = await newTenant(local, { limits });
const { api, folderId } = tenant;
const editor = await newTenant(local, { role: 'editor', limits });

let count = 0;
const newName = () => `thrown-${++count}`;
const path = (id: string, query = '') => `${IMAGES}/${id}${query}`;
const remove = (id: string, query = '', client = api) => client.call<Operation>('DELETE', path(id, query));
const undelete = (id: string, body: Fields = {}, client = api) =>
  client.call<Operation>('POST', path(id, ':undelete'), body);
const shown = (id: string, client = api) => client.get<Image>(path(id, '?showDeleted=true'));
const made = (fields: Fields = {}, client = api, folder = folderId) =>
  client.ready(bytes, { folderId: folder, ...fields });
const useOf = async ({ cloudId } = tenant) => {
  const use = await quotaUse(local, cloudId);
  return [use[COUNT], use[SIZE], use[POOLS]];
};
const sql = async <Row>(statement: string, ...values: (string | number)[]) =>
  (
    await database
      .prepare(statement)
      .bind(...values)
      .all<Row>()
  ).results;
const layersOf = (id: string) => sql<{ id: string }>('SELECT id FROM layers WHERE id = ?', id);

/** As if the image had lain in the trash for all of its time. */
async function purgeByClock(id: string): Promise<void> {
  await sql('UPDATE deleted_images SET purge_at = 1 WHERE id = ?', id);
  await eventually(`the purge of image ${id}`, async () => {
    await local.runScheduled();
    return (await shown(id)).purgedAt;
  });
}

describe('a deleted image', () => {
  test('is gone, shown on demand, and keeps its bytes counted', async () => {
    const before = await useOf();
    const image = await made({ name: newName(), family: 'gone', pooled: true });
    const operation = await remove(image.id);
    expect(operation.metadata).toMatchObject({ imageId: image.id, purgeAt: expect.any(String) });
    await api.refused('GET', path(image.id));
    await api.refused('GET', path(image.id, ':download'));
    await api.refused('PATCH', path(image.id), { description: 'd' });
    await api.refused('POST', IMAGES, { folderId, imageId: image.id });
    expect((await api.images(folderId)).map(({ id }) => id)).not.toContain(image.id);
    await api.refused('GET', `${IMAGES}:latestByFamily?folderId=${folderId}&family=gone`);
    const deleted = await shown(image.id);
    expect(deleted).toEqual({
      ...image,
      etag: expect.stringMatching(new RegExp(`^${image.id}-\\d+-d$`)),
      status: 'DELETING',
      deletedAt: expect.any(String),
      deletedBy: tenant.accountId,
      reason: 'REQUEST',
      purgeAt: operation.metadata.purgeAt,
    });
    expect(Date.parse(deleted.purgeAt!) - Date.parse(deleted.deletedAt!)).toBe(WEEK_MS);
    const [uses, bytesUsed, pools] = before as [number, number, number];
    expect(await useOf()).toEqual([uses, bytesUsed + bytes.length, pools]);
    expect((await api.refused('DELETE', path(image.id))).status).toBe(404);
  });

  test('comes back whole, once', async () => {
    const name = newName();
    const binding = { roleId: 'viewer', subject: { id: 'allUsers', type: 'system' } };
    const image = await made({ name, family: 'whole', labels: { k: 'v' }, pooled: true });
    await api.call('POST', path(image.id, ':setAccessBindings'), { accessBindings: [binding] });
    const before = await useOf();
    await remove(image.id);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => api.send<Operation>('POST', path(image.id, ':undelete'), {})),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
    const done = answers.find(({ status }) => status === 200)!.body;
    expect(done.metadata).toEqual({
      '@type': `${TYPE}bullion.v1.UndeleteImageMetadata`,
      imageId: image.id,
    });
    const back = await api.image(image.id);
    expect(back).toEqual({ ...image, etag: expect.any(String) });
    expect(back.etag).not.toBe(image.etag);
    expect(await useOf()).toEqual(before);
    const { accessBindings } = await api.get<Fields>(path(image.id, ':listAccessBindings'));
    expect(accessBindings).toEqual([binding]);
    const latest = await api.get<Image>(`${IMAGES}:latestByFamily?folderId=${folderId}&family=whole`);
    expect(latest.id).toBe(image.id);
    expect((await api.send('GET', path(image.id, ':download'))).headers.get('Location')).toContain('http');
  });

  test('finds its name taken, and comes back under another one', async () => {
    const name = newName();
    const image = await made({ name });
    await remove(image.id);
    const other = await made({ name });
    const refused = await api.refused('POST', path(image.id, ':undelete'), {});
    expect(refused).toMatchObject({ status: 409, code: 6, message: expect.stringContaining(other.id) });
    await api.refused('POST', path(image.id, ':undelete'), { name: 'Not-A-Name' });
    const again = newName();
    expect((await undelete(image.id, { name: again })).response).toMatchObject({ name: again });
  });

  test.each([COUNT, POOLS] as const)('does not come back over the quota %s', async (quotaId) => {
    const image = await made({ pooled: true }, editor.api, editor.folderId);
    await remove(image.id, '', editor.api);
    await setLimit(local, editor.cloudId, quotaId, 0);
    const refused = await editor.api.refused('POST', path(image.id, ':undelete'), {});
    expect(refused).toMatchObject({ status: 429, code: 8 });
    await setLimit(local, editor.cloudId, quotaId, 100);
    await undelete(image.id, {}, editor.api);
    await remove(image.id, '?purge=true', editor.api);
  });

  test.each([
    ['stands', async () => (await made()).id, 400, 9],
    ['was purged', async () => purged(), 400, 9],
    ['is none', async () => 'fd800000000000000000', 404, 5],
  ])('that %s cannot be brought back', async (_, idOf, status, code) => {
    const refused = await api.refused('POST', path(await idOf(), ':undelete'), {});
    expect(refused).toMatchObject({ status, code });
  });

  test('goes with its folder, and takes room in it until then', async () => {
    const { response } = await api.call<Operation>('POST', '/resource-manager/v1/folders', {
      cloudId: tenant.cloudId,
      name: newName(),
    });
    const folder = (response as unknown as { id: string }).id;
    const image = await made({}, api, folder);
    await remove(image.id);
    const operation = await api.call<Operation>('DELETE', `/resource-manager/v1/folders/${folder}`);
    expect(operation.done).toBe(false);
    const refused = await api.refused('POST', path(image.id, ':undelete'), {});
    expect(refused).toMatchObject({ status: 400, code: 9, message: expect.stringContaining(operation.id) });
    await sql('UPDATE folders SET delete_at = 1 WHERE id = ?', folder);
    await eventually('the end of the folder', async () => {
      await local.runScheduled();
      return (await api.get<Operation>(`/operations/${operation.id}`)).done;
    });
    expect(await shown(image.id)).toMatchObject({ status: 'DELETING', purgedAt: expect.any(String) });
  });
});

/** An image that was purged at once. */
async function purged(): Promise<string> {
  const { id } = await made();
  await remove(id, '?purge=true');
  return id;
}

test('an image in the trash keeps its access bindings to itself', async () => {
  const { id } = await made();
  await remove(id);
  await api.refused('GET', path(id, ':listAccessBindings'));
  const body = { accessBindings: [] };
  expect((await api.refused('POST', path(id, ':setAccessBindings'), body)).status).toBe(404);
});

test('a key under which an image was deleted does not stand for its purge', async () => {
  const { id } = await made();
  const extras = { headers: { 'Idempotency-Key': 'b2c7f6a0-5b0e-4b53-9d0b-2f8f7c1f4a11' } };
  const first = await api.call<Operation>('DELETE', path(id), undefined, extras);
  expect(await api.call('DELETE', path(id), undefined, extras)).toEqual(first);
  const refused = await api.refused('DELETE', path(id, '?purge=true'), undefined, extras);
  expect(refused).toMatchObject({ status: 409, message: expect.stringContaining(first.id) });
});

describe('a purge', () => {
  test.each([
    ['at once', (id: string) => remove(id, '?purge=true')],
    [
      'from the trash',
      async (id: string) => {
        await remove(id);
        await remove(id, '?purge=true');
      },
    ],
    [
      'by the clock',
      async (id: string) => {
        await remove(id);
        await purgeByClock(id);
      },
    ],
  ])('%s leaves a tombstone', async (_, purge) => {
    const before = await useOf();
    const { layerId, ...image } = await made({ name: newName(), labels: { k: 'v' } });
    await purge(image.id);
    expect(await useOf()).toEqual(before);
    const tombstone = await shown(image.id);
    expect(tombstone).toMatchObject({ ...image, etag: expect.any(String), status: 'DELETING' });
    expect(tombstone).toMatchObject({ deletedBy: tenant.accountId, purgedAt: expect.any(String) });
    expect(tombstone).not.toHaveProperty('layerId');
    expect(tombstone).not.toHaveProperty('purgeAt');
    expect(await sql('SELECT 1 FROM uploads WHERE image_id = ?', image.id)).toEqual([]);
    await eventually('the end of the layer', async () => {
      await local.runScheduled();
      return (await layersOf(layerId!)).length === 0;
    });
    expect((await api.refused('DELETE', path(image.id, '?purge=true'))).status).toBe(404);
    // Not before the term is over.
    await local.runScheduled();
    expect((await shown(image.id)).digest).toBe(image.digest);
    await sql('UPDATE deleted_images SET purged_at = 1 WHERE id = ?', image.id);
    await local.runScheduled();
    expect((await api.refused('GET', path(image.id, '?showDeleted=true'))).status).toBe(404);
  });

  test('keeps bytes that another image names', async () => {
    const image = await made();
    const { response } = await api.create({ folderId, imageId: image.id });
    const copy = response as unknown as Image;
    await remove(image.id, '?purge=true');
    await local.runScheduled();
    expect(await layersOf(image.layerId!)).toHaveLength(1);
    await remove(copy.id);
    await local.runScheduled();
    expect(await layersOf(image.layerId!)).toHaveLength(1);
    await undelete(copy.id);
    expect((await api.image(copy.id)).layerId).toBe(image.layerId);
  });

  test('of a version', async () => {
    const { id, etag } = await made();
    await remove(id);
    const headers = { 'If-Match': etag };
    expect((await api.refused('DELETE', path(id, '?purge=true'), undefined, { headers })).status).toBe(412);
    headers['If-Match'] = (await shown(id)).etag;
    await api.call('DELETE', path(id, '?purge=true'), undefined, { headers });
  });
});

test('a quota that is full says how much of it lies in the trash', async () => {
  const {
    api: client,
    folderId: folder,
    cloudId,
  } = await newTenant(local, {
    limits: { ...AMPLE, [SIZE]: 2 * bytes.length },
  });
  const image = await made({}, client, folder);
  const other = await made({}, client, folder);
  const copy = (await client.create({ folderId: folder, imageId: other.id })).response as unknown as Image;
  await remove(image.id, '', client);
  await remove(copy.id, '', client);
  const refused = await client.refused('POST', IMAGES, { folderId: folder, upload: { size: 1 } });
  expect(refused).toMatchObject({ status: 429, message: expect.stringContaining(`${bytes.length} bytes`) });
  expect(refused.message).toContain('in the trash');
  expect(detailOf(refused, 'yandex.cloud.quota.QuotaFailure')).toBeDefined();
  await remove(image.id, '?purge=true', client);
  await client.create({ folderId: folder, upload: { size: 1 } });
  expect((await quotaUse(local, cloudId))[SIZE]).toBe(bytes.length + 1);
});

describe('a list that shows deleted ones', () => {
  const names = ['delta', 'alpha', 'echo', 'bravo', 'foxtrot', 'charlie', 'golf'];
  const trashed = ['alpha', 'charlie', 'golf', 'foxtrot'];
  const list = newTenant(local, { limits }).then(async (owner) => {
    const source = await made({ name: 'source' }, owner.api, owner.otherFolderId);
    const ids = new Map<string, string>();
    for (const [index, name] of names.entries()) {
      const { metadata } = await owner.api.create({
        folderId: owner.folderId,
        imageId: source.id,
        name,
        family: `family-${index % 2}`,
      });
      ids.set(name, metadata.imageId as string);
    }
    for (const name of trashed) await remove(ids.get(name)!, '', owner.api);
    await remove((await made({}, owner.api, owner.folderId)).id, '?purge=true', owner.api);
    return owner;
  });

  const pageThrough = async (query: Readonly<Record<string, string>>): Promise<Image[]> => {
    const { api: client, folderId: folder } = await list;
    const found: Image[] = [];
    for (let pageToken = '', pages = 0; pages < 20; pages += 1) {
      const page = await client.get<ImageList>(
        `${IMAGES}?${new URLSearchParams({ folderId: folder, showDeleted: 'true', pageToken, ...query })}`,
      );
      found.push(...(page.images ?? []));
      if (page.nextPageToken === undefined) return found;
      pageToken = page.nextPageToken;
    }
    throw new Error('the list has no end');
  };

  const ORDERS: readonly (readonly [string, keyof Image])[] = [
    ['id', 'id'],
    ['name', 'name'],
    ['family', 'family'],
    ['createdAt', 'createdAt'],
    ['status', 'status'],
  ];
  const cases = ORDERS.flatMap(([field, key]) =>
    ['asc', 'desc'].flatMap((direction) =>
      ['1', '2', '3', '100'].map((size) => [field, key, direction, size] as const),
    ),
  );
  test.each(cases)('by %s (%s) %s, in pages of %s', async (field, key, direction, pageSize) => {
    const found = await pageThrough({ orderBy: `${field} ${direction}`, pageSize });
    expect(found.map(({ name }) => name).sort()).toEqual([...names].sort());
    const sign = direction === 'asc' ? 1 : -1;
    const sorted = found.toSorted((a, b) => {
      const [x, y] = a[key] === b[key] ? [a.id, b.id] : [a[key] as string, b[key] as string];
      return x < y ? -sign : sign;
    });
    expect(found.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id));
    for (const image of found) {
      expect(image.status).toBe(trashed.includes(image.name!) ? 'DELETING' : 'READY');
      expect(image.digest).toMatch(/^sha256:/);
    }
  });

  test.each([
    ['status = DELETING', trashed],
    ['status != "DELETING"', names.filter((name) => !trashed.includes(name))],
    ['name IN ("alpha", "bravo")', ['alpha', 'bravo']],
    ['family = "family-1"', ['alpha', 'bravo', 'charlie']],
  ])('filtered by %s', async (filter, expected) => {
    const found = await pageThrough({ filter, pageSize: '2', view: 'FULL' });
    expect(found.map(({ name }) => name).sort()).toEqual([...expected].sort());
    for (const { inspection } of found) expect(inspection).toBeDefined();
  });

  test('has page tokens of its own', async () => {
    const { api: client, folderId: folder } = await list;
    const query = { folderId: folder, pageSize: '1' };
    const { nextPageToken } = await client.get<ImageList>(`${IMAGES}?${new URLSearchParams(query)}`);
    const mixed = new URLSearchParams({ ...query, showDeleted: 'true', pageToken: nextPageToken! });
    expect((await client.refused('GET', `${IMAGES}?${mixed}`)).fields).toEqual(['page_token']);
  });

  test.each(['showDeleted=yes', 'purge=1'])('takes only booleans: %s', async (query) => {
    const { folderId: folder } = await list;
    const method = query.startsWith('purge') ? 'DELETE' : 'GET';
    const target = method === 'GET' ? `${IMAGES}?folderId=${folder}&${query}` : path('x', `?${query}`);
    expect((await api.refused(method, target)).status).toBe(400);
  });
});

test('without a trash, a deletion is for good', async () => {
  const bare = await startOwn({ env: { BULLION_TRASH_SECONDS: '0' }, sweepSeconds: 3_600 });
  const owner = await newTenant(bare.local, { limits });
  const image = await made({}, owner.api, owner.folderId);
  await remove(image.id, '', owner.api);
  expect(await shown(image.id, owner.api)).toMatchObject({ purgedAt: expect.any(String) });
  expect((await quotaUse(bare.local, owner.cloudId))[SIZE]).toBe(0);
  expect((await owner.api.refused('POST', path(image.id, ':undelete'), {})).code).toBe(9);
});

describe('who may', () => {
  const someone = async (role: string, resource: string, id: string) => {
    const other = await newTenant(local);
    await sql(
      `INSERT INTO access_bindings (resource_kind, resource_id, subject_type, subject_id, role_id)
        VALUES (?, ?, 'serviceAccount', ?, ?)`,
      resource,
      id,
      other.accountId,
      role,
    );
    return new Client(local.url, other.key);
  };

  test.each([
    ['compute.viewer', 'folder', 403, 403],
    ['compute.images.user', 'folder', 403, 403],
    ['compute.editor', 'image', 403, 200],
    ['compute.editor', 'folder', 200, 200],
  ] as const)('%s on the %s: undelete %i, purge %i', async (role, kind, undeleted, purge) => {
    const image = await made();
    await remove(image.id);
    const client = await someone(role, kind, kind === 'image' ? image.id : folderId);
    expect((await client.send('GET', path(image.id, '?showDeleted=true'))).status).toBe(200);
    expect((await client.send('POST', path(image.id, ':undelete'), {})).status).toBe(undeleted);
    expect((await client.send('DELETE', path(image.id, '?purge=true'))).status).toBe(purge);
  });
});
