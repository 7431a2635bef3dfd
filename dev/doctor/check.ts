/** What one look at one thing found. */
export interface Check {
  /** The thing, in a word or two. */
  readonly about: string;
  readonly outcome: 'ok' | 'warn' | 'FAIL';
  /** What was found; never a secret. */
  readonly what: string;
  /** How to mend it, when it is not ok. */
  readonly mend?: string;
}

export type Checks = AsyncGenerator<Check, void>;

export const ok = (about: string, what: string): Check => ({ about, outcome: 'ok', what });
export const warn = (about: string, what: string, mend: string): Check => ({
  about,
  outcome: 'warn',
  what,
  mend,
});
export const fail = (about: string, what: string, mend: string): Check => ({
  about,
  outcome: 'FAIL',
  what,
  mend,
});

/** One line. */
export function formatCheck({ about, outcome, what, mend }: Check): string {
  return `${outcome.padEnd(4)}  ${about}: ${what}${mend === undefined ? '' : ` → ${mend}`}`;
}
