import { expect, test } from 'vitest';
import { objectKeys } from './invariants.ts';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, IMAGES, smallDisk } from './setup/client.ts';

const GRACE_SECONDS = 3_600;
const registry = await startBreakable({ BULLION_LAYER_GRACE_SECONDS: String(GRACE_SECONDS) });
const { client, sql } = registry;

const keys = () => objectKeys(registry.behind.store, registry.behind.bucket);

async function pushed(): Promise<{ imageId: string; layerId: string; key: string }> {
  const { id, metadata } = await client.push(smallDisk);
  const ended = await client.ended(id);
  expect(ended.response?.status).toBe('READY');
  const [layer] = await sql<{ id: string; key: string }>(
    `SELECT id, object_key AS key FROM layers WHERE id =
      (SELECT layer_id FROM images WHERE id = ?)`,
    metadata.imageId,
  );
  return { imageId: metadata.imageId, layerId: layer!.id, key: layer!.key };
}

const deleted = async (imageId: string) => accepted(await client.call('DELETE', `${IMAGES}/${imageId}`));

/** Lets the grace period of a layer be over, give or take some milliseconds. */
const age = (layerId: string, milliseconds: number) =>
  sql('UPDATE layers SET unnamed_at = unnamed_at - ? WHERE id = ?', milliseconds, layerId);

/** Writes the rows of another image that names the same layer, as a creation from an image does. */
async function nameAgain(imageId: string, otherId: string): Promise<void> {
  const columns = (await sql<{ name: string }>("SELECT name FROM pragma_table_info('images')"))
    .map(({ name }) => name)
    .filter((name) => name !== 'id');
  await sql(
    `INSERT INTO images (id, ${columns.join(', ')}) SELECT ?, ${columns.join(', ')} FROM images WHERE id = ?`,
    otherId,
    imageId,
  );
  await sql("UPDATE quotas SET usage = usage + 1 WHERE quota_id = 'compute.images.count'");
}

test('the bytes of a deleted image go when the grace period is over, not before', async () => {
  const { imageId, layerId, key } = await pushed();
  await deleted(imageId);
  await age(layerId, (GRACE_SECONDS - 60) * 1000);
  expect(await registry.settledFaults()).toEqual([]);
  expect(await keys()).toContain(key);
  await age(layerId, 60_000);
  await registry.tick();
  expect(await registry.settledFaults()).toEqual([]);
  expect(await keys()).not.toContain(key);
});

test('bytes that another image names stay, and are counted once, until that one goes too', async () => {
  const { imageId, layerId, key } = await pushed();
  await nameAgain(imageId, 'fd8another0000000000');
  expect(await registry.settledFaults()).toEqual([]);
  await deleted(imageId);
  await sql('UPDATE layers SET unnamed_at = 1 WHERE unnamed_at IS NOT NULL');
  await registry.tick();
  expect(await registry.settledFaults()).toEqual([]);
  expect(await keys()).toContain(key);
  await deleted('fd8another0000000000');
  await age(layerId, GRACE_SECONDS * 1000);
  await registry.tick();
  expect(await registry.settledFaults()).toEqual([]);
  expect(await keys()).not.toContain(key);
});

test('bytes that are named again within the grace period stay, whatever the row of the layer says', async () => {
  const { imageId, layerId, key } = await pushed();
  await nameAgain(imageId, 'fd8later000000000000');
  await deleted(imageId);
  await sql("UPDATE layers SET state = 'UNNAMED', unnamed_at = 1 WHERE id = ?", layerId);
  await registry.tick();
  await registry.settledFaults();
  expect(await keys()).toContain(key);
  await deleted('fd8later000000000000');
  await age(layerId, GRACE_SECONDS * 1000);
  await registry.tick();
  expect(await registry.settledFaults()).toEqual([]);
  expect(await keys()).not.toContain(key);
});
