/** What a job says of itself: finished, or to be run again soon with what it remembers. */
export type JobOutcome = 'done' | { readonly again: Record<string, unknown> };
