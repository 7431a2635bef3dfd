/** Input that breaks a rule: refused naming field and rule, and nothing is written. */
import { Agent } from 'node:http';
import { describe, expect, test } from 'vitest';
import { raw } from '../storage/http.ts';
import { type Fields, IMAGES, imageIdOf, type Refusal } from './client.ts';
import { startOwn } from './setup/registry.ts';
import { newTenant, quotaUse } from './tenant.ts';

const { local } = await startOwn();
const { api, folderId, cloudId, key } = await newTenant(local);
await api.create({ folderId, name: 'before', upload: { size: 5 } });

/** Everything that a creation would have changed. */
const state = async () => [
  (await api.send('GET', `${IMAGES}?folderId=${folderId}&pageSize=1000`)).text,
  (await api.send('GET', `/compute/v1/operations?folderId=${folderId}&pageSize=1000`)).text,
  await quotaUse(local, cloudId),
];

const untouched = await state();
/** For creations that succeed. */
const other = await newTenant(local);

/** A creation that is refused and leaves everything as it was. in: JSON, or the text of a body. */
async function refusedCreation(body: unknown) {
  const refused = await api.refused('POST', IMAGES, body);
  expect(await state()).toEqual(untouched);
  return refused;
}

const violationsOf = ({ details }: Refusal) =>
  details.flatMap((detail) => (detail.fieldViolations ?? []) as { field: string; description: string }[]);
const upload = { size: 1 };

describe('a body', () => {
  test.each([
    ['{"folderId": "a",}', 'position 17'],
    ['{"folderId": "a"', 'position 16'],
    ['{folderId: "a"}', 'position 1'],
    ["{'folderId': 'a'}", 'position 1'],
    ['{"a": 01}', 'position'],
    ['{"a": "\n"}', 'position 7'],
    ['', 'folder_id'],
    ['{', 'position 1'],
    ['\ufeff{}x', 'position 2'],
  ])('of %j is refused with the place', async (body, place) => {
    const refused = await refusedCreation(body);
    expect(refused).toMatchObject({ status: 400, code: 3 });
    expect(`${refused.message} ${refused.fields}`).toContain(place);
  });

  test('that is not UTF-8 is refused', async () => {
    const body = JSON.stringify({ folderId, upload, description: '\xff' });
    const bytes = Buffer.from(body, 'latin1');
    const answer = await raw(`${local.url}${IMAGES}`, {
      method: 'POST',
      body: bytes,
      headers: { Authorization: `Api-Key ${key}`, 'Content-Length': String(bytes.length) },
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString()).code).toBe(3);
  });

  const MIB = 2 ** 20;
  const padded = (length: number, id = folderId) => {
    const body = JSON.stringify({ folderId: id, upload, name: 'padded' });
    return body + ' '.repeat(length - body.length);
  };

  test('may have up to 1 MiB', async () => {
    expect(await other.api.call('POST', IMAGES, padded(MIB, other.folderId))).toMatchObject({ done: false });
  });

  // What a connection carries after it shows that the body was read.
  test.each([1, 2, 3, 5, 12].map((length) => length * MIB + 1))(
    'of %d bytes is refused, and the connection serves on',
    async (length) => {
      const refused = await refusedCreation(padded(length));
      expect(refused).toMatchObject({ status: 413, code: 3 });
      expect(refused.message).toContain(String(MIB));
    },
  );

  test('where none is wanted is read as well, and the connection serves on', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = Buffer.from('{"a":1}');
    const headers = { Authorization: `Api-Key ${key}`, 'Content-Length': String(body.length) };
    for (let round = 0; round < 50; round += 1) {
      const path = `${IMAGES}/fd800000000000000000:abortUpload`;
      const unwanted = await raw(`${local.url}${path}`, { method: 'POST', body, headers, agent });
      expect(unwanted.status).toBe(404);
    }
    agent.destroy();
  });

  test('is refused by what arrives when its length is not told', async () => {
    const answer = await raw(`${local.url}${IMAGES}`, {
      method: 'POST',
      headers: { Authorization: `Api-Key ${key}`, 'Transfer-Encoding': 'chunked' },
      body: Buffer.from(padded(MIB + 1)),
    });
    expect(answer.status).toBe(413);
  });

  test('that is nested deeply is read or refused, but not a fault', async () => {
    const deep = `{"folderId":"${folderId}","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(await refusedCreation(deep)).toMatchObject({ status: 400, code: 3 });
  });
});

describe('a field', () => {
  const fields = (more: Fields): Fields => ({ folderId, upload, ...more });
  const source = (more: Fields): Fields => ({ folderId, upload: { size: 1, ...more } });

  test.each<[string, Fields, string]>([
    // Types.
    ['folder_id', { upload, folderId: 7 }, 'expected a string'],
    ['folder_id', { upload, folderId: '' }, 'is required'],
    ['folder_id', { upload, folderId: 'f'.repeat(51) }, 'at most 50'],
    ['name', fields({ name: 7 }), 'expected a string'],
    ['name', fields({ name: ['a'] }), 'expected a string'],
    ['description', fields({ description: {} }), 'expected a string'],
    ['labels', fields({ labels: [] }), 'expected an object'],
    ['labels', fields({ labels: 'k=v' }), 'expected an object'],
    ['labels[k]', fields({ labels: { k: 1 } }), 'expected a string'],
    ['labels[k]', fields({ labels: { k: null } }), 'expected a string'],
    ['family', fields({ family: false }), 'expected a string'],
    ['product_ids', fields({ productIds: 'p1' }), 'expected an array'],
    ['product_ids[1]', fields({ productIds: ['p', 1] }), 'expected a string'],
    ['os', fields({ os: 'LINUX' }), 'expected an object'],
    ['os.nvidia', fields({ os: { nvidia: 'x' } }), 'expected an object'],
    ['os.nvidia.driver', fields({ os: { nvidia: { driver: 535 } } }), 'expected a string'],
    ['hardware_generation', fields({ hardwareGeneration: 'GEN_2' }), 'expected an object'],
    ['upload', { folderId, upload: 5 }, 'expected an object'],
    ['upload', { folderId, upload: [1] }, 'expected an object'],
    // Sizes.
    ['upload.size', source({ size: undefined }), 'is required'],
    ['upload.size', source({ size: 0 }), '1..5497558138880'],
    ['upload.size', source({ size: -1 }), '1..5497558138880'],
    ['upload.size', source({ size: 1.5 }), 'expected an integer'],
    ['upload.size', source({ size: '1.0' }), 'expected an integer'],
    ['upload.size', source({ size: 'many' }), 'expected an integer'],
    ['upload.size', source({ size: 5 * 2 ** 40 + 1 }), '1..5497558138880'],
    ['upload.size', source({ size: '9223372036854775807' }), '1..5497558138880'],
    ['upload.size', source({ size: '9223372036854775808' }), '64 bits'],
    ['upload.size', source({ size: 2 ** 63 }), '64 bits'],
    ['upload.size', source({ size: '-9223372036854775809' }), '64 bits'],
    ['upload.size', source({ size: 1e308 }), 'expected an integer'],
    ['upload.size', source({ size: true }), 'expected an integer'],
    ['min_disk_size', fields({ minDiskSize: '9223372036854775808' }), '64 bits'],
    ['min_disk_size', fields({ minDiskSize: -4194304 }), '4398046511104'],
    // What an upload declares.
    ['upload.sha256', source({ sha256: 'abc' }), '64 hexadecimal digits'],
    ['upload.sha256', source({ sha256: 'g'.repeat(64) }), '64 hexadecimal digits'],
    ['upload.sha256', source({ sha256: 5 }), 'expected a string'],
    ['upload.format', source({ format: 'VHDX' }), 'expected one of'],
    ['upload.file_name', source({ fileName: 'a/b' }), 'without slashes'],
    ['upload.file_name', source({ fileName: '' }), 'is required'],
    ['upload.file_name', source({ fileName: 'a\r\nX: b' }), 'control characters'],
    ['upload.file_name', source({ fileName: 'n'.repeat(256) }), '255'],
    // Sources.
    ['source', { folderId }, 'exactly one of'],
    ['source', { folderId, file: 'disk.img' }, 'exactly one of'],
    ['source', fields({ diskId: 'd' }), 'not 2'],
    ['source', fields({ uri: 'https://h/k', imageId: 'i' }), 'not 3'],
  ])('%s is refused in %j', async (field, body, rule) => {
    const refused = await refusedCreation(body);
    expect(refused).toMatchObject({ status: 400, code: 3 });
    const violations = violationsOf(refused);
    expect(violations.map((violation) => violation.field)).toContain(field);
    expect(violations.find((violation) => violation.field === field)?.description).toContain(rule);
    expect(refused.message).toContain(rule);
  });

  test('is named with all others that are wrong', async () => {
    const refused = await refusedCreation({
      folderId,
      name: 'A',
      family: 'B',
      labels: { C: 'd', e: 'F' },
      minDiskSize: 1,
      upload: { size: 0, sha256: 'x' },
    });
    expect([...refused.fields].sort()).toEqual([
      'family',
      'labels[C]',
      'labels[e]',
      'min_disk_size',
      'name',
      'upload.sha256',
      'upload.size',
    ]);
  });
});

describe('a folder', () => {
  test.each(['unknown', 'b1g00000000000000000', "' OR '1'='1", 'ünïcode'])(
    'that is unknown is denied like one without rights: %s',
    async (id) => {
      const message = `Permission denied to folder ${id}`;
      const denied = { status: 403, code: 7, message };
      expect(await refusedCreation({ folderId: id, upload })).toMatchObject(denied);
      const query = new URLSearchParams({ folderId: id });
      for (const path of [IMAGES, '/compute/v1/operations', `${IMAGES}:latestByFamily`]) {
        expect(await api.refused('GET', `${path}?${query}`)).toMatchObject(denied);
      }
    },
  );
});

describe('who may not ask at all', () => {
  test.each([
    ['POST', IMAGES, '{malformed'],
    ['POST', IMAGES, JSON.stringify({ folderId: 7 })],
    ['POST', IMAGES, ' '.repeat(2 ** 20 + 1)],
    ['GET', `${IMAGES}?foo=1`, undefined],
    ['GET', `${IMAGES}?folderId=x&filter=%3E&pageToken=garbage`, undefined],
    ['PATCH', `${IMAGES}/x`, '{"updateMask":"nosuch"}'],
    ['POST', `${IMAGES}/x:signParts`, '{}'],
  ])('is told so before what is wrong with %s %s', async (method, path, body) => {
    const answer = await fetch(`${local.url}${path}`, { method, ...(body !== undefined && { body }) });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 16 });
  });
});

test('what is refused leaves an image as it was', async () => {
  const imageId = imageIdOf(
    await other.api.create({ folderId: other.folderId, name: 'kept', upload: { size: 5 } }),
  );
  const before = await other.api.image(imageId);
  await other.api.refused('POST', `${IMAGES}/${imageId}:completeUpload`, {});
  await other.api.refused('POST', `${IMAGES}/${imageId}:signParts`, { partNumbers: [2] });
  await other.api.refused('PATCH', `${IMAGES}/${imageId}`, { name: 'A' });
  await other.api.refused('DELETE', `${IMAGES}/${imageId}`, undefined, {
    headers: { 'If-Match': '"other"' },
  });
  expect(await other.api.image(imageId)).toEqual(before);
});
