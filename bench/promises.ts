import type { Promised, Table } from './part.ts';

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
