/** Updating and deleting images. */
import { describe, expect, test } from 'vitest';
import { type Fields, IMAGES, type Image, imageIdOf, type Operation } from '../client.ts';
import { EMPTY_DISK_BYTES, emptyDisk } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from '../tenant.ts';

const { local } = await startOwn();
const { api, folderId, cloudId } = await newTenant(local, { limits: AMPLE });
const bytes = await emptyDisk();
const UNKNOWN = 'fd800000000000000000';
const ready = (fields: Fields = {}) => api.ready(bytes, { folderId, ...fields });
const patch = (id: string, body: Fields) => api.call<Operation>('PATCH', `${IMAGES}/${id}`, body);
const refusedPatch = (id: string, body: Fields) => api.refused('PATCH', `${IMAGES}/${id}`, body);
const remove = (id: string) => api.call<Operation>('DELETE', `${IMAGES}/${id}`);
/** Updates and answers the image as it then is. */
const patched = async ({ id }: Image, body: Fields) => {
  await api.finished(await patch(id, body));
  return await api.image(id);
};
/** For changes that are refused. */
const kept = await ready({ family: 'kept' });
const LABELLED = { description: 'd', labels: { k: 'v', l: 'w' } };

describe('an update', () => {
  test('A100 changes exactly the fields of its mask', async () => {
    const image = await ready({ name: 'n1', ...LABELLED });
    const after = await patched(image, { updateMask: 'name', name: 'n2', description: 'other' });
    expect(after).toEqual({ ...image, name: 'n2', etag: after.etag });
  });

  test('A101 takes away a field of its mask that has no value', async () => {
    const after = await patched(await ready(LABELLED), { updateMask: 'description' });
    expect(after).not.toHaveProperty('description');
    expect(after.labels).toEqual(LABELLED.labels);
  });

  test.each([undefined, '', null])(
    'A102 without a mask (%j) writes every field that can be updated',
    async (updateMask) => {
      const image = await ready({ ...LABELLED, minDiskSize: 21474836480 });
      const name = `n3-${String(updateMask)}-`.replace(/[^a-z0-9]+$/, '');
      const after = await patched(image, { name, updateMask });
      expect(after).toMatchObject({ name, minDiskSize: String(EMPTY_DISK_BYTES) });
      expect(after).not.toHaveProperty('description');
      expect(after).not.toHaveProperty('labels');
    },
  );

  test('A103 replaces all labels', async () => {
    const after = await patched(await ready(LABELLED), { updateMask: 'labels', labels: { x: 'y' } });
    expect(after.labels).toEqual({ x: 'y' });
    expect(after.description).toBe('d');
  });

  test.each(['min_disk_size', 'minDiskSize', ' minDiskSize , name '])(
    'A104 takes the mask "%s"',
    async (updateMask) => {
      const after = await patched(await ready(), { updateMask, minDiskSize: '21474836480' });
      expect(after.minDiskSize).toBe('21474836480');
    },
  );

  test('A105 refuses a minDiskSize that the disk does not fit', async () => {
    const minDiskSize = EMPTY_DISK_BYTES - 4194304;
    const refused = await refusedPatch(kept.id, { updateMask: 'minDiskSize', minDiskSize });
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['min_disk_size'] });
    expect(refused.message).toContain('Minimal disk size');
    expect(await api.image(kept.id)).toEqual(kept);
  });

  test.each(['family', 'status', 'id', 'os', 'pooled', 'nosuch', 'name,family', 'labels.k', '*'])(
    'A106 refuses the mask "%s" and changes nothing',
    async (updateMask) => {
      const refused = await refusedPatch(kept.id, { updateMask, family: 'abc', name: 'new' });
      expect(refused).toMatchObject({ status: 400, code: 3, fields: ['update_mask'] });
      expect(await api.image(kept.id)).toEqual(kept);
    },
  );

  test('A107 refuses the name of another image', async () => {
    await ready({ name: 'a107' });
    const refused = await refusedPatch(kept.id, { updateMask: 'name', name: 'a107' });
    expect(refused).toMatchObject({ status: 409, code: 6 });
    // Its own name is no other image's.
    const own = await ready({ name: 'own' });
    expect((await patched(own, { updateMask: 'name', name: 'own' })).name).toBe('own');
  });

  test('A108 is an operation of its type', async () => {
    const { id } = await ready();
    const operation = await patch(id, { updateMask: 'name', name: 'a108' });
    expect(operation).toMatchObject({
      done: true,
      description: 'Update image',
      metadata: {
        '@type': 'type.googleapis.com/yandex.cloud.compute.v1.UpdateImageMetadata',
        imageId: id,
      },
      response: { '@type': 'type.googleapis.com/yandex.cloud.compute.v1.Image', id, name: 'a108' },
    });
  });

  test('A109 of an unknown image is refused', async () => {
    const refused = await refusedPatch(UNKNOWN, { updateMask: 'name', name: 'x' });
    expect(refused).toMatchObject({ status: 404, code: 5, message: `Image "${UNKNOWN}" not found` });
  });

  test('of an image that is being created is refused', async () => {
    const id = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    expect(await refusedPatch(id, { updateMask: 'name', name: 'x' })).toMatchObject({ status: 400, code: 9 });
  });

  test.each([
    ['name', { name: 'A' }],
    ['description', { description: 'd'.repeat(257) }],
    ['labels[A]', { labels: { A: 'v' } }],
    ['min_disk_size', { minDiskSize: 1 }],
  ])('refuses a value that breaks the rule of %s', async (field, body) => {
    expect(await refusedPatch(kept.id, body)).toMatchObject({ status: 400, code: 3, fields: [field] });
    expect(await api.image(kept.id)).toEqual(kept);
  });

  test('of many at once each is kept whole', async () => {
    const image = await ready();
    await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        patch(image.id, { updateMask: 'labels', labels: { [`k${index}`]: 'v' } }),
      ),
    );
    const after = await api.image(image.id);
    expect(Object.keys(after.labels ?? {})).toHaveLength(1);
    expect(after.etag).not.toBe(image.etag);
  });
});

describe('a deletion', () => {
  test('A110 is an operation whose response is empty', async () => {
    const { id } = await ready();
    const operation = await api.finished(await remove(id));
    expect(operation).toMatchObject({
      description: 'Delete image',
      metadata: {
        '@type': 'type.googleapis.com/yandex.cloud.compute.v1.DeleteImageMetadata',
        imageId: id,
      },
      response: { '@type': 'type.googleapis.com/google.protobuf.Empty' },
    });
  });

  test('A111 leaves nothing to get or to list', async () => {
    const { id } = await ready({ name: 'a111' });
    await remove(id);
    expect(await api.refused('GET', `${IMAGES}/${id}`)).toMatchObject({ status: 404, code: 5 });
    expect(await api.images(folderId, { filter: 'name = "a111"' })).toEqual([]);
  });

  test('A113 of an unknown image, or of one that is gone, is refused', async () => {
    const { id } = await ready();
    await remove(id);
    for (const gone of [id, UNKNOWN]) {
      expect(await api.refused('DELETE', `${IMAGES}/${gone}`)).toMatchObject({ status: 404, code: 5 });
    }
  });

  test('A114 frees the name at once', async () => {
    const { id } = await ready({ name: 'a114' });
    await remove(id);
    expect((await ready({ name: 'a114' })).name).toBe('a114');
  });

  test('of an image that is being created ends its creation as cancelled', async () => {
    const before = await quotaUse(local, cloudId);
    const creation = await api.create({ folderId, name: 'unfinished', upload: { size: 10 } });
    const id = imageIdOf(creation);
    await api.sign(id, [1]);
    await remove(id);
    expect(await api.finished(creation)).toMatchObject({ done: true, error: { code: 1 } });
    expect(await api.refused('GET', `${IMAGES}/${id}`)).toMatchObject({ status: 404, code: 5 });
    expect(await quotaUse(local, cloudId)).toEqual(before);
  });

  test('that is asked for many times at once is done once', async () => {
    const before = await quotaUse(local, cloudId);
    const { id } = await ready();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => api.send('DELETE', `${IMAGES}/${id}?purge=true`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404, 404, 404]);
    expect(await quotaUse(local, cloudId)).toEqual(before);
  });
});

describe('the version of an image', () => {
  const under = (header: string, tag: string) => ({ headers: { [header]: tag } });

  test('is in its header and its body, and changes with it', async () => {
    const { id, etag } = await ready();
    const answer = await api.send('GET', `${IMAGES}/${id}`);
    expect(answer.headers.get('ETag')).toBe(`"${etag}"`);
    expect((await patched(await api.image(id), { updateMask: 'name', name: 'versioned' })).etag).not.toBe(
      etag,
    );
  });

  test('saves an answer that the caller has already', async () => {
    const { id, etag } = await ready();
    for (const tag of [etag, `"${etag}"`, `W/"${etag}"`, '*', `"other", "${etag}"`]) {
      const answer = await api.send('GET', `${IMAGES}/${id}`, undefined, under('If-None-Match', tag));
      expect([answer.status, answer.text, answer.headers.get('ETag')]).toEqual([304, '', `"${etag}"`]);
    }
    const other = await api.send('GET', `${IMAGES}/${id}`, undefined, under('If-None-Match', '"other"'));
    expect(other.status).toBe(200);
  });

  test('guards updates and deletions', async () => {
    const { id, etag } = await ready();
    const change = { updateMask: 'name', name: 'guarded' };
    const stale = [
      await api.refused('PATCH', `${IMAGES}/${id}`, change, under('If-Match', '"other"')),
      await api.refused('DELETE', `${IMAGES}/${id}`, undefined, under('If-Match', '"other"')),
    ];
    for (const refused of stale) {
      expect(refused).toMatchObject({ status: 412, code: 9 });
      // The version is the same with its digest and without.
      expect(refused.message).toContain(`which is ${etag.replace(/-d$/, '')};`);
    }
    await api.call('PATCH', `${IMAGES}/${id}`, change, under('If-Match', etag));
    await api.refused('DELETE', `${IMAGES}/${id}`, undefined, under('If-Match', etag));
    await api.call('DELETE', `${IMAGES}/${id}`, undefined, under('If-Match', '*'));
  });
});
