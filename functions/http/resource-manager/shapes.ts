import type { z } from 'zod';
import type { Cloud } from '../../../registry/identity/clouds.ts';
import type { Folder } from '../../../registry/identity/folders.ts';
import type { cloud as cloudWire } from '../../../schema/wire/resource-manager/cloud.ts';
import type { folder as folderWire } from '../../../schema/wire/resource-manager/folder.ts';
import { compact, nonEmpty, time } from '../wire.ts';

export const CLOUD_TYPE = 'yandex.cloud.resourcemanager.v1.Cloud';
export const FOLDER_TYPE = 'yandex.cloud.resourcemanager.v1.Folder';

/** A cloud as the contract shows it. */
export function cloudShape(cloud: Cloud): z.infer<typeof cloudWire> {
  return compact({
    id: cloud.id,
    createdAt: time(cloud.createdAt),
    name: cloud.name,
    description: cloud.description,
    organizationId: cloud.organizationId,
    labels: nonEmpty(cloud.labels),
  }) as z.infer<typeof cloudWire>;
}

/** A folder as the contract shows it; results of operations from before folders had a status have none. */
export function folderShape(folder: Folder): z.infer<typeof folderWire> {
  return compact({
    id: folder.id,
    cloudId: folder.cloudId,
    createdAt: time(folder.createdAt),
    name: folder.name,
    description: folder.description,
    labels: nonEmpty(folder.labels),
    status: folder.status ?? 'ACTIVE',
  }) as z.infer<typeof folderWire>;
}
