/** Deprecation of images: states, dates, replacements, and what it means for those who use them. */
import { describe, expect, test } from 'vitest';
import { Client, type Fields, IMAGES, type Image, imageIdOf, type Operation } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';

// The scheduled functions run when a test says so: what comes by itself comes without them.
const own = await startOwn({ env: { BULLION_MAX_ACTIVE_OPERATIONS: '1000' }, sweepSeconds: 86_400 });
const { local } = own;
const { api, folderId } = await newTenant(local, { limits: AMPLE });
const stranger = await newTenant(local);
const operator = new Client(local.url, own.key);
const bytes = await emptyDisk();
const base = await api.ready(bytes, { folderId });
const family = (name: string) => `of-${name}`;
const AHEAD_MS = 1_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365.25 * 24 * HOUR_MS;
const at = (ms: number) => new Date(Date.now() + ms).toISOString();

const make = async (fields: Fields = {}) =>
  imageIdOf(await api.create({ folderId, imageId: base.id, ...fields }));
const path = (id: string) => `${IMAGES}/${id}:deprecate`;
const deprecate = (id: string, body: Fields) => api.call<Operation>('POST', path(id), body);
const latest = (name: string) =>
  api.get<Image>(`${IMAGES}:latestByFamily?folderId=${folderId}&family=${family(name)}`);
const sql = async <Row>(text: string, ...values: (string | number | null)[]) =>
  (
    await (
      await local.database()
    )
      .prepare(text)
      .bind(...values)
      .all<Row>()
  ).results;

describe('an image', () => {
  test('is deprecated from now on, and shows it', async () => {
    const [id, replacement] = [await make(), await make()];
    const before = Date.now();
    const operation = await deprecate(id, {
      state: 'DEPRECATED',
      replacementImageId: replacement,
      message: 'old kernel',
      obsoleteAt: '2031-01-02T03:04:05+01:00',
    });
    expect(operation).toMatchObject({
      done: true,
      description: 'Deprecate image',
      metadata: { imageId: id },
      response: { id, deprecation: { state: 'DEPRECATED' } },
    });
    const { deprecation } = await api.image(id);
    expect(deprecation).toEqual({
      state: 'DEPRECATED',
      replacementImageId: replacement,
      message: 'old kernel',
      deprecateAt: expect.any(String),
      obsoleteAt: '2031-01-02T02:04:05.000Z',
    });
    expect(Date.parse(deprecation!.deprecateAt!)).toBeGreaterThanOrEqual(before);
    // Again, the date stays; what is not said is taken away.
    await deprecate(id, { state: 'DEPRECATED' });
    expect((await api.image(id)).deprecation).toEqual({
      state: 'DEPRECATED',
      deprecateAt: deprecation!.deprecateAt,
    });
    await deprecate(id, { state: 'ACTIVE' });
    expect((await api.image(id)).deprecation).toBeUndefined();
  });

  test('is shown in lists with its state', async () => {
    const id = await make();
    await deprecate(id, { state: 'OBSOLETE' });
    const [listed] = await api.images(folderId, { filter: `id = "${id}"` });
    expect(listed!.deprecation).toMatchObject({ state: 'OBSOLETE' });
  });

  test.each<[string, Fields, string[]]>([
    ['no state', {}, ['state']],
    ['an unknown state', { state: 'OLD' }, ['state']],
    ['the state that says nothing', { state: 'STATE_UNSPECIFIED' }, ['state']],
    ['a date that is none', { state: 'ACTIVE', deprecateAt: 'tomorrow' }, ['deprecate_at']],
    ['a date without a zone', { state: 'ACTIVE', deleteAt: '2031-01-01T00:00:00' }, ['delete_at']],
    [
      'dates out of order',
      { state: 'ACTIVE', deprecateAt: at(2 * HOUR_MS), obsoleteAt: at(HOUR_MS) },
      ['obsolete_at'],
    ],
    [
      'dates out of order',
      { state: 'ACTIVE', obsoleteAt: at(2 * HOUR_MS), deleteAt: at(HOUR_MS) },
      ['delete_at'],
    ],
    ['more than ten years', { state: 'ACTIVE', deprecateAt: at(10 * YEAR_MS + HOUR_MS) }, ['deprecate_at']],
    [
      'a deletion in the past',
      { state: 'OBSOLETE', deleteAt: at(-1000), obsoleteAt: at(-2000) },
      ['delete_at'],
    ],
    ['ACTIVE with a date that is over', { state: 'ACTIVE', deprecateAt: at(-1000) }, ['deprecate_at']],
    ['DEPRECATED with a date ahead', { state: 'DEPRECATED', deprecateAt: at(HOUR_MS) }, ['deprecate_at']],
    ['OBSOLETE with a date ahead', { state: 'OBSOLETE', obsoleteAt: at(HOUR_MS) }, ['obsolete_at']],
    ['a message of 257 characters', { state: 'DEPRECATED', message: 'm'.repeat(257) }, ['message']],
    ['a message for nothing', { state: 'ACTIVE', message: 'm' }, ['message']],
    [
      'a replacement without an id',
      { state: 'DEPRECATED', replacementImageId: '' },
      ['replacement_image_id'],
    ],
  ])('is not changed by %s', async (_, body, fields) => {
    const id = await make();
    const before = await api.image(id);
    expect(await api.refused('POST', path(id), body)).toMatchObject({ status: 400, code: 3, fields });
    expect(await api.image(id)).toEqual(before);
  });

  test('takes ten years ahead', async () => {
    const id = await make();
    await deprecate(id, { state: 'ACTIVE', deleteAt: at(10 * YEAR_MS - HOUR_MS) });
    expect((await api.image(id)).deprecation).toMatchObject({ state: 'ACTIVE' });
  });

  test('that is being created is refused', async () => {
    const id = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    expect(await api.refused('POST', path(id), { state: 'DEPRECATED' })).toMatchObject({ code: 9 });
  });

  test('needs the right to change it', async () => {
    const id = await make();
    expect(await stranger.api.refused('POST', path(id), { state: 'DEPRECATED' })).toMatchObject({
      status: 404,
    });
    await api.call('POST', `${IMAGES}/${id}:setAccessBindings`, {
      accessBindings: [{ roleId: 'viewer', subject: { id: stranger.accountId, type: 'serviceAccount' } }],
    });
    expect(await stranger.api.refused('POST', path(id), { state: 'DEPRECATED' })).toMatchObject({
      status: 403,
    });
  });
});

describe('a replacement', () => {
  test('exists and can be seen by who names it', async () => {
    const id = await make();
    const foreign = imageIdOf(
      await stranger.api.create({ folderId: stranger.folderId, upload: { size: 1 } }),
    );
    for (const replacementImageId of ['fd800000000000000000', foreign]) {
      const refused = await api.refused('POST', path(id), { state: 'DEPRECATED', replacementImageId });
      expect(refused).toMatchObject({ status: 404, message: `Image "${replacementImageId}" not found` });
    }
    const creating = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    const early = await api.refused('POST', path(id), { state: 'DEPRECATED', replacementImageId: creating });
    expect(early).toMatchObject({ code: 9, message: expect.stringContaining('only a READY image') });
    expect((await api.image(id)).deprecation).toBeUndefined();
  });

  test('is another image, and following them leads nowhere back', async () => {
    const images = await Promise.all([make(), make(), make()]);
    const replacedBy = (by: number) => ({
      state: 'DEPRECATED',
      replacementImageId: images[by]!,
    });
    const itself = await api.refused('POST', path(images[0]), replacedBy(0));
    expect(itself).toMatchObject({ fields: ['replacement_image_id'] });
    expect(itself.message).toContain('cannot replace itself');
    await deprecate(images[0], replacedBy(1));
    await deprecate(images[1], replacedBy(2));
    const circle = await api.refused('POST', path(images[2]), replacedBy(0));
    expect(circle).toMatchObject({ fields: ['replacement_image_id'] });
    expect(circle.message).toContain(
      `leads back to the image by "${images[0]}", "${images[1]}", "${images[2]}"`,
    );
    // Without its first step the way is free.
    await deprecate(images[0], { state: 'ACTIVE' });
    await deprecate(images[2], replacedBy(0));
  });

  test('does not replace in a circle either when both are named at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [a, b] = await Promise.all([make(), make()]);
      const answers = await Promise.all([
        api.send('POST', path(a), { state: 'DEPRECATED', replacementImageId: b }),
        api.send('POST', path(b), { state: 'DEPRECATED', replacementImageId: a }),
      ]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    }
  });

  test('is looked for through sixteen of them', async () => {
    const images = await Promise.all(Array.from({ length: 18 }, () => make()));
    for (let index = images.length - 2; index > 0; index -= 1) {
      await deprecate(images[index]!, { state: 'DEPRECATED', replacementImageId: images[index + 1] });
    }
    const long = await api.refused('POST', path(images[0]!), {
      state: 'DEPRECATED',
      replacementImageId: images[1],
    });
    expect(long.message).toContain('more than 16 replacements');
    await deprecate(images[0]!, { state: 'DEPRECATED', replacementImageId: images[2] });
  });
});

describe('who uses an image', () => {
  const uses: [string, (id: string) => [string, string, Fields]][] = [
    ['an image of it', (id) => ['POST', IMAGES, { folderId, imageId: id }]],
    [
      'a disk of it',
      (id) => [
        'POST',
        '/compute/v1/disks',
        { folderId, zoneId: 'ru-central1-a', size: String(128 * 2 ** 20), imageId: id },
      ],
    ],
  ];

  test.each(uses)('makes %s with a warning while it is DEPRECATED', async (_, use) => {
    const [id, replacement] = [await make(), await make()];
    const active = await api.call<Operation>(...use(id));
    expect(active.metadata.warnings).toBeUndefined();
    await deprecate(id, { state: 'DEPRECATED', replacementImageId: replacement, message: 'old kernel' });
    const operation = await api.call<Operation>(...use(id));
    const [warning, ...more] = operation.metadata.warnings as string[];
    expect(more).toEqual([]);
    expect(warning).toMatch(/DEPRECATED since .* \(old kernel\); use image/);
    expect(warning).toContain(`"${replacement}" instead`);
    expect((await api.finished(operation)).error).toBeUndefined();
    expect((await api.finished(operation)).metadata.warnings).toEqual([warning]);
  });

  test.each(uses)('is refused %s while it is OBSOLETE', async (_, use) => {
    const [id, replacement] = [await make(), await make()];
    await deprecate(id, { state: 'OBSOLETE', replacementImageId: replacement });
    const refused = await api.refused(...use(id));
    expect(refused).toMatchObject({ status: 400, code: 9 });
    expect(refused.message).toContain(`use image "${replacement}" instead`);
    await deprecate(id, { state: 'ACTIVE' });
    await api.call(...use(id));
  });

  test('can read and download it in every state', async () => {
    const id = await make();
    for (const state of ['DEPRECATED', 'OBSOLETE'] as const) {
      await deprecate(id, { state });
      expect((await api.image(id)).deprecation!.state).toBe(state);
      const headers = { Accept: 'application/json' };
      const { url } = await api.get<{ url: string }>(`${IMAGES}/${id}:download`, { headers });
      expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(bytes);
    }
  });

  test('is not given the bytes of an OBSOLETE image for their digest', async () => {
    const tenant = await newTenant(local, { limits: AMPLE });
    const image = await tenant.api.ready(bytes, { folderId: tenant.folderId });
    const upload = { size: bytes.length, sha256: image.digest!.replace('sha256:', '') };
    const again = () => tenant.api.create({ folderId: tenant.folderId, upload });
    expect((await again()).metadata.reused).toBe(true);
    for (const { id } of await tenant.api.images(tenant.folderId)) {
      await tenant.api.call('POST', path(id), { state: 'OBSOLETE' });
    }
    expect(await again()).toMatchObject({ done: false });
  });
});

describe('dates ahead', () => {
  test('take effect when they come, without the scheduled functions', async () => {
    const old = await make({ family: family('dates') });
    const young = await make({ family: family('dates') });
    const before = await api.send('GET', `${IMAGES}/${young}`);
    await deprecate(young, {
      state: 'ACTIVE',
      deprecateAt: at(AHEAD_MS),
      obsoleteAt: at(2 * AHEAD_MS),
      replacementImageId: old,
    });
    const scheduled = await api.send<Image>('GET', `${IMAGES}/${young}`);
    expect(scheduled.body.deprecation!.state).toBe('ACTIVE');
    expect((await latest('dates')).id).toBe(young);
    const state = async () => (await api.image(young)).deprecation!.state;
    await eventually('the deprecation', async () => (await state()) === 'DEPRECATED');
    expect((await latest('dates')).id).toBe(old);
    await eventually('the obsolescence', async () => (await state()) === 'OBSOLETE');
    expect(await api.refused('POST', IMAGES, { folderId, imageId: young })).toMatchObject({ code: 9 });
    // A tag of before is not current, though nobody changed the image; it is the version that was changed all the same.
    const tags = [before, scheduled].map(({ headers }) => headers.get('ETag')!);
    const read = await api.send('GET', `${IMAGES}/${young}`, undefined, {
      headers: { 'If-None-Match': tags.join(', ') },
    });
    expect(read.status).toBe(200);
    const rename = { updateMask: 'description', description: 'd' };
    const change = (tag: string) =>
      api.send('PATCH', `${IMAGES}/${young}`, rename, { headers: { 'If-Match': tag } });
    expect((await change(tags[0]!)).status).toBe(412);
    expect((await change(tags[1]!)).status).toBe(200);
  });

  test('are noted by the scheduled functions, and taken back by the state ACTIVE', async () => {
    const old = await make({ family: family('noted') });
    const young = await make({ family: family('noted') });
    await deprecate(young, { state: 'ACTIVE', deprecateAt: at(AHEAD_MS) });
    await eventually('the deprecation', async () => (await latest('noted')).id === old);
    const noted = async () =>
      (await sql<{ passed_over: number }>('SELECT passed_over FROM images WHERE id = ?', young))[0]!
        .passed_over;
    expect(await noted()).toBe(0);
    const before = await api.image(young);
    await Promise.all([local.runScheduled(), local.runScheduled()]);
    expect(await noted()).toBe(1);
    expect(await api.image(young)).toEqual(before);
    expect((await latest('noted')).id).toBe(old);
    await deprecate(young, { state: 'ACTIVE' });
    expect((await latest('noted')).id).toBe(young);
  });

  test('of a candidate leave it one', async () => {
    const id = await make({ family: family('candidate'), candidate: true });
    await deprecate(id, { state: 'DEPRECATED' });
    await deprecate(id, { state: 'ACTIVE' });
    expect(
      await api.refused('GET', `${IMAGES}:latestByFamily?folderId=${folderId}&family=of-candidate`),
    ).toMatchObject({ status: 404 });
    await api.call('POST', `${IMAGES}/${id}:promote`, {});
    expect((await latest('candidate')).id).toBe(id);
  });
});

describe('a day of deletion', () => {
  const dueNow = (id: string) => sql('UPDATE images SET delete_at = ? WHERE id = ?', Date.now() - 1, id);
  const isThere = async (id: string) => (await api.send('GET', `${IMAGES}/${id}`)).status === 200;

  test('deletes the image when it comes, the only one of its family too', async () => {
    const id = await make({ family: family('deleted') });
    const later = await make({ family: family('deleted-later') });
    await deprecate(id, { state: 'ACTIVE', deleteAt: at(AHEAD_MS) });
    await deprecate(later, { state: 'ACTIVE', deleteAt: at(HOUR_MS) });
    await eventually('the deletion', async () => {
      await local.runScheduled();
      return !(await isThere(id));
    });
    expect(await isThere(later)).toBe(true);
    const [row] = await sql<{ reason: string; deleted_by: string }>(
      'SELECT reason, deleted_by FROM deleted_images WHERE id = ?',
      id,
    );
    expect(row).toEqual({ reason: 'DATE', deleted_by: 'scheduled' });
    // Brought back it stays: the day is over with.
    await api.call('POST', `${IMAGES}/${id}:undelete`, {});
    await local.runScheduled();
    expect((await latest('deleted')).id).toBe(id);
  });

  test('is put off while the image is leased, protected or being copied from', async () => {
    const [leased, protectedId, plain] = [await make(), await make(), await make()];
    await sql(
      `INSERT INTO leases (id, image_id, holder, created_at, created_by, renewed_at, expires_at)
        VALUES ('lease-of-a-day', ?1, 'fleet', 0, 'me', 0, ?2)`,
      leased,
      Date.now() + HOUR_MS,
    );
    await sql('UPDATE images SET delete_protection = 1 WHERE id = ?', protectedId);
    for (const id of [leased, protectedId, plain]) await dueNow(id);
    await local.runScheduled();
    expect(await Promise.all([leased, protectedId, plain].map(isThere))).toEqual([true, true, false]);
    await sql("UPDATE leases SET expires_at = 1 WHERE id = 'lease-of-a-day'");
    await sql('UPDATE images SET delete_protection = 0 WHERE id = ?', protectedId);
    await local.runScheduled();
    expect(await Promise.all([leased, protectedId].map(isThere))).toEqual([false, false]);
  });

  test('is done once when several runs see it at once', async () => {
    const images = await Promise.all(Array.from({ length: 5 }, () => make()));
    for (const id of images) await dueNow(id);
    const run = () => operator.call('POST', '/maintenance/v1/runs', { duty: 'apply-deprecations' });
    await Promise.all([run(), run(), run(), local.runScheduled()]);
    expect(await Promise.all(images.map(isThere))).toEqual(images.map(() => false));
    const rows = await sql(
      `SELECT id FROM audit_events WHERE action = 'images.delete' AND actor_id = 'scheduled'
        AND resource_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(images),
    );
    expect(rows).toHaveLength(images.length);
  });
});
