import type { z } from 'zod';
import type { Family } from '../../../registry/families/read.ts';
import type { PromotionRow } from '../../../schema/tables/families.ts';
import type { imageFamily, promotion as promotionWire } from '../../../schema/wire/compute/family.ts';
import { compact, int64Text, time } from '../wire.ts';
import { policyShape } from './retention-shape.ts';

export const FAMILY_TYPE = 'bullion.v1.ImageFamily';

export function familyShape(family: Family): z.infer<typeof imageFamily> {
  return compact({
    folderId: family.folderId,
    family: family.family,
    latestImageId: family.latestImageId,
    imageCount: int64Text(family.imageCount),
    candidateCount: int64Text(family.candidateCount),
    size: int64Text(family.sizeBytes),
    policy: family.policy === null ? undefined : policyShape(family.policy),
    nextRunAt: family.nextRunAt === null ? undefined : time(family.nextRunAt),
  });
}

export function promotionShape(promotion: PromotionRow): z.infer<typeof promotionWire> {
  return compact({
    id: promotion.id,
    imageId: promotion.imageId,
    fromImageId: promotion.fromImageId,
    promotedAt: time(promotion.promotedAt),
    promotedBy: promotion.promotedBy,
    note: promotion.note,
  });
}
