/** What a job says of itself: finished, or to be run again, soon or after a time, with what it remembers. */
export type JobOutcome = 'done' | { readonly again: Record<string, unknown>; readonly afterSeconds?: number };
