/**
 * Which images of a family its policy deletes or deprecates, which it keeps, and the rule that says so. Nothing else
 * decides that: a preview and a run plan here. Times and durations in milliseconds.
 */
import { deprecationState } from './deprecation.ts';
import { RegistryError } from './errors.ts';
import { compareStanding, type FamilyCandidate, passedOverFor, type Standing } from './families.ts';

/** An image that either `keepLast` or `keepWithinMs` keeps stays. */
export interface RetentionPolicy {
  readonly action: 'DELETE' | 'DEPRECATE';
  /** How many images stay, counted in the order of standing; null when number keeps nothing. */
  readonly keepLast: number | null;
  /** Up to which age images stay; null when age keeps nothing. */
  readonly keepWithinMs: number | null;
  /** Below this age nothing is touched, whatever else the policy says. */
  readonly minAgeMs: number;
  /** Whether images that everybody may use are treated like others. */
  readonly includePublic: boolean;
}

export const MAX_KEEP_LAST = 1000;
export const DEFAULT_MIN_AGE_MS = 86_400_000;
/** Two clocks that differ by more do not agree on what is old. */
export const MAX_CLOCK_DIFFERENCE_MS = 300_000;

/** What is known of an image. What is missing or no number is a reason to keep it. */
export interface RetainedImage extends Standing {
  readonly id: string;
  readonly createdAt: number | null;
  readonly promotedAt: number | null;
  readonly deleteProtection: boolean;
  /** The lease on it that ends last; null without any. One whose end is not known holds. */
  readonly lease: { readonly expiresAt: number | null } | null;
  /** Whether another image names it as its replacement. */
  readonly isReplacement: boolean;
  /** Whether something is being copied from it. */
  readonly isCopied: boolean;
  /** Whether everybody may use it. */
  readonly isPublic: boolean;
  /** Bytes of its layer when nothing else names that, else 0. */
  readonly ownBytes: number;
}

/** Why an image is kept, deprecated or deleted. The first rule that holds is told. */
export const RETENTION_RULES = {
  NOT_READY: 'It is being created, or broken; a policy is for READY images',
  AGE_UNKNOWN: 'Its age is not known',
  LATEST: 'It is the latest of its family',
  ONLY_READY: 'It is the only READY image of its family',
  FIRST_IN_FAMILY: 'It stands before all others of its family, although it is passed over',
  LEASED: 'A lease on it is in force',
  PROTECTED: 'It has delete protection',
  REPLACEMENT: 'Another image names it as its replacement',
  IN_USE: 'A disk is being copied from it',
  PUBLIC: 'Everybody may use it, and the policy does not include public images',
  TOO_YOUNG: 'It is younger than minAge',
  KEEP_LAST: 'It is one of the last keepLast images',
  KEEP_WITHIN: 'It is not older than keepWithin',
  NO_BOUND: 'The policy has neither keepLast nor keepWithin',
  CANDIDATE: 'It waits to be promoted, and is passed over until then without being deprecated',
  ALREADY_DEPRECATED: 'It is deprecated already',
  BEYOND_LAST: 'keepLast images stand before it',
  BEYOND_WITHIN: 'It is older than keepWithin',
  BEYOND_BOTH: 'keepLast images stand before it, and it is older than keepWithin',
} as const;

export type RetentionRule = keyof typeof RETENTION_RULES;

export interface RetentionDecision<Image> {
  readonly image: Image;
  readonly action: 'KEEP' | 'DEPRECATE' | 'DELETE';
  readonly rule: RetentionRule;
  /** What the store gets back in the end. */
  readonly bytesFreed: number;
}

/** What a decision on one image has to know of the others of its family. */
export interface FamilyFrame {
  /** The image that is answered as the latest; undefined when all are passed over. */
  readonly latestId: string | undefined;
  /**
   * The READY image that would be the latest if no date had come and, where there are only candidates, the first of
   * those. It stays, so that no clock and no deprecation of everything empties a family.
   */
  readonly firstId: string | undefined;
  /** How many READY images there are; more than one counts as 2. */
  readonly readyImages: number;
  /**
   * The image that takes the last of the `keepLast` places; undefined while places are left. Only images that could
   * be the latest take one: a candidate or a deprecated image is kept as long as places are left before it.
   */
  readonly lastKept: FamilyCandidate | undefined;
}

type Ranked<Image> = Image & FamilyCandidate;

/** Whether an image has a place in the order of standing: both times are numbers. */
export function isRanked<Image extends Pick<RetainedImage, 'createdAt' | 'promotedAt' | 'id'>>(
  image: Image,
): image is Ranked<Image> {
  return Number.isFinite(image.createdAt) && Number.isFinite(image.promotedAt);
}

/** Those that have a place in the order of standing, the first first. */
function ranked<Image extends RetainedImage>(images: readonly Image[]): Ranked<Image>[] {
  return images.filter(isRanked).sort((a, b) => compareStanding(b, a));
}

/** The frame of a family all of whose images are given. */
export function frameOf(
  { keepLast }: Pick<RetentionPolicy, 'keepLast'>,
  images: readonly RetainedImage[],
  now: number,
): FamilyFrame {
  const ready = ranked(images).filter(({ status }) => status === 'READY');
  const counting = ready.filter((image) => passedOverFor(image, now) === undefined);
  const first = ready.find(({ candidate }) => !candidate) ?? ready[0];
  return {
    latestId: counting[0]?.id,
    firstId: first?.id,
    readyImages: Math.min(2, ready.length),
    lastKept: keepLast === null ? undefined : counting[keepLast - 1],
  };
}

/**
 * What becomes of each image, in the order of standing; those without a place in it come last.
 * in: some or all images of one family, in any order; `frame` comes from all of them, so that a large family can be
 * planned slice by slice to the same end.
 */
export function planRetention<Image extends RetainedImage>(
  policy: RetentionPolicy,
  images: readonly Image[],
  now: number,
  frame: FamilyFrame = frameOf(policy, images, now),
): RetentionDecision<Image>[] {
  const unranked = images.filter((image) => !isRanked(image)).sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...ranked(images), ...unranked].map((image) => {
    const kept = ruleThatKeeps(policy, image, now, frame);
    if (kept !== undefined) return { image, action: 'KEEP', rule: kept, bytesFreed: 0 };
    const { action } = policy;
    const bytesFreed = action === 'DELETE' ? image.ownBytes : 0;
    return { image, action, rule: ruleThatTakes(policy), bytesFreed };
  });
}

/**
 * A clock that jumped makes everything look old, and no plan can tell: so nothing is taken unless a second clock agrees.
 * Throws UNAVAILABLE when it does not.
 */
export function demandSameTime(now: number, databaseNow: number): void {
  const difference = Math.abs(now - databaseNow);
  if (difference <= MAX_CLOCK_DIFFERENCE_MS) return;
  throw new RegistryError(
    'UNAVAILABLE',
    `The clocks of the function and of the database differ by ${difference} ms; no policy is applied until they agree`,
  );
}

/** Comparisons are written so that a value that is no number keeps. */
function ruleThatKeeps(
  policy: RetentionPolicy,
  image: RetainedImage,
  now: number,
  frame: FamilyFrame,
): RetentionRule | undefined {
  if (image.status !== 'READY') return 'NOT_READY';
  if (!isRanked(image)) return 'AGE_UNKNOWN';
  const age = ageOf(image, now);
  if (age === undefined) return 'AGE_UNKNOWN';
  if (image.id === frame.latestId) return 'LATEST';
  if (image.id === frame.firstId) return frame.readyImages > 1 ? 'FIRST_IN_FAMILY' : 'ONLY_READY';
  if (image.lease !== null && !(hasEnd(image.lease) && image.lease.expiresAt <= now)) return 'LEASED';
  if (image.deleteProtection) return 'PROTECTED';
  if (image.isReplacement) return 'REPLACEMENT';
  if (image.isCopied) return 'IN_USE';
  if (image.isPublic && !policy.includePublic) return 'PUBLIC';
  if (!(age >= policy.minAgeMs)) return 'TOO_YOUNG';
  const { keepLast, keepWithinMs } = policy;
  if (keepLast === null && keepWithinMs === null) return 'NO_BOUND';
  if (keepLast !== null && !(frame.lastKept !== undefined && compareStanding(image, frame.lastKept) < 0)) {
    return 'KEEP_LAST';
  }
  if (keepWithinMs !== null && !(age > keepWithinMs)) return 'KEEP_WITHIN';
  if (policy.action !== 'DEPRECATE') return undefined;
  if (image.candidate) return 'CANDIDATE';
  return deprecationState(image, now) === 'ACTIVE' ? undefined : 'ALREADY_DEPRECATED';
}

function ruleThatTakes({ keepLast, keepWithinMs }: RetentionPolicy): RetentionRule {
  if (keepLast === null) return 'BEYOND_WITHIN';
  return keepWithinMs === null ? 'BEYOND_LAST' : 'BEYOND_BOTH';
}

/**
 * The time since an image was made or, if that was later, promoted: one that was rolled back to is not old on the day
 * on which the next one follows it. Undefined when it is not known, also for a time that nothing was made at.
 */
function ageOf({ createdAt, promotedAt }: FamilyCandidate, now: number): number | undefined {
  const age = now - Math.max(createdAt, promotedAt);
  return createdAt > 0 && Number.isFinite(age) ? age : undefined;
}

function hasEnd(lease: { readonly expiresAt: number | null }): lease is { readonly expiresAt: number } {
  return Number.isFinite(lease.expiresAt);
}
