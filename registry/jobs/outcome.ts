/**
 * What a job says of itself: finished, finished with its row taken away in the batch that ended it, or to be run again,
 * soon or after a time, with what it remembers.
 */
export type JobOutcome =
  | 'done'
  | 'ended'
  | { readonly again: Record<string, unknown>; readonly afterSeconds?: number };
