import { DEPRECATION_STATES } from '../../../core/deprecation.ts';
import { checkDescription } from '../../../core/names.ts';
import * as z from '../../zod.ts';
import { enumeration, message, requiredText, ruled, timestamp } from '../json.ts';
import { timeBetween } from '../time.ts';

const date = timeBetween('1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z').optional();

const UNSPECIFIED = 'STATE_UNSPECIFIED';
const state = enumeration([UNSPECIFIED, ...DEPRECATION_STATES])
  .transform((given, context) => {
    if (given !== UNSPECIFIED) return given;
    context.addIssue({ code: 'custom', message: `must be one of ${DEPRECATION_STATES.join(', ')}` });
    return z.NEVER;
  })
  .openapi({
    type: 'string',
    enum: [...DEPRECATION_STATES],
    description: 'from now on; ACTIVE without any date takes all of it away',
  });

export const deprecateImageBody = message({
  state,
  replacementImageId: requiredText(50).optional(),
  message: ruled(checkDescription).optional().openapi({ description: 'why, in up to 256 characters' }),
  deprecateAt: date,
  obsoleteAt: date,
  deleteAt: date,
}).openapi('DeprecateImageRequest', {
  example: {
    state: 'DEPRECATED',
    replacementImageId: 'fd8q3k0v5m2r7t9w1x4z',
    message: 'The kernel gets no updates any more',
    obsoleteAt: '2026-10-01T00:00:00Z',
    deleteAt: '2027-04-01T00:00:00Z',
  },
});

/** What an image keeps of its deprecation. */
export const deprecation = z
  .object({
    state: z.enum(DEPRECATION_STATES),
    replacementImageId: z.string().optional(),
    message: z.string().optional(),
    deprecateAt: timestamp.optional(),
    obsoleteAt: timestamp.optional(),
    deleteAt: timestamp.optional(),
  })
  .openapi('Deprecation');
