/** The three kinds of resources that share their rules, for tests that are run on each of them. */
import { expect } from 'vitest';
import { type Client, type Fields, type Operation, TYPE } from '../client.ts';
import { emptyDisk } from '../disks.ts';

export const COMPUTE = `${TYPE}yandex.cloud.compute.v1.`;
export const EMPTY = { '@type': `${TYPE}google.protobuf.Empty` };
export const DISK_BYTES = '4194304';
export const ZONE = 'ru-central1-a';

export type KindName = 'image' | 'disk' | 'snapshot';

/** A resource as it is shown. */
export type Shown = Readonly<Record<string, unknown>> & { readonly id: string; readonly etag: string };

export interface Kind {
  readonly name: KindName;
  /** As in the names of its messages. */
  readonly title: 'Image' | 'Disk' | 'Snapshot';
  /** Of the collection. */
  readonly path: string;
  /** What lists have it under. */
  readonly list: string;
  /** What names it in paths, bodies and metadata. */
  readonly id: 'imageId' | 'diskId' | 'snapshotId';
}

export const KINDS: readonly Kind[] = [
  { name: 'image', title: 'Image', path: '/compute/v1/images', list: 'images', id: 'imageId' },
  { name: 'disk', title: 'Disk', path: '/compute/v1/disks', list: 'disks', id: 'diskId' },
  { name: 'snapshot', title: 'Snapshot', path: '/compute/v1/snapshots', list: 'snapshots', id: 'snapshotId' },
];

/** What the resources of a folder are made from: an image with a family, and an empty disk. */
export interface Stock {
  readonly imageId: string;
  readonly diskId: string;
  /** The least that makes a resource of a kind, which is then READY in the same call. */
  body(kind: Kind, folderId?: string): Fields;
  /** Makes one; answers it as it is shown. */
  make(kind: Kind, fields?: Fields): Promise<Shown>;
}

export const FAMILY = 'stock';

export async function stockOf(api: Client, folderId: string): Promise<Stock> {
  const image = await api.ready(await emptyDisk(), { folderId, family: FAMILY });
  const diskBody = { folderId, zoneId: ZONE, size: DISK_BYTES };
  const disk = await api.call<Operation>('POST', '/compute/v1/disks', diskBody);
  const diskId = disk.metadata.diskId as string;
  const body = ({ name }: Kind, folder = folderId): Fields => {
    if (name === 'image') return { folderId: folder, imageId: image.id };
    if (name === 'disk') return { ...diskBody, folderId: folder };
    return { folderId: folder, diskId };
  };
  return {
    imageId: image.id,
    diskId,
    body,
    async make(kind, fields = {}) {
      const operation = await api.call<Operation>('POST', kind.path, { ...body(kind), ...fields });
      expect(operation).toMatchObject({ done: true, response: { status: 'READY' } });
      return await api.get<Shown>(`${kind.path}/${operation.metadata[kind.id]}`);
    },
  };
}
