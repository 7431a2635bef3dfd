import { DELETION_REASONS } from '../../../core/deletion.ts';
import { checkFamily, checkFileName, checkProductIds } from '../../../core/names.ts';
import { MAX_MIN_DISK_SIZE_BYTES, MIN_DISK_SIZE_BYTES } from '../../../core/sizes.ts';
import { MAX_UPLOAD_BYTES, MIN_UPLOAD_BYTES } from '../../../core/upload-plan.ts';
import * as z from '../../zod.ts';
import { updateMask } from '../content.ts';
import {
  bool,
  enumeration,
  int64,
  int64Text,
  message,
  nextPageToken,
  optionalInt64,
  optionalText,
  query,
  requiredOr,
  requiredText,
  ruled,
  timestamp,
} from '../json.ts';
import { deprecation } from './deprecation.ts';
import { hardwareGeneration, hardwareGenerationMessage } from './hardware-generation.ts';
import { listParameters, resourceContent, resourceFields } from './resource.ts';

const osMessage = message({
  type: enumeration(['TYPE_UNSPECIFIED', 'LINUX', 'WINDOWS']).optional(),
  nvidia: message({ driver: optionalText(256) }).optional(),
});

const uploadMessage = message({
  size: int64(MIN_UPLOAD_BYTES, MAX_UPLOAD_BYTES).openapi({
    description: 'exact length of the file in bytes',
  }),
  sha256: z
    .string({ error: 'expected a string' })
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .transform((digits) => digits.toLowerCase())
    .optional(),
  format: enumeration(['FORMAT_UNSPECIFIED', 'QCOW2', 'VMDK', 'VHD', 'RAW']).optional(),
  fileName: ruled(checkFileName).optional(),
}).openapi('UploadSource');

/** The sources; the presence of a member decides, so that an empty one beside another is two. */
export const SOURCES = ['imageId', 'diskId', 'snapshotId', 'uri', 'upload'] as const;

export const createImageBody = message({
  folderId: requiredText(50),
  ...resourceContent,
  family: ruled(checkFamily).optional(),
  minDiskSize: optionalInt64(MIN_DISK_SIZE_BYTES, MAX_MIN_DISK_SIZE_BYTES),
  productIds: z
    .array(z.string({ error: requiredOr('a string') }), { error: requiredOr('an array') })
    .superRefine((ids, context) => {
      const reason = checkProductIds(ids);
      if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
    })
    .optional(),
  imageId: requiredText(50).optional(),
  diskId: requiredText(50).optional(),
  snapshotId: requiredText(50).optional(),
  uri: requiredText(8192).optional(),
  upload: uploadMessage.optional(),
  os: osMessage.optional(),
  pooled: bool().optional(),
  candidate: bool().optional(),
  deleteProtection: bool().optional(),
  hardwareGeneration: hardwareGenerationMessage.optional(),
})
  .superRefine((given, context) => {
    const sources = SOURCES.filter((source) => given[source] !== undefined);
    if (sources.length === 1) return;
    const list = 'image_id, disk_id, snapshot_id, uri, upload';
    context.addIssue({
      code: 'custom',
      path: ['source'],
      message:
        sources.length === 0
          ? `exactly one of ${list} is required`
          : `exactly one of ${list} may be given, not ${sources.length}`,
    });
  })
  .superRefine(({ candidate, family }, context) => {
    if (candidate !== true || family) return;
    const text = 'only an image of a family can be a candidate; give family as well';
    context.addIssue({ code: 'custom', path: ['candidate'], message: text });
  })
  .openapi('CreateImageRequest', {
    example: {
      folderId: 'default',
      name: 'base-1',
      family: 'base',
      labels: { team: 'images' },
      upload: { size: '8388608', format: 'QCOW2', fileName: 'base-1.qcow2' },
    },
  });

export const updateImageBody = message({
  updateMask,
  ...resourceContent,
  minDiskSize: optionalInt64(MIN_DISK_SIZE_BYTES, MAX_MIN_DISK_SIZE_BYTES),
  deleteProtection: bool().optional(),
}).openapi('UpdateImageRequest', {
  example: {
    updateMask: 'description,labels',
    description: 'The base of all machines',
    labels: { team: 'images' },
  },
});

export const undeleteImageBody = message({ name: resourceContent.name }).openapi('UndeleteImageRequest', {
  example: { name: 'base-1-again' },
});

export const imagePath = z.object({ imageId: requiredText(50) });
const view = z.enum(['BASIC', 'FULL'], { error: 'expected BASIC or FULL' }).optional();
const showDeleted = bool().optional();
export const imageQuery = query({ view, showDeleted });
export const deleteImageQuery = query({ purge: bool().optional(), force: bool().optional() });
export const latestByFamilyQuery = query({
  folderId: requiredText(50),
  family: ruled(checkFamily).default(''),
});
export const listImagesQuery = query({
  ...listParameters,
  view,
  showDeleted,
});

/** A finding as the contract of inspections has it. */
const finding = z
  .object({
    code: z.string().openapi({ example: 'BACKING_FILE' }),
    severity: z.enum(['REJECT', 'WARN', 'INFO']),
    message: z.string(),
    offset: z.string().optional(),
    field: z.string().optional(),
    expected: z.string().optional(),
    found: z.string().optional(),
    reference: z.string().optional(),
  })
  .openapi('Finding');

export const inspection = z
  .looseObject({
    verdict: z.enum(['accept', 'reject']),
    format: z.enum(['QCOW2', 'VMDK', 'VHD', 'RAW']).optional(),
    virtualSize: int64Text.optional(),
    fileSize: int64Text,
    partitionTable: z.enum(['GPT', 'MBR', 'NONE']).optional(),
    partitions: z.array(z.looseObject({ number: z.number(), start: int64Text, size: int64Text })).optional(),
    bootModes: z.array(z.enum(['BIOS', 'UEFI'])).optional(),
    osFamily: z.enum(['LINUX', 'WINDOWS', 'BSD', 'OTHER']).optional(),
    findings: z.array(finding),
  })
  .openapi('Inspection');

export const image = z
  .object({
    ...resourceFields,
    family: z.string().optional(),
    size: int64Text.optional(),
    storageSize: int64Text.optional(),
    minDiskSize: int64Text.optional(),
    productIds: z.array(z.string()).optional(),
    os: z
      .object({
        type: z.enum(['LINUX', 'WINDOWS']).optional(),
        nvidia: z.object({ driver: z.string() }).optional(),
      })
      .optional(),
    pooled: z.boolean().optional(),
    hardwareGeneration: hardwareGeneration.optional(),
    layerId: z.string().optional(),
    digest: z
      .string()
      .optional()
      .openapi({ example: `sha256:${'0'.repeat(64)}` }),
    source: z.object({ kind: z.string(), id: z.string().optional(), uri: z.string().optional() }),
    architecture: z.string().optional(),
    inspection: inspection.optional(),
    promotedAt: timestamp.optional(),
    candidate: z.boolean().optional(),
    deprecation: deprecation.optional(),
    deleteProtection: z.boolean().optional(),
    leases: z.number().int().optional(),
    deletedAt: timestamp.optional(),
    deletedBy: z.string().optional(),
    reason: z.enum(DELETION_REASONS).optional(),
    purgeAt: timestamp.optional(),
    purgedAt: timestamp.optional(),
    etag: z.string(),
  })
  .openapi('Image', {
    example: {
      id: 'fd8q3k0v5m2r7t9w1x4z',
      folderId: 'default',
      createdAt: '2026-04-01T07:13:41.123Z',
      name: 'base-1',
      labels: { team: 'images' },
      family: 'base',
      size: '618659840',
      storageSize: '620756992',
      minDiskSize: '10737418240',
      status: 'READY',
      os: { type: 'LINUX' },
      hardwareGeneration: { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } },
      layerId: 'fd8w2e4r6t8y0u1i3o5p',
      digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
      source: { kind: 'upload' },
      architecture: 'X86_64',
      etag: 'fd8q3k0v5m2r7t9w1x4z-1-d',
    },
  });

export const imageList = z
  .object({ images: z.array(image).optional(), nextPageToken })
  .openapi('ListImagesResponse');
