import type { z } from 'zod';
import type { disk, diskList } from '../../schema/wire/compute/disk.ts';
import type { snapshot, snapshotList } from '../../schema/wire/compute/snapshot.ts';
import type { Client, Fields, Operation } from './client.ts';

export type Disk = z.infer<typeof disk>;
export type DiskList = z.infer<typeof diskList>;
export type Snapshot = z.infer<typeof snapshot>;
export type SnapshotList = z.infer<typeof snapshotList>;

export const DISKS = '/compute/v1/disks';
export const SNAPSHOTS = '/compute/v1/snapshots';
export const ZONE = 'ru-central1-a';
export const CHUNK = 4 * 2 ** 20;

/** Asks for a disk, an empty one of 4 MiB unless the fields say otherwise. */
export const createDisk = (api: Client, fields: Fields): Promise<Operation> =>
  api.call('POST', DISKS, { zoneId: ZONE, size: String(CHUNK), ...fields });

/** A disk that is READY, its bytes copied if there are any. */
export async function newDisk(api: Client, fields: Fields): Promise<Disk> {
  const operation = await succeeded(api, await createDisk(api, fields));
  return await api.get(`${DISKS}/${operation.metadata.diskId}`);
}

export async function newSnapshot(api: Client, fields: Fields): Promise<Snapshot> {
  const operation = await succeeded(api, await api.call<Operation>('POST', SNAPSHOTS, fields));
  return await api.get(`${SNAPSHOTS}/${operation.metadata.snapshotId}`);
}

async function succeeded(api: Client, begun: Operation): Promise<Operation> {
  const operation = begun.done ? begun : await api.finished(begun);
  if (operation.error !== undefined) throw new Error(`refused: ${JSON.stringify(operation.error)}`);
  return operation;
}
