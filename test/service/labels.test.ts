/** Lists by labels: whatever was done to what has the labels, and in whatever order it is listed. */
import { describe, expect, test } from 'vitest';
import { rowFaults } from '../faults/invariants.ts';
import { type Fields, IMAGES, type Image, type ImageList } from './client.ts';
import { emptyDisk } from './disks.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';
import { createDisk, DISKS, type Disk, newDisk, newSnapshot, SNAPSHOTS } from './volumes.ts';

const own = await startOwn();
const { api, folderId, otherFolderId } = await newTenant(own.local, { limits: AMPLE });
const bytes = await emptyDisk();

const ENVIRONMENTS = ['prod', 'test', 'dev'];
/** Names, families and times of creation come in another order than ids. */
const made: Image[] = [];
for (let index = 0; index < 9; index += 1) {
  const labels: Record<string, string> = { env: ENVIRONMENTS[index % 3]!, team: `team-${index % 2}` };
  if (index === 4) labels.only = 'here';
  const fields = { folderId, name: `image-${9 - index}`, family: `family-${index % 4}` };
  made.push(await api.ready(bytes, { ...fields, ...(index === 8 ? {} : { labels }) }));
}
// The same labels in another folder are no business of this one.
await api.ready(bytes, { folderId: otherFolderId, labels: { env: 'prod', team: 'team-0', only: 'here' } });

const listed = async (query: Readonly<Record<string, string>>, path = IMAGES, folder = folderId) => {
  const found: string[] = [];
  for (let token: string | undefined = ''; token !== undefined; ) {
    const page: ImageList & { disks?: Disk[]; snapshots?: Disk[] } = await api.get(
      `${path}?${new URLSearchParams({ folderId: folder, pageSize: '2', ...query, ...(token && { pageToken: token }) })}`,
    );
    found.push(...(page.images ?? page.disks ?? page.snapshots ?? []).map(({ id }) => id));
    token = page.nextPageToken;
  }
  return found;
};

const has =
  (key: string, ...values: string[]) =>
  (image: Image) =>
    values.includes(image.labels?.[key] ?? '');
const FILTERS: readonly (readonly [filter: string, passes: (image: Image) => boolean])[] = [
  ['labels.env = "prod"', has('env', 'prod')],
  ['labels.only = here', has('only', 'here')],
  ['labels.env = "nothing"', () => false],
  ['labels.env != "prod"', (image) => !has('env', 'prod')(image)],
  ['labels.env IN ("prod", "dev")', has('env', 'prod', 'dev')],
  ['labels.env NOT IN ("prod", "dev")', (image) => !has('env', 'prod', 'dev')(image)],
  [
    'labels.env = "prod" AND labels.team = "team-0"',
    (image) => has('env', 'prod')(image) && has('team', 'team-0')(image),
  ],
  [
    'labels.env = "test" AND name != "image-8"',
    (image) => has('env', 'test')(image) && image.name !== 'image-8',
  ],
  [
    'family = "family-0" AND labels.env = "dev"',
    (image) => image.family === 'family-0' && has('env', 'dev')(image),
  ],
  ['family IN ("family-0", "family-1")', ({ family }) => family === 'family-0' || family === 'family-1'],
  ['name IN ("image-1", "image-5", "image-9")', ({ name }) => /-[159]$/.test(name ?? '')],
];
type Field = 'id' | 'name' | 'family' | 'createdAt';

describe.each(['id', 'name', 'family', 'createdAt'] as const)('in the order of %s', (field: Field) => {
  const keyOf = (image: Image) => `${image[field]} ${image.id}`;
  const inOrder = [...made].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

  test.each(FILTERS)('%s', async (filter, passes) => {
    const expected = inOrder.filter(passes).map(({ id }) => id);
    expect(await listed({ filter, orderBy: field })).toEqual(expected);
    expect(await listed({ filter, orderBy: `${field} desc` })).toEqual(expected.reverse());
  });
});

describe('what is done to an image', () => {
  const filter = 'labels.color = "red"';
  const red = (fields: Fields = {}) => api.ready(bytes, { folderId, labels: { color: 'red' }, ...fields });
  const trashed = (id: string) => listed({ filter: `${filter} AND id = "${id}"`, showDeleted: 'true' });

  test('is seen by its labels at once', async () => {
    const { id } = await red();
    expect(await listed({ filter })).toEqual([id]);
    await api.call('PATCH', `${IMAGES}/${id}`, { updateMask: 'labels', labels: { color: 'blue' } });
    expect(await listed({ filter })).toEqual([]);
    expect(await listed({ filter: 'labels.color = blue' })).toEqual([id]);
    await api.call('PATCH', `${IMAGES}/${id}`, { updateMask: 'labels' });
    expect(await listed({ filter: 'labels.color IN (red, blue)' })).toEqual([]);
  });

  test('goes with it into the trash, out of it, and away with it', async () => {
    const { id } = await red();
    await api.call('DELETE', `${IMAGES}/${id}`);
    expect(await listed({ filter })).toEqual([]);
    expect(await trashed(id)).toEqual([id]);
    expect(await listed({ filter, showDeleted: 'true' })).toEqual([id]);
    await api.call('POST', `${IMAGES}/${id}:undelete`, {});
    expect(await listed({ filter })).toEqual([id]);
    await api.call('DELETE', `${IMAGES}/${id}?purge=true`);
    expect(await listed({ filter, showDeleted: 'true' })).toEqual([]);
  });
});

test('disks and snapshots are listed by their labels, a moved disk in its new folder', async () => {
  const labels = { size: 'small' };
  const filter = 'labels.size = small';
  const disk = await newDisk(api, { folderId, labels });
  await createDisk(api, { folderId, labels: { size: 'large' } });
  const snapshot = await newSnapshot(api, { folderId, diskId: disk.id, labels });
  expect(await listed({ filter }, DISKS)).toEqual([disk.id]);
  expect(await listed({ filter }, SNAPSHOTS)).toEqual([snapshot.id]);
  expect(await listed({ filter })).toEqual([]);
  await api.call('POST', `${DISKS}/${disk.id}:move`, { destinationFolderId: otherFolderId });
  expect(await listed({ filter }, DISKS)).toEqual([]);
  expect(await listed({ filter }, DISKS, otherFolderId)).toEqual([disk.id]);
});

test('what has labels already is found by them after the migration', async () => {
  const before = await listed({ filter: 'labels.env = "prod"' });
  const database = await own.local.database();
  const { results } = await database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%_labels_%'")
    .all<{ name: string }>();
  await database.batch([
    ...results.map(({ name }) => database.prepare(`DROP TRIGGER ${name}`)),
    database.prepare('DROP TABLE label_index'),
    database.prepare("DELETE FROM d1_migrations WHERE name LIKE '0004%'"),
  ]);
  await own.restart();
  expect(await listed({ filter: 'labels.env = "prod"' })).toEqual(before);
  expect(await rowFaults(await own.local.database())).toEqual([]);
});
