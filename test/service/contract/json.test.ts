/** Transport, credentials and the JSON form of requests and answers. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Client, type Fields, IMAGES, imageIdOf, type Operation } from '../client.ts';
import { emptyDisk } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';

const { local } = await startOwn();
const { api, folderId, otherFolderId } = await newTenant(local, { limits: AMPLE });
const list = `${IMAGES}?folderId=${folderId}`;
const bytes = await emptyDisk();
const ofSize = (size: string | number = bytes.length): Fields => ({ folderId, upload: { size } });
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$/;
const MIN_DISK = '10737418240';

describe('credentials', () => {
  test('A1 a list without a credential is refused as UNAUTHENTICATED', async () => {
    const refused = await new Client(local.url, undefined).refused('GET', list);
    expect(refused).toMatchObject({ status: 401, code: 16 });
  });

  test('A2 a credential that cannot be read is refused, with the id of the request', async () => {
    const refused = await new Client(local.url, 'garbage', 'Bearer').refused('GET', list);
    expect(refused).toMatchObject({ status: 401, code: 16 });
    expect(refused.headers.get('X-Request-Id')).toMatch(/.{8,}/);
  });
});

describe('the form of requests and answers', () => {
  test('A3 every success is 200 with JSON, a creation too', async () => {
    const created = await api.send('POST', IMAGES, ofSize());
    expect(created.status).toBe(200);
    expect(created.headers.get('Content-Type')).toMatch(/^application\/json/);
  });

  test('A4 a folder without images is an empty object', async () => {
    expect((await api.send('GET', `${IMAGES}?folderId=${otherFolderId}`)).text).toBe('{}');
  });

  test.each(['no JSON', '{"folderId":', '[]', '"text"', '7', 'null'])(
    'A5 a body that is no JSON object is refused: %s',
    async (body) => {
      expect(await api.refused('POST', IMAGES, body)).toMatchObject({ status: 400, code: 3 });
    },
  );

  test.each(['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream'])(
    'A6 a JSON body is read as JSON under the type %s',
    async (type) => {
      const operation = await api.create(ofSize(), { headers: { 'Content-Type': type } });
      expect(await api.image(imageIdOf(operation))).toMatchObject({ status: 'CREATING' });
    },
  );

  test('A7 members that no message has are ignored at every level', async () => {
    const known = { folderId, os: { type: 'WINDOWS' }, upload: { size: bytes.length } };
    const stray = {
      ...known,
      'os.type': 'X',
      unknown: { deeply: [1] },
      os: { type: 'WINDOWS', arch: 'vax' },
      upload: { ...known.upload, colour: 'red' },
    };
    const shown = async (fields: Fields) => {
      const { id, createdAt, layerId, etag, ...rest } = await api.image(imageIdOf(await api.create(fields)));
      return rest;
    };
    expect(await shown(stray)).toEqual(await shown(known));
  });

  test('A8 fields in snake_case are read as those in camelCase', async () => {
    const operation = await api.create({
      folder_id: folderId,
      min_disk_size: Number(MIN_DISK),
      product_ids: ['p1'],
      upload: { size: bytes.length, file_name: 'a.qcow2' },
    });
    expect(await api.image(imageIdOf(operation))).toMatchObject({
      folderId,
      minDiskSize: MIN_DISK,
      productIds: ['p1'],
    });
  });

  test.each([Number(MIN_DISK), MIN_DISK, 1.073741824e10])(
    'A9 a 64-bit integer may come as a number or as its digits: %j',
    async (minDiskSize) => {
      const operation = await api.create({ ...ofSize(), minDiskSize });
      expect((await api.image(imageIdOf(operation))).minDiskSize).toBe(MIN_DISK);
    },
  );

  test.each([
    10737418240.5,
    'abc',
    '',
    ' 10737418240',
    '1e10',
    '0x10',
    true,
    {},
    [10737418240],
    '9'.repeat(40),
  ])('A10 what is no integer is refused as one: %j', async (minDiskSize) => {
    const refused = await api.refused('POST', IMAGES, { ...ofSize(), minDiskSize });
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['min_disk_size'] });
  });

  test('A11 a boolean may come as a text, and nothing else counts as one', async () => {
    const operation = await api.create({ ...ofSize(), pooled: 'false' });
    expect(await api.image(imageIdOf(operation))).not.toHaveProperty('pooled');
    for (const pooled of ['maybe', 'TRUE', 1, 0, '']) {
      const refused = await api.refused('POST', IMAGES, { ...ofSize(), pooled });
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['pooled'] });
    }
  });

  test.each(['BEOS', 'linux', '', 3, -1, 1.5])(
    'A12 an unknown value of an enumeration is refused: %j',
    async (type) => {
      const refused = await api.refused('POST', IMAGES, { ...ofSize(), os: { type } });
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['os.type'] });
    },
  );

  test('A13 an enumeration may come as its number', async () => {
    const operation = await api.create({ ...ofSize(), os: { type: 1 } });
    expect((await api.image(imageIdOf(operation))).os).toEqual({ type: 'LINUX' });
  });

  test('A14 null is the same as absent', async () => {
    const operation = await api.create({
      ...ofSize(),
      name: null,
      labels: null,
      os: null,
      imageId: null,
      minDiskSize: null,
      pooled: null,
      hardwareGeneration: { legacyFeatures: null, generation2Features: {} },
    });
    const image = await api.image(imageIdOf(operation));
    expect(Object.keys(image)).not.toContain('name');
    expect(image).toMatchObject({ hardwareGeneration: { generation2Features: {} } });
  });

  test('A15 sizes are texts, states are names, times are RFC 3339', async () => {
    const image = await api.ready(bytes, { folderId });
    expect(image).toMatchObject({
      size: String(bytes.length),
      storageSize: '4194304',
      minDiskSize: '67108864',
      status: 'READY',
      createdAt: expect.stringMatching(TIME),
    });
  });

  test('A16 what was not given is not shown', async () => {
    const image = await api.ready(bytes, { folderId });
    for (const member of ['name', 'description', 'labels', 'family', 'pooled', 'productIds', 'kmsKey']) {
      expect(image).not.toHaveProperty(member);
    }
    expect(JSON.stringify(image)).not.toContain('null');
  });

  test('A17 parameters in snake_case are read as those in camelCase', async () => {
    const page = (query: string) => api.get<{ images: unknown[] }>(`${IMAGES}?${query}`);
    const camel = await page(`folderId=${folderId}&pageSize=1`);
    expect(camel.images).toHaveLength(1);
    expect(await page(`folder_id=${folderId}&page_size=1`)).toEqual(camel);
    // Of a parameter that is given twice, the last one counts.
    expect(await page(`folderId=${folderId}&page_size=5&page_size=1`)).toEqual(camel);
  });

  test('A18 an unknown parameter is refused by its name', async () => {
    const refused = await api.refused('GET', `${list}&foo=1`);
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['foo'] });
  });

  test('A19 every operation shows whether it is done', async () => {
    const running = await api.create(ofSize());
    expect(running.done).toBe(false);
    const ended = await api.call<Operation>('DELETE', `${IMAGES}/${imageIdOf(running)}`);
    expect(ended.done).toBe(true);
  });

  test('A20 values of any type name their type', async () => {
    const ended = await api.finished(await api.push(bytes, { folderId }));
    for (const any of [ended.metadata, ended.response]) {
      expect(any?.['@type']).toMatch(/^type\.googleapis\.com\/yandex\.cloud\.compute\.v1\.\w+$/);
    }
  });
});

describe('a key under which a request may be repeated', () => {
  const under = (key: string) => ({ headers: { 'Idempotency-Key': key } });
  const named = (name: string): Fields => ({ ...ofSize(), name });

  test('A21 the same request under the same key is one operation and one image', async () => {
    const key = randomUUID();
    const first = await api.create(named('twice'), under(key));
    const second = await api.create(named('twice'), under(key.toUpperCase()));
    expect(second).toEqual(first);
    expect(await api.images(folderId, { filter: 'name = "twice"' })).toHaveLength(1);
  });

  test('A21 requests that come at once under one key are one operation as well', async () => {
    const key = randomUUID();
    const operations = await Promise.all(
      Array.from({ length: 8 }, () => api.create(named('at-once'), under(key))),
    );
    expect(new Set(operations.map(({ id }) => id)).size).toBe(1);
    expect(await api.images(folderId, { filter: 'name = "at-once"' })).toHaveLength(1);
  });

  test('the repetition answers with the operation as it is by then', async () => {
    const key = randomUUID();
    const first = await api.create(named('by-then'), under(key));
    await api.call('POST', `${IMAGES}/${imageIdOf(first)}:abortUpload`);
    const again = await api.create(named('by-then'), under(key));
    expect(again).toMatchObject({ id: first.id, done: true, error: { code: 1 } });
  });

  test('the order and the spelling of spaces in the body do not make another request', async () => {
    const key = randomUUID();
    const first = await api.create(named('order'), under(key));
    const text = `{ "upload": {"size": ${bytes.length}},\n "name": "order", "folderId": "${folderId}" }`;
    expect((await api.call<Operation>('POST', IMAGES, text, under(key))).id).toBe(first.id);
  });

  test('another request under the same key is refused and names the first operation', async () => {
    const key = randomUUID();
    const first = await api.create(named('first'), under(key));
    const others = [
      await api.refused('POST', IMAGES, named('other'), under(key)),
      await api.refused('DELETE', `${IMAGES}/${imageIdOf(first)}`, undefined, under(key)),
    ];
    for (const refused of others) {
      expect(refused).toMatchObject({ status: 409, code: 6 });
      expect(refused.message).toContain(first.id);
    }
    expect(await api.images(folderId, { filter: 'name IN ("first", "other")' })).toHaveLength(1);
  });

  test('a key belongs to its caller', async () => {
    const other = await newTenant(local, { limits: AMPLE });
    const key = randomUUID();
    const mine = await api.create(named('mine'), under(key));
    const theirs = await other.api.create({ ...named('mine'), folderId: other.folderId }, under(key));
    expect(theirs.id).not.toBe(mine.id);
  });

  test('a refused request does not use up its key', async () => {
    const key = randomUUID();
    await api.refused('POST', IMAGES, { ...named('late'), family: 'A' }, under(key));
    const created = await api.create(named('late'), under(key));
    expect(created.done).toBe(false);
  });

  test.each(['', 'abc', '123e4567e89b12d3a456426614174000', `${randomUUID()}x`])(
    'a key that is no UUID is refused: "%s"',
    async (key) => {
      const refused = await api.refused('POST', IMAGES, ofSize(), under(key));
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['idempotency_key'] });
    },
  );

  test('A22 under two keys the same body is two operations and two images', async () => {
    const [one, two] = [
      await api.create(ofSize(), under(randomUUID())),
      await api.create(ofSize(), under(randomUUID())),
    ];
    expect(two.id).not.toBe(one.id);
    expect(imageIdOf(two)).not.toBe(imageIdOf(one));
  });

  test('updates and deletions can be repeated under a key too', async () => {
    const { id } = await api.ready(bytes, { folderId, name: 'repeated' });
    const [change, removal] = [randomUUID(), randomUUID()];
    const update = () =>
      api.call<Operation>('PATCH', `${IMAGES}/${id}`, { updateMask: 'name', name: 'again' }, under(change));
    expect(await update()).toEqual(await update());
    const remove = () => api.call<Operation>('DELETE', `${IMAGES}/${id}`, undefined, under(removal));
    expect(await remove()).toEqual(await remove());
  });
});

test('A23 errors of every kind have code, message and the status that belongs to the code', async () => {
  const { id } = await api.ready(bytes, { folderId, name: 'taken' });
  const stranger = await newTenant(local);
  const creating = imageIdOf(await api.create(ofSize()));
  const refusals = await Promise.all([
    api.refused('POST', IMAGES, {}),
    new Client(local.url, undefined).refused('GET', list),
    stranger.api.refused('GET', list),
    stranger.api.refused('GET', `${IMAGES}/${id}`),
    api.refused('POST', IMAGES, { ...ofSize(), name: 'taken' }),
    api.refused('POST', IMAGES, { ...ofSize(), pooled: true }),
    api.refused('PATCH', `${IMAGES}/${creating}`, { updateMask: 'name', name: 'x' }),
  ]);
  expect(refusals.map(({ code, status }) => [code, status])).toEqual([
    [3, 400],
    [16, 401],
    [7, 403],
    [5, 404],
    [6, 409],
    [8, 429],
    [9, 400],
  ]);
});
