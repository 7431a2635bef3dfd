/** Deprecation: which state an image is in at a time, and which dates a request comes to. Times in milliseconds since 1970. */
import { type FieldViolation, invalidFields } from './errors.ts';
import { formatTimestamp } from './timestamps.ts';

export const DEPRECATION_STATES = ['ACTIVE', 'DEPRECATED', 'OBSOLETE'] as const;
export type DeprecationState = (typeof DEPRECATION_STATES)[number];

/** From when on an image is DEPRECATED, OBSOLETE, and to be deleted: past or ahead, null for never. */
export interface DeprecationDates {
  readonly deprecateAt: number | null;
  readonly obsoleteAt: number | null;
  readonly deleteAt: number | null;
}

/** The whole of what an image keeps of its deprecation. */
export interface Deprecation extends DeprecationDates {
  readonly replacementImageId: string | null;
  readonly deprecationMessage: string | null;
}

export const NO_DEPRECATION: Deprecation = {
  deprecateAt: null,
  obsoleteAt: null,
  deleteAt: null,
  replacementImageId: null,
  deprecationMessage: null,
};

type Begun = Pick<DeprecationDates, 'deprecateAt' | 'obsoleteAt'>;

/** The state at a time, whether or not anybody has noted that its date came. */
export function deprecationState({ deprecateAt, obsoleteAt }: Begun, now: number): DeprecationState {
  if (hasCome(obsoleteAt, now)) return 'OBSOLETE';
  return hasCome(deprecateAt, now) ? 'DEPRECATED' : 'ACTIVE';
}

function hasCome(date: number | null, now: number): date is number {
  return date !== null && date <= now;
}

/** What is asked for: the state from now on, and what else is to be known of it. What is absent is taken away. */
export interface DeprecationRequest {
  readonly state: DeprecationState;
  readonly deprecateAt?: number | undefined;
  readonly obsoleteAt?: number | undefined;
  readonly deleteAt?: number | undefined;
  readonly replacementImageId?: string | undefined;
  readonly message?: string | undefined;
}

/** Ten years of 365.25 days. */
export const MAX_AHEAD_MS = 3_652.5 * 86_400_000;

const DATES = [
  ['deprecateAt', 'deprecate_at'],
  ['obsoleteAt', 'obsolete_at'],
  ['deleteAt', 'delete_at'],
] as const;

/**
 * What an image keeps once the request is granted. The date of the state that is asked for is the given one, else the
 * one on which that state began already, else now.
 * in: `before` is what the image has. Throws INVALID_ARGUMENT for dates that are out of order or too far ahead, or
 * that contradict the state.
 */
export function planDeprecation(request: DeprecationRequest, before: Begun, now: number): Deprecation {
  const { state } = request;
  const plan: Deprecation = {
    ...beginOf(request, before, now),
    deleteAt: request.deleteAt ?? null,
    replacementImageId: request.replacementImageId ?? null,
    deprecationMessage: request.message || null,
  };
  const violations = violationsOf(state, plan, now);
  if (violations.length > 0) throw invalidFields(violations);
  return plan;
}

function beginOf(request: DeprecationRequest, before: Begun, now: number): Begun {
  const { state, deprecateAt, obsoleteAt } = request;
  const began = (date: number | null, limit = now) => (date !== null && date <= limit ? date : null);
  switch (state) {
    case 'ACTIVE':
      return { deprecateAt: deprecateAt ?? null, obsoleteAt: obsoleteAt ?? null };
    case 'DEPRECATED':
      return {
        deprecateAt: deprecateAt ?? began(before.deprecateAt) ?? now,
        obsoleteAt: obsoleteAt ?? null,
      };
    case 'OBSOLETE': {
      const end = obsoleteAt ?? began(before.obsoleteAt) ?? now;
      return {
        deprecateAt: deprecateAt ?? began(before.deprecateAt, Math.min(end, now)),
        obsoleteAt: end,
      };
    }
  }
}

function violationsOf(state: DeprecationState, plan: Deprecation, now: number): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const refuse = (field: string, description: string) => violations.push({ field, description });
  let last: { readonly field: string; readonly date: number } | undefined;
  for (const [name, field] of DATES) {
    const date = plan[name];
    if (date === null) continue;
    if (date > now + MAX_AHEAD_MS) refuse(field, 'must be at most 10 years ahead');
    if (last !== undefined && date < last.date) {
      refuse(field, `must not be before ${last.field}, which is ${formatTimestamp(last.date, 3)}`);
    }
    last = { field, date };
  }
  if (violations.length > 0) return violations;
  const { deprecateAt, obsoleteAt, deleteAt } = plan;
  if (hasCome(deleteAt, now)) refuse('delete_at', 'must lie ahead; DELETE deletes an image at once');
  if (state !== 'OBSOLETE' && hasCome(obsoleteAt, now)) {
    refuse('obsolete_at', `must lie ahead while state is ${state}; the state OBSOLETE is that of now`);
  }
  if (state === 'ACTIVE' && hasCome(deprecateAt, now)) {
    refuse('deprecate_at', 'must lie ahead while state is ACTIVE; the state DEPRECATED is that of now');
  }
  if (state === 'DEPRECATED' && !hasCome(deprecateAt, now)) {
    refuse(
      'deprecate_at',
      'must not lie ahead while state is DEPRECATED; ask for the state ACTIVE until then',
    );
  }
  if (state === 'OBSOLETE' && !hasCome(obsoleteAt, now)) {
    refuse('obsolete_at', 'must not lie ahead while state is OBSOLETE; ask for another state until then');
  }
  if (state === 'ACTIVE' && deprecateAt === null && obsoleteAt === null && deleteAt === null) {
    const explained =
      'says nothing of an image that is ACTIVE without a date ahead; leave it out or give one';
    if (plan.replacementImageId !== null) refuse('replacement_image_id', explained);
    if (plan.deprecationMessage !== null) refuse('message', explained);
  }
  return violations;
}

/**
 * What is said to whoever uses an image: since when it is as it is, why, and what to use instead; undefined while it
 * is ACTIVE.
 */
export function deprecationNotice(
  imageId: string,
  { deprecateAt, obsoleteAt, replacementImageId, deprecationMessage }: Omit<Deprecation, 'deleteAt'>,
  now: number,
): string | undefined {
  const state = deprecationState({ deprecateAt, obsoleteAt }, now);
  if (state === 'ACTIVE') return undefined;
  const since = formatTimestamp((state === 'OBSOLETE' ? obsoleteAt : deprecateAt) ?? now, 3);
  const why = deprecationMessage === null ? '' : ` (${deprecationMessage})`;
  const instead = replacementImageId === null ? '' : `; use image "${replacementImageId}" instead`;
  return `Image "${imageId}" is ${state} since ${since}${why}${instead}`;
}
