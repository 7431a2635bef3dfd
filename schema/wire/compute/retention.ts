import {
  DEFAULT_MIN_AGE_MS,
  MAX_KEEP_LAST,
  RETENTION_RULES,
  type RetentionRule,
} from '../../../core/retention.ts';
import * as z from '../../zod.ts';
import { durationBetween } from '../duration.ts';
import {
  bool,
  enumeration,
  int64Text,
  message,
  nextPageToken,
  optionalInt64,
  optionalText,
  timestamp,
} from '../json.ts';

const YEAR_SECONDS = 365 * 86_400;
const MAX_SPAN_SECONDS = 100 * YEAR_SECONDS;
const UNSPECIFIED = 'ACTION_UNSPECIFIED';
const MAX_PAGE = 1000;

const policyFields = {
  keepLast: optionalInt64(1, MAX_KEEP_LAST),
  keepWithin: durationBetween(1, MAX_SPAN_SECONDS).optional(),
  action: enumeration([UNSPECIFIED, 'DELETE', 'DEPRECATE']).optional(),
  minAge: durationBetween(0, MAX_SPAN_SECONDS).optional(),
  includePublic: bool().optional(),
};

type Given = z.infer<z.ZodObject<typeof policyFields>>;

/** A policy is given whole or not at all, so that a forgotten action takes none away. */
function isWhole(given: Given, context: z.RefinementCtx): void {
  const refuse = (field: string, text: string) =>
    context.addIssue({ code: 'custom', path: [field], message: text });
  const { action = UNSPECIFIED, keepLast, keepWithin, minAge, includePublic } = given;
  const isBounded = keepLast !== undefined || keepWithin !== undefined;
  if (action !== UNSPECIFIED && !isBounded) {
    refuse('keepLast', 'is required unless keepWithin says what stays');
  }
  if (action === UNSPECIFIED && (isBounded || minAge !== undefined || includePublic === true)) {
    refuse('action', 'is required for a policy, as DELETE or DEPRECATE; leave out all fields for none');
  }
}

const policyExample = { keepLast: '5', keepWithin: '2592000s', action: 'DELETE' };

export const setRetentionBody = message(policyFields)
  .superRefine(isWhole)
  .openapi('SetRetentionRequest', { example: policyExample });

export const previewRetentionBody = message({
  ...policyFields,
  pageSize: optionalInt64(1, MAX_PAGE),
  pageToken: optionalText(100),
})
  .superRefine(isWhole)
  .openapi('PreviewRetentionRequest', { example: policyExample });

/** The policy of a request; undefined when it has none. */
export function policyIn({ action, keepLast, keepWithin, minAge, includePublic }: Given) {
  if (action === undefined || action === UNSPECIFIED) return undefined;
  return {
    action,
    keepLast: keepLast ?? null,
    keepWithinMs: keepWithin ?? null,
    minAgeMs: minAge ?? DEFAULT_MIN_AGE_MS,
    includePublic: includePublic ?? false,
  };
}

const duration = z.string().openapi({ example: '86400s' });

/** The policy of a family. */
export const retentionPolicy = z
  .object({
    action: z.enum(['DELETE', 'DEPRECATE']),
    keepLast: int64Text.optional(),
    keepWithin: duration.optional(),
    minAge: duration,
    includePublic: z.boolean().optional(),
  })
  .openapi('RetentionPolicy');

export const retentionPreview = z
  .object({
    images: z
      .array(
        z
          .object({
            imageId: z.string(),
            name: z.string().optional(),
            createdAt: timestamp,
            action: z.enum(['KEEP', 'DEPRECATE', 'DELETE']),
            rule: z.enum(Object.keys(RETENTION_RULES) as [RetentionRule, ...RetentionRule[]]),
            reason: z.string(),
            bytesFreed: int64Text.optional(),
          })
          .openapi('RetentionDecision'),
      )
      .optional(),
    deleted: int64Text.optional(),
    deprecated: int64Text.optional(),
    kept: int64Text.optional(),
    bytesFreed: int64Text.optional(),
    nextRunAt: timestamp.optional(),
    nextPageToken,
  })
  .openapi('PreviewRetentionResponse', {
    example: {
      images: [
        {
          imageId: 'fd8q3k0v5m2r7t9w1x4z',
          name: 'base-12',
          createdAt: '2026-04-01T07:13:41.123Z',
          action: 'KEEP',
          rule: 'LATEST',
          reason: RETENTION_RULES.LATEST,
        },
        {
          imageId: 'fd8w2e4r6t8y0u1i3o5p',
          name: 'base-3',
          createdAt: '2025-11-02T09:01:12.004Z',
          action: 'DELETE',
          rule: 'BEYOND_BOTH',
          reason: RETENTION_RULES.BEYOND_BOTH,
          bytesFreed: '618659840',
        },
      ],
      deleted: '1',
      kept: '1',
      bytesFreed: '618659840',
      nextRunAt: '2026-04-01T08:00:02.512Z',
    },
  });
