/** Families: which image is the latest, and who made it that. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type {
  imageFamily,
  imageFamilyList,
  promotion,
  promotionList,
} from '../../schema/wire/compute/family.ts';
import { Client, detailOf, type Fields, IMAGES, type Image, imageIdOf, type Operation } from './client.ts';
import { emptyDisk } from './disks.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';

type Family = z.infer<typeof imageFamily>;
type FamilyList = z.infer<typeof imageFamilyList>;
type Promotion = z.infer<typeof promotion>;
type PromotionList = z.infer<typeof promotionList>;

const own = await startOwn({ env: { BULLION_MAX_ACTIVE_OPERATIONS: '1000' } });
const { local } = own;
const tenant = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local);
const { api, folderId, otherFolderId } = tenant;
const FAMILIES = '/compute/v1/imageFamilies';
const base = await api.ready(await emptyDisk(), { folderId });

let count = 0;
const newFamily = () => `family-${++count}`;
const familyPath = (family: string, folder = folderId) => `${FAMILIES}/${folder}/${family}`;
const latestPath = (family: string) => `${IMAGES}:latestByFamily?folderId=${folderId}&family=${family}`;
const latest = async (family: string) => (await api.get<Image>(latestPath(family))).id;

/** A new image, READY at once. */
const make = async (family: string, fields: Fields = {}, caller = api) =>
  imageIdOf(await caller.create({ folderId, family, imageId: base.id, ...fields }));
const promote = (id: string, body: Fields = {}, caller = api) =>
  caller.call<Operation>('POST', `${IMAGES}/${id}:promote`, body);
const rollback = (family: string, body: Fields = {}) =>
  api.call<Operation>('POST', `${familyPath(family)}:rollback`, body);
const promotionsOf = async (family: string, query = '') =>
  (await api.get<PromotionList>(`${familyPath(family)}/promotions${query}`)).promotions ?? [];
const deprecate = (id: string, body: Fields) =>
  api.call<Operation>('POST', `${IMAGES}/${id}:deprecate`, body);
const sql = async <Row>(text: string, ...values: (string | number | null)[]) =>
  (
    await (
      await local.database()
    )
      .prepare(text)
      .bind(...values)
      .all<Row>()
  ).results;

describe('a candidate', () => {
  test.each<[string, (family: string) => Promise<Operation>]>([
    ['of an image', (family) => api.create({ folderId, family, candidate: true, imageId: base.id })],
    [
      'of an upload',
      async (family) =>
        api.finished(
          await api.push(await emptyDisk(), {
            folderId,
            family,
            candidate: true,
            upload: { fileName: 'c.qcow2' },
          }),
        ),
    ],
    [
      'of an upload whose digest is known',
      async (family) => {
        const bytes = await emptyDisk();
        const sha256 = base.digest!.replace('sha256:', '');
        return await api.create({
          folderId,
          family,
          candidate: true,
          upload: { size: bytes.length, sha256 },
        });
      },
    ],
  ])('%s is passed over until it is promoted', async (_, create) => {
    const family = newFamily();
    const first = await make(family);
    const operation = await create(family);
    const candidate = imageIdOf(operation);
    expect(operation.response).toMatchObject({ status: 'READY', candidate: true });
    expect(await api.image(candidate)).toMatchObject({ status: 'READY', candidate: true });
    expect(await latest(family)).toBe(first);

    const promoted = await promote(candidate, { note: 'tested' });
    expect(promoted).toMatchObject({
      done: true,
      description: 'Promote image',
      metadata: { imageId: candidate, folderId, family, fromImageId: first },
    });
    const image = await api.image(candidate);
    const { '@type': __, ...response } = promoted.response!;
    expect({ ...response, digest: image.digest, etag: image.etag }).toEqual({ ...image, leases: undefined });
    expect(image.candidate).toBeUndefined();
    expect(image.promotedAt).toMatch(/Z$/);
    expect(await latest(family)).toBe(candidate);
    expect(await promotionsOf(family)).toEqual([
      {
        id: expect.stringMatching(/^fd8/),
        imageId: candidate,
        fromImageId: first,
        promotedAt: image.promotedAt,
        promotedBy: tenant.accountId,
        note: 'tested',
      },
    ]);
  });

  test('of no family is refused', async () => {
    const refused = await api.refused('POST', IMAGES, { folderId, candidate: true, imageId: base.id });
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['candidate'] });
    expect(await make(newFamily(), { candidate: false })).toBeTypeOf('string');
  });

  test('is promoted by itself where there was no latest', async () => {
    const family = newFamily();
    const candidate = await make(family, { candidate: true });
    expect((await promote(candidate)).metadata.fromImageId).toBeUndefined();
    expect(await promotionsOf(family)).toMatchObject([{ imageId: candidate }]);
    expect(await latest(family)).toBe(candidate);
  });
});

describe('a promotion', () => {
  test('of an older image makes it the latest again, until another one is created', async () => {
    const family = newFamily();
    const [old, young] = [await make(family), await make(family)];
    expect(await latest(family)).toBe(young);
    await promote(old);
    expect(await latest(family)).toBe(old);
    const { promotedAt } = await api.image(old);
    expect(Date.parse(promotedAt!)).toBeGreaterThan(Date.parse((await api.image(young)).createdAt));
    expect((await api.image(young)).promotedAt).toBeUndefined();
    const next = await make(family);
    expect(await latest(family)).toBe(next);
  });

  test('of the latest changes nothing, and is an operation all the same', async () => {
    const family = newFamily();
    const id = await make(family);
    const before = await api.image(id);
    const operation = await promote(id, { note: 'again' });
    expect(operation).toMatchObject({ done: true, response: { id, etag: before.etag } });
    expect(operation.metadata.fromImageId).toBeUndefined();
    expect(await api.image(id)).toEqual(before);
    expect(await promotionsOf(family)).toEqual([]);
    expect((await api.get<Operation>(`/operations/${operation.id}`)).id).toBe(operation.id);
  });

  test('comes after one that a clock ahead of this one made', async () => {
    const family = newFamily();
    const [old, young] = [await make(family), await make(family)];
    const ahead = Date.now() + 3_600_000;
    await sql('UPDATE images SET promoted_at = ? WHERE id = ?', ahead, young);
    expect((await promote(old)).response).toMatchObject({ promotedAt: new Date(ahead + 1).toISOString() });
    expect(await latest(family)).toBe(old);
    // The order of promotions stays when the latest goes.
    await api.call('DELETE', `${IMAGES}/${old}`);
    await api.call('DELETE', `${IMAGES}/${young}`);
    const third = await make(family, { candidate: true });
    expect((await promote(third)).response).toMatchObject({ promotedAt: new Date(ahead + 2).toISOString() });
  });

  test('under one Idempotency-Key is one', async () => {
    const family = newFamily();
    const [old] = [await make(family), await make(family)];
    const headers = { 'Idempotency-Key': '0b8f2f62-4cf1-4f43-9c66-0d4f3a1c8e11' };
    const again = () => api.call<Operation>('POST', `${IMAGES}/${old}:promote`, { note: 'n' }, { headers });
    const first = await again();
    expect(await again()).toEqual(first);
    expect(await promotionsOf(family)).toHaveLength(1);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'of no family',
      async () => imageIdOf(await api.create({ folderId, imageId: base.id })),
      /of no family; make an image of a family/,
    ],
    [
      'that is DEPRECATED',
      async () => {
        const id = await make(newFamily());
        await deprecate(id, { state: 'DEPRECATED' });
        return id;
      },
      /DEPRECATED; deprecate it with the state ACTIVE/,
    ],
    [
      'that is OBSOLETE and a candidate',
      async () => {
        const id = await make(newFamily(), { candidate: true });
        await deprecate(id, { state: 'OBSOLETE' });
        return id;
      },
      /OBSOLETE; deprecate it with the state ACTIVE/,
    ],
    [
      'that is being created',
      async () => imageIdOf(await api.create({ folderId, family: newFamily(), upload: { size: 1 } })),
      /CREATING; only a READY image can be promoted/,
    ],
  ])('of an image %s is refused with the way out', async (_, make_, message) => {
    const id = await make_();
    const before = await api.image(id);
    const refused = await api.refused('POST', `${IMAGES}/${id}:promote`, {});
    expect(refused).toMatchObject({ status: 400, code: 9, message: expect.stringMatching(message) });
    expect(await api.image(id)).toEqual(before);
  });

  test('needs the right to change the image', async () => {
    const family = newFamily();
    const [old] = [await make(family), await make(family)];
    expect(await stranger.api.refused('POST', `${IMAGES}/${old}:promote`, {})).toMatchObject({ status: 404 });
    const reader = await newTenant(local);
    await api.call('POST', `${IMAGES}/${old}:setAccessBindings`, {
      accessBindings: [
        { roleId: 'compute.images.user', subject: { id: reader.accountId, type: 'serviceAccount' } },
      ],
    });
    expect(await reader.api.refused('POST', `${IMAGES}/${old}:promote`, {})).toMatchObject({ status: 403 });
  });

  test('takes a note of 256 characters', async () => {
    const family = newFamily();
    const [old] = [await make(family), await make(family)];
    const refused = await api.refused('POST', `${IMAGES}/${old}:promote`, { note: 'n'.repeat(257) });
    expect(refused).toMatchObject({ status: 400, fields: ['note'] });
    await promote(old, { note: '🙂'.repeat(256) });
    expect((await promotionsOf(family))[0]!.note).toBe('🙂'.repeat(256));
  });
});

describe('promotions at once', () => {
  test('fifty of ten images leave one order', async () => {
    const family = newFamily();
    const images = await Promise.all(Array.from({ length: 10 }, () => make(family)));
    const start = await latest(family);
    const wanted = Array.from({ length: 50 }, (_, index) => images[index % images.length]!);
    const answers = await Promise.all(
      wanted.map((id) => api.send<Operation>('POST', `${IMAGES}/${id}:promote`, {})),
    );
    for (const { status, text } of answers) expect([200, 409], text).toContain(status);
    const done = await promotionsOf(family);
    expect(done.length).toBeGreaterThanOrEqual(9);
    // Each comes from the one before, and is later than it.
    const order = done.toReversed();
    expect(order.map(({ fromImageId }) => fromImageId)).toEqual([
      start,
      ...order.slice(0, -1).map(({ imageId }) => imageId),
    ]);
    const times = order.map(({ promotedAt }) => Date.parse(promotedAt));
    expect(times.every((time, index) => index === 0 || time > times[index - 1]!)).toBe(true);
    expect(await latest(family)).toBe(done[0]!.imageId);
    // What each operation told is what is kept.
    const told = answers
      .filter(({ body }) => body.metadata?.fromImageId !== undefined)
      .map(
        ({ body }) =>
          `${body.metadata.imageId} from ${body.metadata.fromImageId} at ${body.response!.promotedAt}`,
      );
    expect(told.toSorted()).toEqual(
      done.map((one) => `${one.imageId} from ${one.fromImageId} at ${one.promotedAt}`).toSorted(),
    );
  });

  test('with the deletion of the image leave none of a half', async () => {
    for (let round = 0; round < 10; round += 1) {
      const family = newFamily();
      const [old, young] = [await make(family), await make(family)];
      const [promoted, deleted] = await Promise.all([
        api.send<Operation>('POST', `${IMAGES}/${old}:promote`, {}),
        api.send<Operation>('DELETE', `${IMAGES}/${old}`),
      ]);
      expect([200, 404]).toContain(promoted.status);
      expect(deleted.status).toBe(200);
      expect(await latest(family)).toBe(young);
      expect(await promotionsOf(family)).toHaveLength(promoted.status === 200 ? 1 : 0);
    }
  });
});

describe('a roll-back', () => {
  test('promotes the one that was the latest before', async () => {
    const family = newFamily();
    const [first, second, third] = [await make(family), await make(family), await make(family)];
    const operation = await rollback(family, { note: 'does not boot' });
    expect(operation).toMatchObject({
      done: true,
      description: 'Roll image family back',
      metadata: { imageId: second, fromImageId: third, folderId, family },
      response: { id: second },
    });
    expect(await latest(family)).toBe(second);
    expect(await promotionsOf(family)).toMatchObject([
      { imageId: second, fromImageId: third, note: 'does not boot', promotedBy: tenant.accountId },
    ]);
    await api.call('DELETE', `${IMAGES}/${third}`);
    await rollback(family);
    expect(await latest(family)).toBe(first);
  });

  test('leaves out candidates and deprecated images', async () => {
    const family = newFamily();
    const [first, second] = [await make(family), await make(family)];
    await deprecate(second, { state: 'DEPRECATED' });
    await make(family, { candidate: true });
    const last = await make(family);
    await rollback(family);
    expect(await latest(family)).toBe(first);
    expect((await promotionsOf(family))[0]!.fromImageId).toBe(last);
  });

  test('is refused where nothing is left to go back to', async () => {
    const family = newFamily();
    const only = await make(family);
    const alone = await api.refused('POST', `${familyPath(family)}:rollback`, {});
    expect(alone).toMatchObject({ status: 400, code: 9 });
    expect(alone.message).toContain(`no image behind "${only}"`);
    const candidate = await make(family, { candidate: true });
    const refused = await api.refused('POST', `${familyPath(family)}:rollback`, {});
    expect(refused.message).toContain(`1 CANDIDATE (${candidate})`);
    await deprecate(only, { state: 'DEPRECATED' });
    const none = await api.refused('POST', `${familyPath(family)}:rollback`, {});
    expect(none.message).toContain('has no latest image');
    expect(await api.refused('POST', `${familyPath(newFamily())}:rollback`, {})).toMatchObject({
      status: 404,
    });
    expect(await promotionsOf(family)).toEqual([]);
  });

  test('of many at once goes back one step', async () => {
    const family = newFamily();
    const images = [await make(family), await make(family), await make(family)];
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.send('POST', `${familyPath(family)}:rollback`, {})),
    );
    for (const { status, text } of answers) expect([200, 409], text).toContain(status);
    // Each that came through began from the latest of its moment.
    const order = (await promotionsOf(family)).toReversed();
    expect(order[0]).toMatchObject({ imageId: images[1], fromImageId: images[2] });
    for (const [index, { fromImageId }] of order.entries()) {
      if (index > 0) expect(fromImageId).toBe(order[index - 1]!.imageId);
    }
    expect(order).toHaveLength(answers.filter(({ status }) => status === 200).length);
  });

  test('is told by the folder', async () => {
    const family = newFamily();
    await make(family);
    for (const [method, path] of [
      ['POST', `${familyPath(family)}:rollback`],
      ['GET', familyPath(family)],
      ['GET', `${familyPath(family)}/promotions`],
      ['GET', `${FAMILIES}?folderId=${folderId}`],
    ] as const) {
      const refused = await stranger.api.refused(method, path, method === 'POST' ? {} : undefined);
      expect(refused).toMatchObject({ status: 403, message: `Permission denied to folder ${folderId}` });
    }
  });
});

describe('when all are passed over', () => {
  test('the latest is not found, and its details say why', async () => {
    const family = newFamily();
    const candidates = await Promise.all(Array.from({ length: 4 }, () => make(family, { candidate: true })));
    const [deprecated, obsolete] = [await make(family), await make(family)];
    await deprecate(deprecated, { state: 'DEPRECATED' });
    await deprecate(obsolete, { state: 'OBSOLETE' });
    const creating = imageIdOf(await api.create({ folderId, family, upload: { size: 1 } }));
    const refused = await api.refused('GET', latestPath(family));
    expect(refused).toMatchObject({ status: 404, code: 5, message: `Image "${family}" not found` });
    const info = detailOf<{ resourceName: string; description: string }>(refused, 'google.rpc.ResourceInfo')!;
    expect(info.resourceName).toBe(family);
    const named = /4 CANDIDATE \((.*?), …\)/.exec(info.description)![1]!.split(', ');
    expect(named).toHaveLength(3);
    expect(candidates).toEqual(expect.arrayContaining(named));
    expect(info.description).toContain(`1 CREATING (${creating})`);
    expect(info.description).toContain(`1 OBSOLETE (${obsolete}), 1 DEPRECATED (${deprecated})`);
  });
});

describe('what the latest costs', () => {
  /** The rows that D1 read for one answer, in one round trip. */
  async function rowsRead(family: string): Promise<number> {
    const requestId = `rows-of-${family}-${++count}`;
    const headers = { 'X-Request-Id': requestId };
    expect((await api.send('GET', latestPath(family), undefined, { headers })).status).toBe(200);
    const line = own.logLines.find((one) => one.includes(requestId));
    const { d1RoundTrips, rowsRead: rows } = JSON.parse(line!);
    expect(d1RoundTrips).toBe(1);
    return rows;
  }

  test('does not grow with the family', async () => {
    const family = newFamily();
    const id = await make(family);
    await rowsRead(family);
    const before = await rowsRead(family);
    const columns = (await sql<{ name: string }>("SELECT name FROM pragma_table_info('images')")).map(
      ({ name }) => name,
    );
    const copied = columns.filter((name) => !['id', 'name', 'candidate', 'passed_over'].includes(name));
    const fill = (tag: string, passedOver: number, rows: number) =>
      sql(
        `INSERT INTO images (id, name, candidate, passed_over, ${copied.join(', ')})
          WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
          SELECT ?2 || i, '', ?3, ?3, ${copied.join(', ')} FROM n, images WHERE images.id = ?4`,
        rows,
        tag,
        passedOver,
        id,
      );
    await fill('aa-standing', 0, 2_000);
    await fill('zz-candidate', 1, 2_000);
    expect(await rowsRead(family)).toBe(before);
    expect(await latest(family)).toBe(id);
    const { imageCount, candidateCount, size } = await api.get<Family>(familyPath(family));
    expect([imageCount, candidateCount, size]).toEqual(['4001', '2000', base.size]);
    await sql('DELETE FROM images WHERE family = ? AND id <> ?', family, id);
  });
});

describe('the family resource', () => {
  test('tells the latest, how many there are and what they hold, a layer once', async () => {
    const family = newFamily();
    const [first, second] = [await make(family), await make(family)];
    await make(family, { candidate: true });
    expect(await api.get(familyPath(family))).toEqual({
      folderId,
      family,
      latestImageId: second,
      imageCount: '3',
      candidateCount: '1',
      size: base.size,
    });
    await deprecate(second, { state: 'DEPRECATED' });
    expect((await api.get<Family>(familyPath(family))).latestImageId).toBe(first);
    await deprecate(first, { state: 'DEPRECATED' });
    expect((await api.get<Family>(familyPath(family))).latestImageId).toBeUndefined();
  });

  test('is not found without an image, and its promotions stay', async () => {
    const family = newFamily();
    const unknown = await api.refused('GET', familyPath(family));
    expect(unknown).toMatchObject({ status: 404, message: `Image family "${family}" not found` });
    expect(await api.refused('GET', `${familyPath(family)}/promotions`)).toMatchObject({ status: 404 });
    const id = await make(family, { candidate: true });
    expect(await promotionsOf(family)).toEqual([]);
    await promote(id);
    await api.call('DELETE', `${IMAGES}/${id}`);
    expect(await api.refused('GET', familyPath(family))).toMatchObject({ status: 404 });
    expect(await promotionsOf(family)).toMatchObject([{ imageId: id }]);
  });

  test.each(['A_', 'ab', '-x-'])('%s is no name of one', async (family) => {
    expect(await api.refused('GET', familyPath(family))).toMatchObject({ status: 400, fields: ['family'] });
  });

  test('is listed by name, a page at a time, in exactly its folder', async () => {
    const names = ['list-b', 'list-a', 'list-c', 'list-a-b', 'list-a'];
    for (const family of names) await make(family, { folderId: otherFolderId });
    await api.create({ folderId: otherFolderId, imageId: base.id });
    const page = (query: string) => api.get<FamilyList>(`${FAMILIES}?folderId=${otherFolderId}${query}`);
    const all = await page('');
    expect(all.families!.map(({ family, imageCount }) => [family, imageCount])).toEqual([
      ['list-a', '2'],
      ['list-a-b', '1'],
      ['list-b', '1'],
      ['list-c', '1'],
    ]);
    expect(all.nextPageToken).toBeUndefined();
    const seen: Family[] = [];
    let pages = 0;
    for (let token: string | undefined = ''; token !== undefined; pages += 1) {
      const next: FamilyList = await page(`&pageSize=3&pageToken=${token}`);
      seen.push(...next.families!);
      token = next.nextPageToken;
    }
    expect([seen, pages]).toEqual([all.families, 2]);
    const foreign = await api.refused(
      'GET',
      `${FAMILIES}?folderId=${folderId}&pageToken=${(await page('&pageSize=1')).nextPageToken}`,
    );
    expect(foreign).toMatchObject({ status: 400, fields: ['page_token'] });
    expect(await api.refused('GET', FAMILIES)).toMatchObject({ status: 400, fields: ['folder_id'] });
    expect(await stranger.api.get(`${FAMILIES}?folderId=${stranger.folderId}`)).toEqual({});
  });

  test('has its promotions a page at a time, newest first', async () => {
    const family = newFamily();
    const images = [await make(family), await make(family)];
    for (let turn = 0; turn < 5; turn += 1) await promote(images[turn % 2]!, { note: `turn ${turn}` });
    const seen: Promotion[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const page: PromotionList = await api.get(
        `${familyPath(family)}/promotions?pageSize=2&pageToken=${token}`,
      );
      seen.push(...(page.promotions ?? []));
      token = page.nextPageToken;
    }
    expect(seen.map(({ note }) => note)).toEqual(['turn 4', 'turn 3', 'turn 2', 'turn 1', 'turn 0']);
    expect(await promotionsOf(family)).toEqual(seen);
  });

  test('goes with its folder', async () => {
    const made = await api.call<Operation>('POST', '/resource-manager/v1/folders', {
      cloudId: tenant.cloudId,
      name: 'of-families',
    });
    const folder = made.metadata.folderId as string;
    const id = await make('goner', { folderId: folder, candidate: true });
    await promote(id);
    await api.call('DELETE', `${IMAGES}/${id}?purge=true`);
    const rows = () => sql('SELECT 1 FROM promotions WHERE folder_id = ?', folder);
    expect(await rows()).toHaveLength(1);
    await api.finished(await api.call<Operation>('DELETE', `/resource-manager/v1/folders/${folder}`));
    expect(await rows()).toEqual([]);
  });
});

test('the operator of another cloud cannot promote here', async () => {
  const operator = new Client(local.url, own.key);
  const family = newFamily();
  const [old] = [await make(family), await make(family)];
  const { status } = await operator.send('POST', `${IMAGES}/${old}:promote`, {});
  expect([403, 404]).toContain(status);
  expect(await promotionsOf(family)).toEqual([]);
});
