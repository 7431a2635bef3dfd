import { MAX_DISK_SIZE_BYTES, MAX_MIN_DISK_SIZE_BYTES, MIN_DISK_SIZE_BYTES } from '../../../core/sizes.ts';
import * as z from '../../zod.ts';
import { updateMask } from '../content.ts';
import {
  int64,
  int64Text,
  message,
  nextPageToken,
  optionalInt64,
  optionalText,
  requiredOr,
  requiredText,
} from '../json.ts';
import { hardwareGeneration, hardwareGenerationMessage } from './hardware-generation.ts';
import { resourceContent, resourceFields } from './resource.ts';

const MAX_PARTITIONS = 2 ** 31;

const diskPlacementPolicyMessage = message({
  placementGroupId: optionalText(50),
  placementGroupPartition: optionalInt64(1, MAX_PARTITIONS),
}).superRefine((given, context) => {
  if (given.placementGroupPartition === undefined || given.placementGroupId) return;
  context.addIssue({
    code: 'custom',
    path: ['placementGroupPartition'],
    message: 'is of a placement group: give placement_group_id as well, or neither',
  });
});

export const createDiskBody = message({
  folderId: requiredText(50),
  ...resourceContent,
  typeId: optionalText(50),
  zoneId: requiredText(50),
  size: int64(MIN_DISK_SIZE_BYTES, MAX_DISK_SIZE_BYTES),
  blockSize: optionalInt64(4096, 131_072),
  imageId: requiredText(50).optional(),
  snapshotId: requiredText(50).optional(),
  diskPlacementPolicy: diskPlacementPolicyMessage.optional(),
  snapshotScheduleIds: z
    .array(z.string({ error: requiredOr('a string') }).max(50, 'must be at most 50 characters long'), {
      error: 'expected a list',
    })
    .optional(),
  hardwareGeneration: hardwareGenerationMessage.optional(),
  kmsKeyId: optionalText(50),
})
  .superRefine((given, context) => {
    if (given.imageId === undefined || given.snapshotId === undefined) return;
    context.addIssue({
      code: 'custom',
      path: ['source'],
      message: 'at most one of image_id, snapshot_id may be given, not 2',
    });
  })
  .openapi('CreateDiskRequest', {
    example: {
      folderId: 'default',
      name: 'data-1',
      zoneId: 'ru-central1-a',
      typeId: 'network-ssd',
      size: '10737418240',
    },
  });

/** A disk grows up to the size that an image of it can have; 0 stands for not given. */
export const updateDiskBody = message({
  updateMask,
  ...resourceContent,
  size: optionalInt64(MIN_DISK_SIZE_BYTES, MAX_MIN_DISK_SIZE_BYTES),
  diskPlacementPolicy: diskPlacementPolicyMessage.optional(),
}).openapi('UpdateDiskRequest', { example: { updateMask: 'size', size: '21474836480' } });

export const moveDiskBody = message({ destinationFolderId: requiredText(50) }).openapi('MoveDiskRequest', {
  example: { destinationFolderId: 'b1g7d3k9m2q5s8u1v4a6' },
});

export const relocateDiskBody = message({
  destinationZoneId: requiredText(50),
  diskPlacementPolicy: diskPlacementPolicyMessage.optional(),
}).openapi('RelocateDiskRequest', { example: { destinationZoneId: 'ru-central1-b' } });

export const diskPath = z.object({ diskId: requiredText(50) });

export const disk = z
  .object({
    ...resourceFields,
    typeId: z.string(),
    zoneId: z.string(),
    size: int64Text,
    blockSize: int64Text,
    productIds: z.array(z.string()).optional(),
    sourceImageId: z.string().optional(),
    sourceSnapshotId: z.string().optional(),
    diskPlacementPolicy: z.object({}),
    hardwareGeneration,
    layerId: z.string(),
    layerIds: z.array(z.string()).optional(),
    etag: z.string(),
  })
  .openapi('Disk', {
    example: {
      id: 'fhm4t9p2u6o1c8k3g5e7',
      folderId: 'default',
      createdAt: '2026-04-01T07:13:41.123Z',
      name: 'data-1',
      status: 'READY',
      typeId: 'network-ssd',
      zoneId: 'ru-central1-a',
      size: '10737418240',
      blockSize: '4096',
      sourceImageId: 'fd8q3k0v5m2r7t9w1x4z',
      diskPlacementPolicy: {},
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } },
      layerId: 'fd8w2e4r6t8y0u1i3o5p',
      etag: 'fhm4t9p2u6o1c8k3g5e7-1',
    },
  });

export const diskList = z
  .object({ disks: z.array(disk).optional(), nextPageToken })
  .openapi('ListDisksResponse');
