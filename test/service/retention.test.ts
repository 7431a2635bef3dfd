/** Policies of families: what the clock does with them is what their preview says, whatever comes in between. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { type CatalogueImage, writeCatalogue } from '../../bench/catalogue.ts';
import type { imageFamily } from '../../schema/wire/compute/family.ts';
import type { retentionPreview } from '../../schema/wire/compute/retention.ts';
import type { maintenanceRun } from '../../schema/wire/maintenance/run.ts';
import { Client, type Fields, IMAGES, type Image, type Operation, TYPE } from './client.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from './tenant.ts';

type Family = z.infer<typeof imageFamily>;
type Run = z.infer<typeof maintenanceRun>;
type Preview = z.infer<typeof retentionPreview>;

const own = await startOwn({ sweepSeconds: 3_600 });
const { api, cloudId, folderId } = await newTenant(own.local, { limits: AMPLE });
const sql = async <Row>(text: string, ...values: (string | number | null)[]) =>
  (
    await (
      await own.local.database()
    )
      .prepare(text)
      .bind(...values)
      .all<Row>()
  ).results;

const FAMILIES = '/compute/v1/imageFamilies';
const RUNS = '/maintenance/v1/runs';
const operator = new Client(own.local.url, own.key);
const run = (fields: Fields = {}) => operator.call<Run>('POST', RUNS, { duty: 'apply-retention', ...fields });
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BYTES = 4096;
const LAST_TWO = { action: 'DELETE', keepLast: 2 };

let count = 0;
const pathOf = (family: string) => `${FAMILIES}/${folderId}/${family}`;
const idOf = (family: string, index: number) => `${family}-${String(index).padStart(4, '0')}`;

/** Images that differ in age only, the first one the youngest: index `i` is `i + 10` days old. */
async function newFamily(images: number, fields: (index: number) => Partial<CatalogueImage> = () => ({})) {
  const family = `family-${++count}`;
  const now = Date.now();
  await write(
    family,
    Array.from({ length: images }, (_, index) => ({
      id: idOf(family, index),
      createdAt: now - (index + 10) * DAY,
      ...fields(index),
    })),
  );
  return family;
}

const write = async (family: string, images: readonly CatalogueImage[]) =>
  writeCatalogue(await own.local.database(), [{ place: { cloudId, folderId, family }, images }], BYTES);
const setRetention = (family: string, policy: Fields) =>
  api.call<Operation>('POST', `${pathOf(family)}:setRetention`, policy);
const preview = (family: string, policy: Fields = {}) =>
  api.call<Preview>('POST', `${pathOf(family)}:previewRetention`, policy);
const standing = async (family: string) =>
  (
    await sql<{ id: string }>(
      'SELECT id FROM images WHERE family = ? ORDER BY promoted_at DESC, id DESC',
      family,
    )
  ).map(({ id }) => id);
const trashed = async (family: string) =>
  (await sql<{ id: string }>('SELECT id FROM deleted_images WHERE family = ? ORDER BY id', family)).map(
    ({ id }) => id,
  );
const becomesDue = (family: string) => sql('UPDATE families SET next_run_at = 1 WHERE family = ?', family);
const nextRunOf = async (family: string) => (await api.get<Family>(pathOf(family))).nextRunAt;

/** What a preview says, without what is kept. */
const takenOf = ({ images = [] }: Preview) =>
  images.filter(({ action }) => action !== 'KEEP').map(({ imageId, action }) => `${imageId} ${action}`);
const rulesOf = ({ images = [] }: Preview) => images.map(({ rule }) => rule);

describe('a policy', () => {
  test('is set, shown with its family, and taken away', async () => {
    const family = await newFamily(3);
    const before = Date.now();
    const operation = await setRetention(family, { ...LAST_TWO, keepWithin: '86400s', includePublic: true });
    expect(operation).toMatchObject({
      done: true,
      metadata: { '@type': `${TYPE}bullion.v1.SetRetentionMetadata`, folderId, family },
      response: { '@type': `${TYPE}bullion.v1.ImageFamily`, family, imageCount: '3' },
    });
    const policy = {
      action: 'DELETE',
      keepLast: '2',
      keepWithin: '86400s',
      minAge: '86400s',
      includePublic: true,
    };
    const shown = await api.get<Family>(pathOf(family));
    expect(shown).toMatchObject({ policy, latestImageId: idOf(family, 0) });
    expect(operation.response).toMatchObject({ policy, nextRunAt: shown.nextRunAt });
    expect(Date.parse(shown.nextRunAt!)).toBeGreaterThanOrEqual(before);
    await setRetention(family, {});
    const { policy: none, nextRunAt } = await api.get<Family>(pathOf(family));
    expect([none, nextRunAt]).toEqual([undefined, undefined]);
    await own.local.runScheduled();
    expect(await standing(family)).toHaveLength(3);
  });

  test('may be there before the first image', async () => {
    await setRetention('later', { action: 'DEPRECATE', keepWithin: '86400s', minAge: '0s' });
    expect(await api.get<Family>(pathOf('later'))).toMatchObject({
      policy: { action: 'DEPRECATE', keepWithin: '86400s', minAge: '0s' },
    });
    await setRetention('later', { action: 'ACTION_UNSPECIFIED' });
    expect(await api.refused('GET', pathOf('later'))).toMatchObject({ status: 404 });
    expect(await api.refused('POST', `${pathOf('later')}:setRetention`, {})).toMatchObject({ status: 404 });
    expect(await api.refused('POST', `${pathOf('later')}:previewRetention`, LAST_TWO)).toMatchObject({
      status: 404,
    });
  });

  test.each<[string, Fields, string]>([
    ['without what stays', { action: 'DELETE' }, 'KeepLast: is required unless keepWithin says what stays'],
    ['without an action', { keepLast: 3 }, 'Action: is required for a policy'],
    ['of minAge alone', { minAge: '0s' }, 'Action: is required for a policy'],
    ['that keeps too many', { action: 'DELETE', keepLast: 1001 }, 'KeepLast: must be in the range 0..1000'],
    ['that keeps fewer than none', { action: 'DELETE', keepLast: -1 }, 'KeepLast: must be in the range'],
    ['with a span without unit', { action: 'DELETE', keepWithin: '86400' }, 'KeepWithin: must be 1s to'],
    ['with a negative span', { ...LAST_TWO, minAge: '-1s' }, 'MinAge: must be 0s to'],
    ['with another action', { ...LAST_TWO, action: 'HIDE' }, 'Action: expected one of'],
  ])('%s is refused', async (_, policy, message) => {
    for (const verb of ['setRetention', 'previewRetention']) {
      const refusal = await api.refused('POST', `${pathOf('any')}:${verb}`, policy);
      expect(refusal).toMatchObject({ status: 400 });
      expect(refusal.message).toContain(message);
    }
  });
});

describe('a run', () => {
  test('deletes into the trash what the preview says, gives back the count, and comes again in an hour', async () => {
    const family = await newFamily(5);
    const before = await quotaUse(own.local, cloudId);
    await setRetention(family, LAST_TWO);
    const planned = await preview(family);
    expect(planned).toMatchObject({ deleted: '3', kept: '2', bytesFreed: String(3 * BYTES) });
    expect(planned.deprecated).toBeUndefined();
    expect(rulesOf(planned)).toEqual(['LATEST', 'KEEP_LAST', 'BEYOND_LAST', 'BEYOND_LAST', 'BEYOND_LAST']);
    expect(planned.images?.[2]).toMatchObject({ imageId: idOf(family, 2), bytesFreed: String(BYTES) });
    const began = Date.now();
    await own.local.runScheduled();
    expect(await standing(family)).toEqual([idOf(family, 0), idOf(family, 1)]);
    expect(await trashed(family)).toEqual([2, 3, 4].map((index) => idOf(family, index)));
    const [row] = await sql('SELECT * FROM deleted_images WHERE id = ?', idOf(family, 2));
    expect(row).toMatchObject({
      deleted_by: 'scheduled',
      reason: 'POLICY',
      status: 'DELETING',
      purged_at: null,
    });
    const after = await quotaUse(own.local, cloudId);
    expect(after['compute.images.count']).toBe(before['compute.images.count'] - 3);
    expect(after['compute.images.size']).toBe(before['compute.images.size']);
    const next = Date.parse((await nextRunOf(family))!);
    expect(next).toBeGreaterThanOrEqual(began + HOUR);
    const events = await sql('SELECT * FROM audit_events WHERE resource_id = ?', idOf(family, 2));
    expect(events).toMatchObject([{ actor_id: 'scheduled', action: 'images.delete', folder_id: folderId }]);
    expect(JSON.parse(String((events[0] as { before: string }).before))).toMatchObject({ family });
    // Not due again.
    await sql('UPDATE families SET keep_last = 1 WHERE family = ?', family);
    await own.local.runScheduled();
    expect(await standing(family)).toHaveLength(2);
  });

  test('brings back what it deleted like any other image', async () => {
    const family = await newFamily(2);
    await setRetention(family, { action: 'DELETE', keepLast: 1 });
    await own.local.runScheduled();
    expect(await trashed(family)).toEqual([idOf(family, 1)]);
    await api.call('POST', `${IMAGES}/${idOf(family, 1)}:undelete`, {});
    expect(await standing(family)).toHaveLength(2);
  });

  test('deprecates once, and never the latest', async () => {
    const family = await newFamily(4, (index) => ({ candidate: index === 3 }));
    await setRetention(family, { action: 'DEPRECATE', keepLast: 1 });
    expect(rulesOf(await preview(family))).toEqual(['LATEST', 'BEYOND_LAST', 'BEYOND_LAST', 'CANDIDATE']);
    await own.local.runScheduled();
    const image = await api.get<Image>(`${IMAGES}/${idOf(family, 1)}`);
    expect(image.deprecation).toMatchObject({
      state: 'DEPRECATED',
      message: 'by the retention policy of its family',
    });
    expect(rulesOf(await preview(family))).toEqual([
      'LATEST',
      'ALREADY_DEPRECATED',
      'ALREADY_DEPRECATED',
      'CANDIDATE',
    ]);
    await becomesDue(family);
    await own.local.runScheduled();
    expect((await api.get<Image>(`${IMAGES}/${idOf(family, 1)}`)).etag).toBe(image.etag);
  });

  test('touches nothing that is held', async () => {
    const family = await newFamily(10);
    const id = (index: number) => idOf(family, index);
    await api.call('POST', `${IMAGES}/${id(2)}:lease`, { holder: 'fleet', ttl: '3600s' });
    await api.call('PATCH', `${IMAGES}/${id(3)}`, { updateMask: 'deleteProtection', deleteProtection: true });
    await api.call('POST', `${IMAGES}/${id(9)}:deprecate`, {
      state: 'DEPRECATED',
      replacementImageId: id(4),
    });
    await sql(
      `INSERT INTO disks (id, folder_id, cloud_id, created_at, name, status, hardware_generation, layer_id, revision,
          type_id, zone_id, size_bytes, block_size_bytes, source_image_id)
        SELECT 'disk-' || id, folder_id, cloud_id, created_at, '', 'CREATING', 'GEN_1_1', layer_id, 1,
          'network-ssd', 'ru-central1-a', 4194304, 4096, id FROM images WHERE id = ?`,
      id(5),
    );
    await sql(
      "INSERT INTO access_bindings (resource_kind, resource_id, subject_type, subject_id, role_id) VALUES ('image', ?, 'system', 'allAuthenticatedUsers', 'viewer')",
      id(6),
    );
    await sql('UPDATE images SET promoted_at = ? WHERE id = ?', Date.now() - HOUR, id(7));
    await sql("UPDATE images SET status = 'ERROR' WHERE id = ?", id(8));
    await sql('UPDATE images SET promoted_at = ? WHERE id = ?', Date.now(), id(0));
    await setRetention(family, { action: 'DELETE', keepLast: 1 });
    const planned = await preview(family);
    expect(planned.images?.map(({ imageId, rule }) => `${imageId.slice(-1)} ${rule}`)).toEqual([
      '0 LATEST',
      '7 TOO_YOUNG',
      '1 BEYOND_LAST',
      '2 LEASED',
      '3 PROTECTED',
      '4 REPLACEMENT',
      '5 IN_USE',
      '6 PUBLIC',
      '8 NOT_READY',
      '9 BEYOND_LAST',
    ]);
    await own.local.runScheduled();
    expect(await trashed(family)).toEqual([id(1), id(9)]);
    await sql("DELETE FROM disks WHERE id LIKE 'disk-family%'");
  });

  test('goes through a family in pages of a preview', async () => {
    const family = await newFamily(7);
    const policy = { action: 'DELETE', keepLast: 3 };
    const whole = await preview(family, policy);
    const pages: Preview[] = [];
    for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
      const page: Preview = await preview(family, { ...policy, pageSize: 3, pageToken });
      pages.push(page);
      pageToken = page.nextPageToken;
    }
    expect(pages.map(({ images }) => images?.length)).toEqual([3, 3, 1]);
    expect(pages.flatMap(({ images = [] }) => images)).toEqual(whole.images);
    const [{ nextPageToken }] = pages as [Preview];
    const other = { action: 'DELETE', keepLast: 2, pageToken: nextPageToken };
    expect(await api.refused('POST', `${pathOf(family)}:previewRetention`, other)).toMatchObject({
      status: 400,
    });
    expect(await api.refused('POST', `${pathOf(family)}:previewRetention`)).toMatchObject({
      status: 400,
      message: expect.stringContaining('has no policy to preview'),
    });
  });
});

/** Numbers from a fixed seed (mulberry32), the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A family with everything in it that a rule asks for. Few times, so that some are the same; none near a bound. */
function randomImages(family: string, random: () => number): CatalogueImage[] {
  const among = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const often = (part: number) => random() < part;
  const now = Date.now();
  const date = () => (often(0.2) ? now + among(-30, -2, 2, 30) * DAY - HOUR : null);
  return Array.from({ length: 5 + Math.floor(random() * 25) }, (_, index) => {
    const createdAt = now - among(0, 1, 3, 8, 40, 400) * DAY - HOUR;
    return {
      id: idOf(family, index),
      createdAt,
      promotedAt: often(0.2) ? createdAt + among(1, 2) * HOUR : createdAt,
      status: often(0.1) ? 'ERROR' : 'READY',
      candidate: often(0.15),
      deprecateAt: date(),
      obsoleteAt: date(),
      deleteProtection: often(0.07),
      leasedUntil: often(0.15) ? now + among(-1, 1) * DAY : null,
      replacementImageId: often(0.07) ? idOf(family, Math.floor(random() * 5)) : null,
    };
  });
}

test.each([11, 12, 13])('random catalogues of seed %i become what their previews say', async (seed) => {
  const random = generator(seed);
  const planned = new Map<string, Preview>();
  let taken = 0;
  for (let index = 0; index < 8; index += 1) {
    const family = `random-${seed}-${index}`;
    await write(family, randomImages(family, random));
    const keepLast = [undefined, 1, 3, 1000][Math.floor(random() * 4)];
    const keepWithin = ['21600s', '172800s', '864000s'][Math.floor(random() * 3)];
    await setRetention(family, {
      action: random() < 0.6 ? 'DELETE' : 'DEPRECATE',
      keepLast,
      keepWithin: keepLast === undefined || random() < 0.3 ? keepWithin : undefined,
      minAge: ['0s', '86400s'][Math.floor(random() * 2)],
    });
    planned.set(family, await preview(family));
  }
  await eventually('the end of all policies that are due', async () => {
    await own.local.runScheduled();
    const due = await sql('SELECT family FROM families WHERE next_run_at <= ?', Date.now());
    return due.length === 0;
  });
  for (const [family, plan] of planned) {
    const { action } = (await api.get<Family>(pathOf(family))).policy!;
    const deprecated = await sql<{ id: string }>(
      "SELECT id FROM images WHERE family = ? AND deprecation_message LIKE 'by the retention%'",
      family,
    );
    const done = [...(await trashed(family)), ...deprecated.map(({ id }) => id)].map(
      (id) => `${id} ${action}`,
    );
    expect(done.sort()).toEqual(takenOf(plan).sort());
    taken += done.length;
    // Nothing is left to do but what only an image that went had named as its replacement.
    const replacements = plan.images?.filter(({ rule }) => rule === 'REPLACEMENT') ?? [];
    const left = takenOf(await preview(family)).map((line) => line.split(' ')[0]);
    expect(replacements.map(({ imageId }) => imageId)).toEqual(expect.arrayContaining(left));
  }
  expect(taken).toBeGreaterThan(10);
});

describe('what comes between plan and deletion', () => {
  /** A trigger moves the world inside of the batch, before its second condition: as late as anything can. */
  async function meanwhile(change: string, act: () => Promise<void>): Promise<void> {
    await sql(`CREATE TRIGGER meanwhile BEFORE INSERT ON guards BEGIN ${change}; END`);
    try {
      await act();
    } finally {
      await sql('DROP TRIGGER meanwhile');
    }
  }

  test.each<[string, (family: string, id: string) => string]>([
    [
      'a lease',
      (
        _,
        id,
      ) => `INSERT OR IGNORE INTO leases (id, image_id, holder, created_at, created_by, renewed_at, expires_at)
        VALUES ('late-${id}', '${id}', 'late', 1, 'x', 1, ${Date.now() + DAY})`,
    ],
    ['protection', (_, id) => `UPDATE images SET delete_protection = 1, revision = 2 WHERE id = '${id}'`],
    ['any change', (_, id) => `UPDATE images SET revision = revision + 1 WHERE id = '${id}'`],
    [
      'a replacement',
      (family, id) => `UPDATE images SET replacement_image_id = '${id}' WHERE id = '${idOf(family, 0)}'`,
    ],
    ['a promotion', (_, id) => `UPDATE images SET promoted_at = ${Date.now()} WHERE id = '${id}'`],
    [
      'the deprecation of all before',
      (family, id) => `UPDATE images SET passed_over = 1 WHERE family = '${family}' AND id < '${id}'`,
    ],
    [
      'the deletion of one that was kept',
      (family) => `UPDATE images SET family = 'elsewhere' WHERE id = '${idOf(family, 1)}'`,
    ],
    [
      'being public',
      (_, id) =>
        `INSERT OR IGNORE INTO access_bindings VALUES ('image', '${id}', 'system', 'allUsers', 'viewer')`,
    ],
  ])('saves an image: %s', async (_, change) => {
    const family = await newFamily(3);
    await setRetention(family, LAST_TWO);
    await meanwhile(change(family, idOf(family, 2)), () => own.local.runScheduled());
    expect(await standing(family)).toHaveLength(3);
    expect(await trashed(family)).toEqual([]);
    // Undone with the batch; so the next run finds what the first one planned.
    await own.local.runScheduled();
    expect(await trashed(family)).toEqual([idOf(family, 2)]);
  });

  test('leases and deletions at once: one of them wins', async () => {
    const family = await newFamily(40);
    await setRetention(family, { action: 'DELETE', keepLast: 1 });
    const leased = Array.from({ length: 30 }, (_, index) => idOf(family, index + 5));
    const [answers] = await Promise.all([
      Promise.all(
        leased.map((id) => api.send('POST', `${IMAGES}/${id}:lease`, { holder: 'h', ttl: '600s' })),
      ),
      own.local.runScheduled(),
    ]);
    await own.local.runScheduled();
    const stands = new Set(await standing(family));
    for (const [index, answer] of answers.entries()) {
      const id = leased[index]!;
      expect([id, answer.status, stands.has(id)]).toEqual([
        id,
        stands.has(id) ? 200 : 404,
        answer.status === 200,
      ]);
    }
  });
});

describe('a family of several slices', () => {
  test('ends the same when a run is cut off, and with two runs at once', async () => {
    const family = await newFamily(350);
    const before = (await quotaUse(own.local, cloudId))['compute.images.count'];
    await setRetention(family, { action: 'DELETE', keepLast: 10 });
    const expected = takenOf(await preview(family));
    expect(expected).toHaveLength(340);
    await sql(
      `CREATE TRIGGER cut BEFORE INSERT ON deleted_images
        WHEN (SELECT count(*) FROM deleted_images WHERE family = '${family}') >= 250 BEGIN SELECT RAISE(ABORT, 'cut off'); END`,
    );
    await own.local.runScheduled();
    await sql('DROP TRIGGER cut');
    expect(await trashed(family)).toHaveLength(200);
    const runs = [1, 2, 3].map(() => run());
    await Promise.all([...runs, own.local.runScheduled()]);
    await own.local.runScheduled();
    expect((await trashed(family)).map((id) => `${id} DELETE`).sort()).toEqual([...expected].sort());
    expect((await quotaUse(own.local, cloudId))['compute.images.count']).toBe(before - 340);
  });

  test('goes on behind what was kept, and begins anew the next time', async () => {
    const family = await newFamily(260, (index) => ({ deleteProtection: index < 121 }));
    await setRetention(family, { action: 'DELETE', keepLast: 1 });
    await sql(`CREATE TRIGGER cut BEFORE INSERT ON deleted_images BEGIN SELECT RAISE(ABORT, 'cut off'); END`);
    await own.local.runScheduled();
    await sql('DROP TRIGGER cut');
    await sql('UPDATE images SET delete_protection = 0, revision = 2 WHERE family = ?', family);
    await own.local.runScheduled();
    // The first hundred behind the latest were looked at before they became free.
    expect(await standing(family)).toHaveLength(101);
    await becomesDue(family);
    await own.local.runScheduled();
    expect(await standing(family)).toEqual([idOf(family, 0)]);
  });

  test('is told of beforehand by a dry run', async () => {
    const family = await newFamily(120);
    await setRetention(family, { action: 'DELETE', keepLast: 5 });
    const found = await run({ dryRun: true });
    expect(found).toMatchObject({ done: 115, dryRun: true });
    expect(found.report).toMatchObject([{ family, action: 'DELETE', images: 115, bytesFreed: 115 * BYTES }]);
    expect(await standing(family)).toHaveLength(120);
    await setRetention(family, {});
  });
});

test('a clock that was ahead holds no policy up', async () => {
  const family = await newFamily(3);
  await setRetention(family, LAST_TWO);
  await sql('UPDATE families SET next_run_at = ? WHERE family = ?', Date.now() + 400 * DAY, family);
  await own.local.runScheduled();
  expect(await trashed(family)).toEqual([idOf(family, 2)]);
});

test('without a trash, what a policy deletes is purged in the same tick', async () => {
  await own.restart({ BULLION_TRASH_SECONDS: '0' });
  const family = await newFamily(3);
  await setRetention(family, LAST_TWO);
  const before = await quotaUse(own.local, cloudId);
  await own.local.runScheduled();
  const rows = await sql(
    'SELECT id, layer_id FROM deleted_images WHERE family = ? AND purged_at > 0',
    family,
  );
  expect(rows).toEqual([{ id: idOf(family, 2), layer_id: null }]);
  const after = await quotaUse(own.local, cloudId);
  expect(after['compute.images.size']).toBe(before['compute.images.size'] - BYTES);
});
