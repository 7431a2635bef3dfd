/** Which image of a family is the latest. */

/** An image that may be answered for its family: READY, promoted, in use. Times in milliseconds since 1970. */
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
