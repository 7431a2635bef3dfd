import * as z from '../../zod.ts';
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
  .openapi('Snapshot', {
    example: {
      id: 'fd8b1n3m5k7j9h2g4f6d',
      folderId: 'default',
      createdAt: '2026-04-01T07:13:41.123Z',
      name: 'before-update',
      status: 'READY',
      storageSize: '620756992',
      diskSize: '10737418240',
      sourceDiskId: 'fhm4t9p2u6o1c8k3g5e7',
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } },
      layerId: 'fd8w2e4r6t8y0u1i3o5p',
      etag: 'fd8b1n3m5k7j9h2g4f6d-1',
    },
  });

export const snapshotList = z
  .object({ snapshots: z.array(snapshot).optional(), nextPageToken })
  .openapi('ListSnapshotsResponse');
