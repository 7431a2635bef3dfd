/** What disks and snapshots have in common with images: names, labels, updates, versions, repetition, lists, access. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { binding, EVERYBODY, grant } from '../api-tenant.ts';
import type { Fields, Operation, OperationList } from '../client.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, type Tenant } from '../tenant.ts';
import { CHUNK, type Disk, newDisk, newSnapshot, type Snapshot, ZONE } from '../volumes.ts';

const { local } = await startOwn();
const owner = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local, { limits: AMPLE });
const { api } = owner;

/** One of either kind. */
type Volume = Disk | Snapshot;
type Page = Readonly<Record<string, unknown>> & { readonly nextPageToken?: string };

const source = await newDisk(api, { folderId: owner.folderId });
const KINDS = [
  {
    kind: 'disk',
    title: 'Disk',
    path: '/compute/v1/disks',
    body: { zoneId: ZONE, size: CHUNK } as Fields,
    make: (fields: Fields): Promise<Volume> => newDisk(api, fields),
    filters: { typeId: 'network-hdd', zoneId: ZONE } as Readonly<Record<string, string>>,
    unknownField: 'family',
  },
  {
    kind: 'snapshot',
    title: 'Snapshot',
    path: '/compute/v1/snapshots',
    body: { diskId: source.id } as Fields,
    make: (fields: Fields): Promise<Volume> => newSnapshot(api, { diskId: source.id, ...fields }),
    filters: { sourceDiskId: source.id },
    unknownField: 'typeId',
  },
];

describe.each(KINDS)('a $kind', ({ kind, title, path, body, make, filters, unknownField }) => {
  /** The lists are of folders that hold nothing else. */
  const folder = newTenant(local, { limits: AMPLE });
  const { folderId } = owner;
  const one = (fields: Fields = {}) => make({ folderId, ...fields });
  const get = (id: string) => api.get<Volume>(`${path}/${id}`);
  const patch = (id: string, change: Fields) => api.call<Operation>('PATCH', `${path}/${id}`, change);
  const refusedPatch = (id: string, change: Fields) => api.refused('PATCH', `${path}/${id}`, change);
  const refused = (fields: Fields) => api.refused('POST', path, { folderId, ...body, ...fields });
  const list = (query: Fields, caller = api) =>
    caller.get<Page>(`${path}?${new URLSearchParams(query as Record<string, string>)}`);
  const rowsOf = (page: Page) => (page[`${kind}s`] ?? []) as Volume[];
  const manyLabels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

  test.each(['a', `a_b-${kind}`, 'a'.repeat(63)])('can be called "%s"', async (name) => {
    expect(await one({ name })).toMatchObject({ name });
  });

  test.each(['A', '1a', 'a-', 'a b', 'a'.repeat(64)])('cannot be called "%s"', async (name) => {
    expect(await refused({ name })).toMatchObject({ status: 400, code: 3, fields: ['name'] });
  });

  test.each<[Fields, string]>([
    [{ description: 'd'.repeat(257) }, 'description'],
    [{ labels: manyLabels(65) }, 'labels'],
    [{ labels: { '1a': 'v' } }, 'labels[1a]'],
    [{ labels: { a: 'V' } }, 'labels[a]'],
    [{ labels: { a: 'v'.repeat(64) } }, 'labels[a]'],
    [{ hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V3' } } }, 'hardware_generation'],
  ])('cannot have %j', async (fields, field) => {
    const wrong = await refused(fields);
    expect(wrong).toMatchObject({ status: 400, code: 3 });
    expect(wrong.fields[0]).toContain(field);
  });

  test('can have all that the rules allow', async () => {
    const fields = { description: 'd'.repeat(256), labels: { ...manyLabels(63), 'a.b/c@d\\e-f_1': '' } };
    expect(await one(fields)).toMatchObject(fields);
  });

  test('has its name alone among its kind in its folder', async () => {
    const name = `only-${kind}`;
    const first = await one({ name });
    const taken = await refused({ name });
    expect(taken).toMatchObject({ status: 409, code: 6 });
    expect(taken.message).toBe(`${title} with name "${name}" already exists`);
    await make({ folderId: owner.otherFolderId, name });
    // Of another kind it is another name.
    if (kind === 'disk') await newSnapshot(api, { folderId, diskId: source.id, name });
    const other = await one({ name: '' });
    expect(await refusedPatch(other.id, { updateMask: 'name', name })).toMatchObject({ status: 409 });
    await patch(first.id, { updateMask: 'name', name });
    await api.call('DELETE', `${path}/${first.id}`);
    expect(await one({ name })).toMatchObject({ name });
  });

  test('has its name alone whatever is asked for at once', async () => {
    const fields = { folderId, ...body, name: `at-once-${kind}` };
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.send('POST', path, fields)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
  });

  const FULL = { description: 'd', labels: { k: 'v' } };
  test('changes in the fields of the mask, in all without one', async () => {
    const made = await one({ name: `masked-${kind}`, ...FULL });
    await patch(made.id, { updateMask: 'description', labels: { x: 'y' } });
    const described = await get(made.id);
    expect(described).toEqual({ ...made, description: undefined, etag: `${made.id}-2` });
    await patch(made.id, { name: `bare-${kind}` });
    const bare = await get(made.id);
    expect(bare).toEqual({ ...described, name: `bare-${kind}`, labels: undefined, etag: `${made.id}-3` });
    const operation = await patch(made.id, { updateMask: 'labels', labels: { x: 'y' } });
    expect(operation).toMatchObject({
      done: true,
      description: `Update ${kind}`,
      metadata: {
        '@type': `type.googleapis.com/yandex.cloud.compute.v1.Update${title}Metadata`,
        [`${kind}Id`]: made.id,
      },
      response: { id: made.id, labels: { x: 'y' } },
    });
  });

  test.each(['id', 'status', 'folderId', 'hardwareGeneration', 'nosuch', '*'])(
    'does not change under the mask "%s"',
    async (updateMask) => {
      const made = await one(FULL);
      const wrong = await refusedPatch(made.id, { updateMask, name: 'x' });
      expect(wrong).toMatchObject({ status: 400, code: 3, fields: ['update_mask'] });
      expect(await get(made.id)).toEqual(made);
    },
  );

  test('is changed and deleted in the version that is meant', async () => {
    const made = await one();
    const tag = (value: string) => ({ headers: { 'If-Match': value } });
    const answer = await api.send('GET', `${path}/${made.id}`);
    expect(answer.headers.get('ETag')).toBe(`"${made.etag}"`);
    const known = await api.send('GET', `${path}/${made.id}`, undefined, {
      headers: { 'If-None-Match': `"${made.etag}"` },
    });
    expect(known.status).toBe(304);
    const change = { updateMask: 'description', description: 'new' };
    await api.call('PATCH', `${path}/${made.id}`, change, tag(`"${made.etag}"`));
    for (const method of ['PATCH', 'DELETE']) {
      const stale = await api.refused(method, `${path}/${made.id}`, change, tag(made.etag));
      expect(stale).toMatchObject({ status: 412, code: 9 });
    }
    await api.call('DELETE', `${path}/${made.id}`, undefined, tag(`${made.id}-2`));
    expect(await api.refused('GET', `${path}/${made.id}`)).toMatchObject({ status: 404, code: 5 });
    expect(await api.refused('DELETE', `${path}/${made.id}`)).toMatchObject({ status: 404, code: 5 });
  });

  test('is made, changed and deleted once under one key', async () => {
    const under = (key: string) => ({ headers: { 'Idempotency-Key': key } });
    const repeat = async (method: string, at: string, given: Fields | undefined) => {
      const key = randomUUID();
      const first = await api.call<Operation>(method, at, given, under(key));
      expect((await api.call<Operation>(method, at, given, under(key))).id).toBe(first.id);
      const together = await Promise.all(
        Array.from({ length: 4 }, () => api.call<Operation>(method, at, given, under(key))),
      );
      expect(new Set(together.map(({ id }) => id))).toEqual(new Set([first.id]));
      return { key, first };
    };
    const fields = { folderId, ...body, name: `once-${kind}` };
    const { key, first } = await repeat('POST', path, fields);
    const other = await api.refused('POST', path, { ...fields, name: 'other' }, under(key));
    expect(other).toMatchObject({ status: 409, code: 6 });
    const id = first.metadata[`${kind}Id`] as string;
    await repeat('PATCH', `${path}/${id}`, { updateMask: 'description', description: 'once' });
    expect((await get(id)).etag).toBe(`${id}-2`);
    await repeat('DELETE', `${path}/${id}`, undefined);
  });

  test('shows its operations, newest first, and is gone with them', async () => {
    const { id } = await one();
    await patch(id, { updateMask: 'description', description: 'd' });
    await grant(`${path}/${id}`, 'compute.viewer', EVERYBODY, api);
    const { operations } = await api.get<OperationList>(`${path}/${id}/operations`);
    expect(operations?.map(({ description }) => description)).toEqual([
      `Update ${kind} access bindings`,
      `Update ${kind}`,
      `Create ${kind}`,
    ]);
    await api.call('DELETE', `${path}/${id}`);
    expect(await api.refused('GET', `${path}/${id}/operations`)).toMatchObject({ status: 404 });
  });

  test('is let to others by bindings of its own, which go with it', async () => {
    const { id } = await one();
    const at = `${path}/${id}`;
    expect(await stranger.api.refused('GET', at)).toMatchObject({
      status: 404,
      message: `${title} "${id}" not found`,
    });
    await grant(at, 'compute.viewer', EVERYBODY, api);
    expect(await stranger.api.get(at)).toEqual(await get(id));
    expect(await stranger.api.refused('DELETE', at)).toMatchObject({ status: 403, code: 7 });
    expect(await stranger.api.refused('PATCH', at, { name: 'x' })).toMatchObject({ status: 403 });
    const all = { accessBindings: [binding('compute.viewer', EVERYBODY)] };
    expect(await stranger.api.get(`${at}:listAccessBindings`)).toEqual(all);
    expect(await stranger.api.refused('POST', `${at}:setAccessBindings`, all)).toMatchObject({
      status: 403,
    });
    // The right to see one is no right to see the folder.
    const inFolder = `${path}?folderId=${folderId}`;
    expect(await stranger.api.refused('GET', inFolder)).toMatchObject({ status: 403, code: 7 });
    await api.call('DELETE', at);
    const database = await local.database();
    const left = await database
      .prepare('SELECT count(*) AS count FROM access_bindings WHERE resource_id = ?')
      .bind(id)
      .first('count');
    expect(left).toBe(0);
  });

  describe('in a list', () => {
    const NAMES = ['n3', 'n1', 'n2', '', ''];
    const stock = folder.then(async (tenant: Tenant) => {
      const disk = await newDisk(tenant.api, { folderId: tenant.otherFolderId });
      const made: Volume[] = [];
      for (const [index, name] of NAMES.entries()) {
        const fields = { folderId: tenant.folderId, name, labels: { index: String(index) } };
        made.push(
          kind === 'disk'
            ? await newDisk(tenant.api, fields)
            : await newSnapshot(tenant.api, { diskId: disk.id, ...fields }),
        );
      }
      return { ...tenant, made, disk };
    });
    const ids = (rows: readonly Volume[]) => rows.map(({ id }) => id);
    const byId = (rows: readonly Volume[]) => ids(rows).sort();

    test.each<[string, (made: readonly Volume[]) => string[]]>([
      ['', byId],
      ['id desc', (made) => byId(made).reverse()],
      ['createdAt', ids],
      ['createdAt desc', (made) => ids(made).reverse()],
      ['name', (made) => [...byId(made.slice(3)), ...[1, 2, 0].map((at) => made[at]!.id)]],
      ['status', byId],
    ])('is ordered by "%s", on pages too', async (orderBy, expected) => {
      const { api: caller, folderId: at, made } = await stock;
      const query = { folderId: at, orderBy, pageSize: '2' };
      const walked: Volume[] = [];
      let token: string | undefined = '';
      while (token !== undefined) {
        const page: Page = await list({ ...query, pageToken: token }, caller);
        expect(page.nextPageToken?.length ?? 0).toBeLessThanOrEqual(100);
        walked.push(...rowsOf(page));
        token = page.nextPageToken;
      }
      expect(walked).toHaveLength(made.length);
      // Two that were made within one millisecond may come in either order.
      if (orderBy.startsWith('createdAt')) {
        const times = walked.map(({ createdAt }) => createdAt);
        const sorted = [...times].sort();
        expect(times).toEqual(orderBy.endsWith('desc') ? sorted.reverse() : sorted);
      } else expect(ids(walked)).toEqual(expected(made));
    });

    test.each<[string, readonly number[]]>([
      ['name = "n1"', [1]],
      ['name != "n1"', [0, 2, 3, 4]],
      ['name IN ("n1", "n2") AND labels.index = "2"', [2]],
      ['status = READY', [0, 1, 2, 3, 4]],
      ['status NOT IN (READY)', []],
      ['labels.index = "4"', [4]],
      ['labels.other = "4"', []],
      ['labels.index != "4"', [0, 1, 2, 3]],
    ])('passes the filter %s', async (filter, expected) => {
      const { api: caller, folderId: at, made } = await stock;
      const found = rowsOf(await list({ folderId: at, filter }, caller));
      expect(byId(found)).toEqual(byId(expected.map((index) => made[index]!)));
    });

    test('passes filters of its own, and no others', async () => {
      const { api: caller, folderId: at, made, disk } = await stock;
      for (const [field, value] of Object.entries(filters)) {
        const wanted = field === 'sourceDiskId' ? disk.id : value;
        const found = rowsOf(await list({ folderId: at, filter: `${field} = "${wanted}"` }, caller));
        expect(found).toHaveLength(made.length);
        expect(await list({ folderId: at, filter: `${field} = "x"` }, caller)).toEqual({});
      }
      for (const query of [`filter=${unknownField}%3Dx`, `orderBy=${unknownField}`, 'pageSize=1001']) {
        const wrong = await caller.refused('GET', `${path}?folderId=${at}&${query}`);
        expect(wrong).toMatchObject({ status: 400, code: 3 });
      }
      const { nextPageToken } = await list({ folderId: at, pageSize: '1' }, caller);
      const foreign = `${path}?folderId=${at}&orderBy=name&pageToken=${nextPageToken}`;
      expect(await caller.refused('GET', foreign)).toMatchObject({ status: 400, fields: ['page_token'] });
    });

    test('comes once although others come and go between pages', async () => {
      const tenant = await newTenant(local, { limits: AMPLE });
      const { api: caller, folderId: at } = tenant;
      const disk = await newDisk(caller, { folderId: tenant.otherFolderId });
      const add = (name: string) =>
        kind === 'disk'
          ? newDisk(caller, { folderId: at, name })
          : newSnapshot(caller, { folderId: at, diskId: disk.id, name });
      const made: Volume[] = [];
      for (const name of ['b', 'd', 'f', 'h']) made.push(await add(name));
      const query = { folderId: at, orderBy: 'name', pageSize: '2' };
      const first = await list(query, caller);
      // The last of the page goes, one comes before it and one behind it.
      await caller.call('DELETE', `${path}/${made[1]!.id}`);
      await add('a');
      await add('g');
      const second = await list({ ...query, pageSize: '10', pageToken: first.nextPageToken }, caller);
      const names = [first, second].flatMap((page) => rowsOf(page).map(({ name }) => name));
      expect(names).toEqual(['b', 'd', 'f', 'g', 'h']);
    });
  });
});
