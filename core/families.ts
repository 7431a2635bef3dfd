/** Which image of a family is the latest, and why others are passed over. Times in milliseconds since 1970. */
import { type DeprecationDates, deprecationState } from './deprecation.ts';

/** An image that may be answered for its family: READY, promoted, in use. */
export interface FamilyCandidate {
  readonly id: string;
  readonly createdAt: number;
  /** When it was promoted last; its creation time for an image that was never promoted by hand. */
  readonly promotedAt: number;
}

/** Positive when `a` comes before `b`: promoted later, then created later, then by the larger id. */
export function compareStanding(a: FamilyCandidate, b: FamilyCandidate): number {
  if (a.promotedAt !== b.promotedAt) return a.promotedAt - b.promotedAt;
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  return a.id === b.id ? 0 : a.id > b.id ? 1 : -1;
}

/** The latest of the candidates, in whatever order they come; undefined when there is none. */
export function latestOf<Candidate extends FamilyCandidate>(
  candidates: Iterable<Candidate>,
): Candidate | undefined {
  let latest: Candidate | undefined;
  for (const candidate of candidates) {
    if (latest === undefined || compareStanding(candidate, latest) > 0) latest = candidate;
  }
  return latest;
}

/** Why an image is no latest, in the order in which a reason is told before others. */
export const PASSED_OVER = ['CREATING', 'ERROR', 'DELETING', 'CANDIDATE', 'OBSOLETE', 'DEPRECATED'] as const;
export type PassedOver = (typeof PASSED_OVER)[number];

/** What decides whether an image is passed over. */
export interface Standing extends Pick<DeprecationDates, 'deprecateAt' | 'obsoleteAt'> {
  readonly status: 'CREATING' | 'READY' | 'ERROR' | 'DELETING';
  readonly candidate: boolean;
}

/** Why an image cannot be the latest of its family at a time; undefined for one that can. */
export function passedOverFor(image: Standing, now: number): PassedOver | undefined {
  if (image.status !== 'READY') return image.status;
  if (image.candidate) return 'CANDIDATE';
  const state = deprecationState(image, now);
  return state === 'ACTIVE' ? undefined : state;
}

/** Some images of a family that have their standing in common: how many, and the ids of a few. */
export interface StandingGroup extends Standing {
  readonly images: number;
  readonly ids: readonly string[];
}

/** How many ids are told for each reason. */
export const NAMED_OF_EACH = 3;

/** What is said of the images of a family that are passed over, reason by reason; empty when there is none. */
export function describePassedOver(groups: readonly StandingGroup[], now: number): string {
  return PASSED_OVER.flatMap((reason) => {
    const having = groups.filter((group) => passedOverFor(group, now) === reason);
    const count = having.reduce((sum, { images }) => sum + images, 0);
    if (count === 0) return [];
    const ids = having.flatMap((group) => group.ids).slice(0, NAMED_OF_EACH);
    const more = count > ids.length ? ', …' : '';
    return [`${count} ${reason} (${ids.join(', ')}${more})`];
  }).join(', ');
}
