import { checkDescription, checkFamily } from '../../../core/names.ts';
import * as z from '../../zod.ts';
import {
  int64Text,
  message,
  nextPageToken,
  pageSize,
  pageToken,
  query,
  requiredText,
  ruled,
  timestamp,
} from '../json.ts';
import { retentionPolicy } from './retention.ts';

const note = ruled(checkDescription)
  .optional()
  .openapi({ description: 'why, in up to 256 characters; kept with the promotion' });

export const promoteImageBody = message({ note }).openapi('PromoteImageRequest', {
  example: { note: 'Passed the tests of release 12' },
});

export const rollbackFamilyBody = message({ note }).openapi('RollbackImageFamilyRequest', {
  example: { note: 'Machines of release 12 do not boot' },
});

export const familyPath = z.object({
  folderId: requiredText(50),
  family: ruled((text) => (text === '' ? 'value is required' : checkFamily(text))),
});
export const listFamiliesQuery = query({ folderId: requiredText(50), pageSize, pageToken });
export const promotionsPage = query({ pageSize, pageToken });

export const imageFamily = z
  .object({
    folderId: z.string(),
    family: z.string(),
    latestImageId: z.string().optional(),
    imageCount: int64Text.optional(),
    candidateCount: int64Text.optional(),
    size: int64Text.optional(),
    policy: retentionPolicy.optional(),
    nextRunAt: timestamp.optional(),
  })
  .openapi('ImageFamily', {
    example: {
      folderId: 'default',
      family: 'base',
      latestImageId: 'fd8q3k0v5m2r7t9w1x4z',
      imageCount: '12',
      candidateCount: '1',
      size: '7423918080',
      policy: { action: 'DELETE', keepLast: '5', keepWithin: '2592000s', minAge: '86400s' },
      nextRunAt: '2026-04-01T08:00:02.512Z',
    },
  });

export const imageFamilyList = z
  .object({ families: z.array(imageFamily).optional(), nextPageToken })
  .openapi('ListImageFamiliesResponse');

export const promotion = z
  .object({
    id: z.string(),
    imageId: z.string(),
    fromImageId: z.string().optional(),
    promotedAt: timestamp,
    promotedBy: z.string(),
    note: z.string().optional(),
  })
  .openapi('Promotion', {
    example: {
      id: 'fd8n1b3v5c7x9z2a4s6d',
      imageId: 'fd8q3k0v5m2r7t9w1x4z',
      fromImageId: 'fd8w2e4r6t8y0u1i3o5p',
      promotedAt: '2026-04-01T07:13:41.123Z',
      promotedBy: 'ajek4h1v9r6w3b8n0q5m',
      note: 'Passed the tests of release 12',
    },
  });

export const promotionList = z
  .object({ promotions: z.array(promotion).optional(), nextPageToken })
  .openapi('ListPromotionsResponse');
