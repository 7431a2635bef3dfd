import type { Table } from './part.ts';

/** A figure that is held to a bound. */
export interface Promised {
  readonly what: string;
  readonly figure: number;
  readonly bound: string;
  readonly held: boolean;
}

export function atMost(what: string, figure: number, bound: number): Promised {
  return { what, figure, bound: `at most ${bound}`, held: figure <= bound };
}

export function atLeast(what: string, figure: number, bound: number): Promised {
  return { what, figure, bound: `at least ${bound}`, held: figure >= bound };
}

export function exactly(what: string, figure: number, bound: number): Promised {
  return { what, figure, bound: `exactly ${bound}`, held: figure === bound };
}

export function tableOfPromises(promises: readonly Promised[]): Table {
  return {
    title: 'What is promised',
    columns: ['promise', 'measured', 'bound', 'held'],
    rows: promises.map(({ what, figure, bound, held }) => [what, figure, bound, held ? 'yes' : 'MISSED']),
  };
}
