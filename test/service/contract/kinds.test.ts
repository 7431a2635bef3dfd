/** What updates and deletions do to images, disks and snapshots alike, row by row. */
import { describe, expect, test } from 'vitest';
import { type Fields, IMAGES, type Operation } from '../client.ts';
import { EMPTY_DISK_BYTES } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { AMPLE, newTenant } from '../tenant.ts';
import { COMPUTE, DISK_BYTES, EMPTY, KINDS, type Kind, type Shown, stockOf } from './kinds.ts';

const { local } = await startOwn();
const { api, folderId, otherFolderId } = await newTenant(local, { limits: AMPLE });
const stock = await stockOf(api, folderId);
const V2 = { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } };
const UNKNOWN = 'fd800000000000000000';

let count = 0;
const newName = () => `row-${++count}`;
const pathOf = (kind: Kind, { id }: { readonly id: string }) => `${kind.path}/${id}`;

describe.each(KINDS)('an update of $name', (kind) => {
  const before = { name: 'before', description: 'd', labels: { a: '1', b: '2' } };
  /** What is sent, and what is then another. undefined is gone. */
  const rows: [sent: Fields, changed: Fields][] = [
    [{ updateMask: 'name', name: 'after', description: 'x' }, { name: 'after' }],
    [{ updateMask: 'name' }, { name: undefined }],
    [{ updateMask: 'name', name: '' }, { name: undefined }],
    [{ updateMask: 'description' }, { description: undefined }],
    [{ updateMask: 'description', description: null }, { description: undefined }],
    [{ updateMask: 'labels', labels: { c: '3' } }, { labels: { c: '3' } }],
    [{ updateMask: 'labels' }, { labels: undefined }],
    [
      { updateMask: 'labels,name', name: 'two', labels: {} },
      { labels: undefined, name: 'two' },
    ],
    [{ update_mask: 'description', description: 'snake' }, { description: 'snake' }],
    [{ name: 'maskless' }, { name: 'maskless', description: undefined, labels: undefined }],
    [
      { updateMask: '', labels: { e: '5' } },
      { name: undefined, description: undefined, labels: { e: '5' } },
    ],
    [{}, { name: undefined, description: undefined, labels: undefined }],
  ];
  test.each(rows)('%j', async (sent, changed) => {
    const prefix = newName();
    const named = (fields: Fields) =>
      typeof fields.name === 'string' && fields.name !== ''
        ? { ...fields, name: `${prefix}-${fields.name}` }
        : fields;
    const one = await stock.make(kind, named(before));
    await api.call('PATCH', pathOf(kind, one), named(sent));
    const after = await api.get<Shown>(pathOf(kind, one));
    expect(after).toEqual({ ...one, ...named(changed), etag: after.etag });
    expect(after.etag).not.toBe(one.etag);
  });

  const wrong: [why: string, sent: Fields, status: number, code: number][] = [
    ['an unknown field', { updateMask: 'nosuch' }, 400, 3],
    ['a field that is read only', { updateMask: 'status' }, 400, 3],
    ['its folder', { updateMask: 'folderId', folderId: otherFolderId }, 400, 3],
    ['its generation', { updateMask: 'hardwareGeneration', hardwareGeneration: V2 }, 400, 3],
    ['a part of a field', { updateMask: 'labels.a' }, 400, 3],
    ['everything', { updateMask: '*' }, 400, 3],
    ['a field next to a wrong one', { updateMask: 'name,nosuch', name: 'wrong' }, 400, 3],
    ['the name of another one', { updateMask: 'name', name: `taken-${kind.name}` }, 409, 6],
  ];
  test.each(wrong)('that names %s is refused', async (_, sent, status, code) => {
    await stock.make(kind, { name: `taken-${kind.name}` }).catch(() => undefined);
    const one = await stock.make(kind, { description: 'kept' });
    expect(await api.refused('PATCH', pathOf(kind, one), sent)).toMatchObject({ status, code });
    expect(await api.get(pathOf(kind, one))).toEqual(one);
  });

  test('of what is unknown is refused', async () => {
    const refused = await api.refused('PATCH', pathOf(kind, { id: UNKNOWN }), { name: 'x' });
    expect(refused).toMatchObject({ status: 404, code: 5, message: `${kind.title} "${UNKNOWN}" not found` });
  });
});

describe('an update of', () => {
  const rows: [kind: Kind, sent: Fields, size: unknown][] = [
    [KINDS[0]!, { updateMask: 'minDiskSize' }, { minDiskSize: String(EMPTY_DISK_BYTES) }],
    [KINDS[0]!, { updateMask: 'minDiskSize', minDiskSize: 0 }, { minDiskSize: String(EMPTY_DISK_BYTES) }],
    [
      KINDS[0]!,
      { update_mask: 'min_disk_size', min_disk_size: EMPTY_DISK_BYTES + 1 },
      { minDiskSize: String(EMPTY_DISK_BYTES + 1) },
    ],
    [KINDS[1]!, { updateMask: 'size', size: '8388608' }, { size: '8388608' }],
    [KINDS[1]!, { updateMask: 'size', size: DISK_BYTES }, { size: DISK_BYTES }],
    [KINDS[1]!, { updateMask: 'size' }, { size: DISK_BYTES }],
  ];
  test.each(rows)('$name sizes: %j', async (kind, sent, size) => {
    const one = await stock.make(kind, kind.name === 'image' ? { minDiskSize: 2 * EMPTY_DISK_BYTES } : {});
    await api.call('PATCH', pathOf(kind, one), sent);
    expect(await api.get(pathOf(kind, one))).toMatchObject(size as Fields);
  });

  test('a disk makes it no smaller', async () => {
    const disk = await stock.make(KINDS[1]!, { size: '8388608' });
    const body = { updateMask: 'size', size: DISK_BYTES };
    expect(await api.refused('PATCH', pathOf(KINDS[1]!, disk), body)).toMatchObject({ status: 400, code: 3 });
    expect(await api.get(pathOf(KINDS[1]!, disk))).toEqual(disk);
  });

  test('an image that is not READY is refused', async () => {
    const creating = await api.create({ folderId, upload: { size: 1 } });
    const path = `${IMAGES}/${creating.metadata.imageId}`;
    expect(await api.refused('PATCH', path, { name: newName() })).toMatchObject({ status: 400, code: 9 });
  });
});

describe.each(KINDS)('a deletion of $name', (kind) => {
  test('is for good: it is found nowhere, its name is free, its operation stays', async () => {
    const name = newName();
    const one = await stock.make(kind, { name });
    const operation = await api.call<Operation>('DELETE', pathOf(kind, one));
    expect(operation).toMatchObject({
      done: true,
      description: `Delete ${kind.name}`,
      metadata: { '@type': `${COMPUTE}Delete${kind.title}Metadata`, [kind.id]: one.id },
      response: EMPTY,
    });
    const gone = { status: 404, code: 5, message: `${kind.title} "${one.id}" not found` };
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/operations'],
      ['GET', ':listAccessBindings'],
    ] as const) {
      expect(await api.refused(method, pathOf(kind, one) + path)).toMatchObject(gone);
    }
    const list = await api.get<Readonly<Record<string, Shown[]>>>(
      `${kind.path}?folderId=${folderId}&pageSize=1000`,
    );
    expect(list[kind.list]!.map(({ id }) => id)).not.toContain(one.id);
    expect((await stock.make(kind, { name })).name).toBe(name);
    expect(await api.get(`/operations/${operation.id}`)).toEqual(operation);
  });

  test('leaves what was made from it, and what it was made from', async () => {
    const one = await stock.make(kind);
    const copy = await api.call<Operation>('POST', IMAGES, { folderId, [kind.id]: one.id });
    expect(copy).toMatchObject({ done: true, response: { status: 'READY' } });
    await api.call('DELETE', pathOf(kind, one));
    const left = await api.image(copy.metadata.imageId as string);
    expect(left).toMatchObject({ status: 'READY', source: { kind: kind.name, id: one.id } });
    expect(await api.image(stock.imageId)).toMatchObject({ status: 'READY' });
  });

  test('of what is unknown is refused', async () => {
    const refused = await api.refused('DELETE', pathOf(kind, { id: UNKNOWN }));
    expect(refused).toMatchObject({ status: 404, code: 5, message: `${kind.title} "${UNKNOWN}" not found` });
  });
});
