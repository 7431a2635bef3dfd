import { z } from '@hono/zod-openapi';
import { updateMask } from '../content.ts';
import { int64Text, message, nextPageToken, requiredText } from '../json.ts';
import { hardwareGeneration, hardwareGenerationMessage } from './hardware-generation.ts';
import { resourceContent, resourceFields } from './resource.ts';

export const createSnapshotBody = message({
  folderId: requiredText(50),
  diskId: requiredText(50),
  ...resourceContent,
  hardwareGeneration: hardwareGenerationMessage.optional(),
}).openapi('CreateSnapshotRequest', {
  example: { folderId: 'default', diskId: 'fhm4t9p2u6o1c8k3g5e7', name: 'before-update' },
});

export const updateSnapshotBody = message({ updateMask, ...resourceContent }).openapi(
  'UpdateSnapshotRequest',
  { example: { updateMask: 'description', description: 'Before the update' } },
);

export const snapshotPath = z.object({ snapshotId: requiredText(50) });

export const snapshot = z
  .object({
    ...resourceFields,
    storageSize: int64Text.optional(),
    diskSize: int64Text,
    productIds: z.array(z.string()).optional(),
    sourceDiskId: z.string(),
    hardwareGeneration,
    layerId: z.string(),
    etag: z.string(),
  })
  .openapi('Snapshot');

export const snapshotList = z
  .object({ snapshots: z.array(snapshot).optional(), nextPageToken })
  .openapi('ListSnapshotsResponse');
