/** Reading images: one, the latest of a family, lists with their pages, filters and orders. */
import { describe, expect, test } from 'vitest';
import { Client, type Fields, IMAGES, type Image, type ImageList, imageIdOf } from '../client.ts';
import { emptyDisk } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';

const own = await startOwn();
const { local } = own;
const { api, folderId, otherFolderId } = await newTenant(local, { limits: AMPLE });
const bytes = await emptyDisk();
const ready = (fields: Fields) => api.ready(bytes, { folderId, ...fields });
const creating = async (fields: Fields) =>
  imageIdOf(await api.create({ folderId, upload: { size: 1 }, ...fields }));
const latestPath = (family: string, folder = folderId) =>
  `${IMAGES}:latestByFamily?folderId=${folder}&family=${family}`;
const latest = (family: string, folder = folderId) => api.get(latestPath(family, folder));
const ids = (images: readonly Image[]) => images.map(({ id }) => id);
const path = (query: Readonly<Record<string, string>>) => `${IMAGES}?${new URLSearchParams(query)}`;

describe('one image', () => {
  test('A76 an unknown id is not found', async () => {
    const unknown = await api.refused('GET', `${IMAGES}/unknownid`);
    expect(unknown).toMatchObject({ status: 404, code: 5, message: 'Image "unknownid" not found' });
  });

  test('A77 an id of 51 characters is refused', async () => {
    const long = await api.refused('GET', `${IMAGES}/${'a'.repeat(51)}`);
    expect(long).toMatchObject({ status: 400, code: 3, fields: ['image_id'] });
  });

  test.each(['%20', 'a%2Fb', "'%20OR%201=1", '%F0%9F%99%82', '..%2F..', '%00'])(
    'an id that no image has is not found, whatever it holds: %s',
    async (id) => {
      expect(await api.refused('GET', `${IMAGES}/${id}`)).toMatchObject({ status: 404, code: 5 });
    },
  );
});

describe('the latest of a family', () => {
  test('A78 is the READY image that was created last', async () => {
    await ready({ family: 'a78' });
    const later = await ready({ family: 'a78' });
    expect(await latest('a78')).toEqual(await api.image(later.id));
  });

  test('A79 is the one before when the latest is deleted', async () => {
    const earlier = await ready({ family: 'a79' });
    const later = await ready({ family: 'a79' });
    await api.call('DELETE', `${IMAGES}/${later.id}`);
    expect((await latest('a79')).id).toBe(earlier.id);
  });

  test('A80 is not one that is being created', async () => {
    const image = await ready({ family: 'a80' });
    await creating({ family: 'a80' });
    expect((await latest('a80')).id).toBe(image.id);
  });

  test('A81 is not found where there is none', async () => {
    expect(await api.refused('GET', latestPath('nosuch'))).toMatchObject({
      status: 404,
      code: 5,
      message: 'Image "nosuch" not found',
    });
    await creating({ family: 'unfinished' });
    const passedOver = await api.refused('GET', latestPath('unfinished'));
    expect(passedOver).toMatchObject({ status: 404, code: 5, message: 'Image "unfinished" not found' });
    expect(JSON.stringify(passedOver.details)).toContain('1 CREATING');
  });

  test('A82 is refused without a folder, and for what is no family', async () => {
    const noFolder = await api.refused('GET', `${IMAGES}:latestByFamily?family=abc`);
    expect(noFolder).toMatchObject({ status: 400, code: 3, fields: ['folder_id'] });
    const noFamily = await api.refused('GET', latestPath('A_'));
    expect(noFamily).toMatchObject({ status: 400, code: 3, fields: ['family'] });
  });

  test('A83 is of exactly this folder', async () => {
    const here = await ready({ family: 'a83' });
    const there = await ready({ family: 'a83', folderId: otherFolderId });
    expect([(await latest('a83')).id, (await latest('a83', otherFolderId)).id]).toEqual([here.id, there.id]);
  });

  test('of no family is not found, though many images have none', async () => {
    await ready({});
    for (const query of [`folderId=${folderId}`, `folderId=${folderId}&family=`]) {
      const none = await api.refused('GET', `${IMAGES}:latestByFamily?${query}`);
      expect(none).toMatchObject({ status: 404, code: 5 });
    }
  });
});

describe('a list', () => {
  test('A84 without a folder is refused', async () => {
    for (const query of ['', '?folderId=']) {
      const refused = await api.refused('GET', `${IMAGES}${query}`);
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['folder_id'] });
    }
  });

  test('A85 has up to 1000 images a page', async () => {
    const refused = await api.refused('GET', path({ folderId, pageSize: '1001' }));
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['page_size'] });
    await api.images(folderId, { pageSize: '1000' });
  });

  test.each(['-1', '1.5', 'ten', '', '0x10', '99999999999'])(
    'the page size "%s" is refused',
    async (pageSize) => {
      const refused = await api.refused('GET', path({ folderId, pageSize }));
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['page_size'] });
    },
  );

  test('A86 A87 has 100 images a page when no size, or 0, is asked for', async () => {
    const many = await newTenant(local, { limits: AMPLE });
    const made = await Promise.all(
      Array.from({ length: 101 }, (_, index) =>
        many.api.create({ folderId: many.folderId, name: `n${index}`, upload: { size: 1 } }),
      ),
    );
    const first = await many.api.get<ImageList>(path({ folderId: many.folderId }));
    expect(first.images).toHaveLength(100);
    expect(await many.api.get<ImageList>(path({ folderId: many.folderId, pageSize: '0' }))).toEqual(first);
    const pageToken = first.nextPageToken!;
    const second = await many.api.get<ImageList>(path({ folderId: many.folderId, pageToken }));
    expect(second.images).toHaveLength(1);
    expect(second).not.toHaveProperty('nextPageToken');
    expect(ids([...first.images!, ...second.images!])).toEqual(made.map(imageIdOf).sort());
  });

  describe('of seven images', async () => {
    const { folderId: F, ...tenant } = await newTenant(local, { limits: AMPLE });
    // Made one after another, so that the times of their creation differ.
    const made: Image[] = [];
    const stock: Fields[] = [
      { name: 'a1', family: 'web', labels: { env: 'prod', 'a.b': 'x y'.replace(' ', '-') } },
      { name: 'a2', family: 'web', labels: { env: 'test' } },
      { name: 'b1', family: 'sql', os: { type: 'WINDOWS' } },
      { name: 'b2', family: 'sql' },
      { name: 'z'.repeat(63), family: 'f'.repeat(63) },
      {},
      {},
    ];
    for (const fields of stock) made.push(await tenant.api.ready(bytes, { folderId: F, ...fields }));
    const [a1, a2, b1, b2, long, ...nameless] = made as [Image, Image, Image, Image, Image, ...Image[]];
    const namelessIds = ids(nameless);
    const filtered = async (filter: string) =>
      ids(await tenant.api.images(F, { filter, orderBy: 'createdAt' }));
    const walk = async (query: Readonly<Record<string, string>>) => {
      const found: Image[] = [];
      for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
        const page: ImageList = await tenant.api.get(
          path({ folderId: F, ...query, ...(pageToken !== '' && { pageToken }) }),
        );
        found.push(...(page.images ?? []));
        pageToken = page.nextPageToken;
        expect(pageToken?.length ?? 1).toBeLessThanOrEqual(100);
      }
      return ids(found);
    };

    test.each(['1', '2', '3', '7'])('A88 pages of %s show every image once', async (pageSize) => {
      expect(await walk({ pageSize })).toEqual(ids(made).sort());
    });

    test.each(['name', 'family desc', 'status', 'createdAt desc', 'id desc'])(
      'A88 pages in the order %s show every image once',
      async (orderBy) => {
        const whole = await walk({ orderBy });
        expect([...whole].sort()).toEqual(ids(made).sort());
        expect(await walk({ orderBy, pageSize: '1' })).toEqual(whole);
      },
    );

    test('A89 a page token that is damaged, too long or of another list is refused', async () => {
      const { nextPageToken } = await tenant.api.get<ImageList>(path({ folderId: F, pageSize: '1' }));
      const token = nextPageToken!;
      const queries: Readonly<Record<string, string>>[] = [
        { pageToken: 'garbage' },
        { pageToken: 't'.repeat(101) },
        { pageToken: `${token}x` },
        { pageToken: token, orderBy: 'name' },
        { pageToken: token, filter: 'name = "a1"' },
      ];
      for (const query of queries) {
        const refused = await tenant.api.refused('GET', path({ folderId: F, ...query }));
        expect(refused).toMatchObject({ status: 400, code: 3, fields: ['page_token'] });
      }
    });

    test('A90 is in the order of ids when none is asked for', async () => {
      expect(ids(await tenant.api.images(F))).toEqual(ids(made).sort());
      expect(ids(await tenant.api.images(F, { orderBy: '' }))).toEqual(ids(made).sort());
    });

    test('A91 is in the order of creation either way', async () => {
      expect(ids(await tenant.api.images(F, { orderBy: 'createdAt' }))).toEqual(ids(made));
      expect(ids(await tenant.api.images(F, { orderBy: 'createdAt asc' }))).toEqual(ids(made));
      const newest = ids(await tenant.api.images(F, { orderBy: 'createdAt desc' }));
      expect(newest).toEqual(ids(made).reverse());
    });

    test.each(['nosuch', 'name up', 'name,id', 'name asc desc', `${'n'.repeat(101)}`, 'size'])(
      'A92 the order "%s" is refused',
      async (orderBy) => {
        const refused = await tenant.api.refused('GET', path({ folderId: F, orderBy }));
        expect(refused).toMatchObject({ status: 400, code: 3, fields: ['order_by'] });
      },
    );

    test.each(['name = "a1"', 'name="a1"', "name='a1'", 'name=a1', '  name  =  "a1"  '])(
      'A93 %s finds that image',
      async (filter) => {
        expect(await filtered(filter)).toEqual([a1.id]);
      },
    );

    test('A94 a name is not another one, and no name is not either', async () => {
      expect(await filtered('name != "a1"')).toEqual(ids(made.slice(1)));
    });

    test('A95 IN and NOT IN name several, in capitals or not', async () => {
      expect(await filtered('name IN ("a1","a2")')).toEqual([a1.id, a2.id]);
      expect(await filtered("name in ( 'a1' , 'a2' )")).toEqual([a1.id, a2.id]);
      expect(await filtered("name not in ('a1')")).toEqual(ids(made.slice(1)));
    });

    test('A96 AND holds when both sides do', async () => {
      expect(await filtered('name = "a1" AND name != "a2"')).toEqual([a1.id]);
      expect(await filtered('name = "a1" and name = "a2"')).toEqual([]);
    });

    test('A97 a filter that nothing passes is an empty object', async () => {
      const answer = await tenant.api.send('GET', path({ folderId: F, filter: 'name = "nosuch"' }));
      expect([answer.status, answer.text]).toEqual([200, '{}']);
    });

    test.each([
      'name >',
      'nosuch = "x"',
      'name = "a1" OR name = "a2"',
      'name = "a1"AND name = "a2"',
      'name = "open',
      'name IN ()',
      '(name = "a1")',
      'name = "a1" AND',
      "name = 'a1'; DROP TABLE images",
      `name = "${'x'.repeat(1001)}"`,
    ])('A98 the filter %s is refused', async (filter) => {
      const refused = await tenant.api.refused('GET', path({ folderId: F, filter }));
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['filter'] });
    });

    test.each([
      [`id = "${a1.id}"`, [a1.id]],
      ['family = web', [a1.id, a2.id]],
      ['status = READY AND family = "sql"', [b1.id, b2.id]],
      ['status = "CREATING"', []],
      [`createdAt = "${b1.createdAt}"`, [b1.id]],
      ['labels.env = prod', [a1.id]],
      ['labels.a.b = "x-y"', [a1.id]],
      ['labels.env != "prod"', ids(made.slice(1))],
      ['osType = "WINDOWS"', [b1.id]],
      ['pooled = "true"', []],
      ['name = ""', namelessIds],
      [`name = ${long.name}`, [long.id]],
    ])('the filter %s is understood', async (filter, expected) => {
      expect(await filtered(filter)).toEqual(expected);
    });

    test('shows the inspection only when it is asked for', async () => {
      for (const image of [
        ...(await tenant.api.images(F)),
        ...(await tenant.api.images(F, { view: 'BASIC' })),
      ]) {
        expect(image).not.toHaveProperty('inspection');
      }
      const [full] = await tenant.api.images(F, { view: 'FULL', filter: 'name = a1' });
      expect(full).toEqual(a1);
      expect(full?.inspection?.verdict).toBe('accept');
      expect(await tenant.api.get(`${IMAGES}/${a1.id}?view=BASIC`)).not.toHaveProperty('inspection');
      const refused = await tenant.api.refused('GET', path({ folderId: F, view: 'SOME' }));
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['view'] });
    });
  });

  test('A99 every caller sees the public images, and nobody else writes among them', async () => {
    const admin = new Client(local.url, own.key);
    const image = await admin.ready(bytes, { folderId: 'standard-images', family: 'public' });
    expect(ids(await api.images('standard-images'))).toEqual([image.id]);
    expect((await latest('public', 'standard-images')).id).toBe(image.id);
    const refused = await api.refused('POST', IMAGES, { folderId: 'standard-images', upload: { size: 1 } });
    expect(refused).toMatchObject({ status: 403, code: 7 });
  });
});
