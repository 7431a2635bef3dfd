/**
 * The compatibility assertions A1 to A150 of the image API that this registry follows, by number: the file whose
 * tests carry it in their names, or why there is no such test yet. `assertions.test.ts` holds both against each other.
 */

/** Numbers, and inclusive spans of them. */
type Numbers = readonly (number | readonly [from: number, to: number])[];

export const LAST_ASSERTION = 150;

const TESTED: Readonly<Record<string, Numbers>> = {
  'contract/json.test.ts': [[1, 23]],
  'contract/create.test.ts': [[24, 26], [29, 33], 35, [50, 70], 75],
  'contract/sources.test.ts': [27, 28, 34, [36, 42], 71, 73],
  'contract/links.test.ts': [[43, 49], 72, 117],
  'contract/read.test.ts': [[76, 99]],
  'contract/change.test.ts': [[100, 111], 113, 114],
  'contract/operations.test.ts': [115, 116, [118, 122]],
  'access-bindings.test.ts': [[123, 138]],
  'contract/quotas.test.ts': [[139, 147]],
  'contract/disks.test.ts': [112, 148, 149],
  'contract/snapshots.test.ts': [150],
};

const UNTESTED: Readonly<Record<string, Numbers>> = {
  'needs keys that encrypt disks': [74],
};

/** Where an assertion is tested, or what it waits for. */
export type Standing =
  | { readonly assertion: number; readonly file: string }
  | { readonly assertion: number; readonly waitsFor: string };

/** One entry for each mention in the lists above, in no order. */
export const STANDINGS: readonly Standing[] = [
  ...Object.entries(TESTED).flatMap(([file, numbers]) =>
    expand(numbers).map((assertion) => ({ assertion, file })),
  ),
  ...Object.entries(UNTESTED).flatMap(([waitsFor, numbers]) =>
    expand(numbers).map((assertion) => ({ assertion, waitsFor })),
  ),
];

function expand(numbers: Numbers): number[] {
  return numbers.flatMap((entry) => {
    if (typeof entry === 'number') return [entry];
    const [from, to] = entry;
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** The assertions that a file's tests carry in their names: `'A57 …'`, `'A86 A87 …'`, `'A130 to A134 …'`. */
export function assertionsNamedIn(source: string): number[] {
  const found = new Set<number>();
  for (const [, , names = ''] of source.matchAll(/(['"`])(A\d+(?:(?: to)? A\d+)*)(?: |\1)/g)) {
    for (const [, from, to] of names.matchAll(/A(\d+)(?: to A(\d+))?/g)) {
      for (const number of expand([[Number(from), Number(to ?? from)]])) found.add(number);
    }
  }
  return [...found].sort((a, b) => a - b);
}
