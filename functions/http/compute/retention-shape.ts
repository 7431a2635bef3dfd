import type { z } from 'zod';
import { RETENTION_RULES, type RetentionPolicy } from '../../../core/retention.ts';
import type { RetentionPreview } from '../../../registry/families/preview.ts';
import type {
  retentionPolicy as policyWire,
  retentionPreview as previewWire,
} from '../../../schema/wire/compute/retention.ts';
import { compact, int64Text, time } from '../wire.ts';

type PreviewWire = z.infer<typeof previewWire>;

export function policyShape(policy: RetentionPolicy): z.infer<typeof policyWire> {
  return compact({
    action: policy.action,
    keepLast: int64Text(policy.keepLast),
    keepWithin: policy.keepWithinMs === null ? undefined : durationText(policy.keepWithinMs),
    minAge: durationText(policy.minAgeMs),
    includePublic: policy.includePublic,
  });
}

function durationText(ms: number): string {
  return `${ms / 1000}s`;
}

/** A page of a preview; the sums are those of the page. */
export function previewShape({ items, nextRunAt, nextPageToken }: RetentionPreview): PreviewWire {
  const count = (action: string) => int64Text(items.filter((one) => one.action === action).length);
  return compact({
    images: items.map(({ image, action, rule, bytesFreed }) =>
      compact({
        imageId: image.id,
        name: image.name,
        createdAt: time(image.createdAt),
        action,
        rule,
        reason: RETENTION_RULES[rule],
        bytesFreed: int64Text(bytesFreed),
      }),
    ),
    deleted: count('DELETE'),
    deprecated: count('DEPRECATE'),
    kept: count('KEEP'),
    bytesFreed: int64Text(items.reduce((sum, { bytesFreed }) => sum + bytesFreed, 0)),
    nextRunAt: nextRunAt === null ? undefined : time(nextRunAt),
    nextPageToken,
  }) as PreviewWire;
}
