/** Mutants of the samples, judged one after the other: what both files of them share. */
import { expect } from 'vitest';
import { judge } from '../../../dev/fuzz/judge.ts';
import { mutantOf } from '../../../dev/fuzz/mutate.ts';
import type { Sample } from '../../../dev/fuzz/samples.ts';
import { startWatchdog } from '../../../dev/fuzz/watchdog.ts';

const SEED = 0x5eed;
/** Of each sample; the 40 of them make 20 000. */
export const MUTANTS_OF_A_SAMPLE = 500;
/** One mutant in so many is inspected twice, and one step by step. */
const THOROUGH_EVERY = 50;
/** No mutant takes a tenth of a second; one that takes this long never ends. */
const watchdog = startWatchdog(20);

/** Judges the mutants of the sample at `index`; fails with the names of those of which something does not hold. */
export async function judgeMutants(samples: readonly Sample[], index: number): Promise<void> {
  const problems: string[] = [];
  let accepted = 0;
  for (let round = 0; round < MUTANTS_OF_A_SAMPLE; round++) {
    const number = index + round * samples.length;
    watchdog.watch(SEED, number);
    const mutant = mutantOf(samples, SEED, number);
    const turn = round % THOROUGH_EVERY;
    const { report, problems: found } = await judge(mutant, {
      again: turn === 0,
      steps: turn === THOROUGH_EVERY / 2,
    });
    if (report?.verdict === 'accept') accepted += 1;
    for (const problem of found) {
      problems.push(`${problem}; npm run fuzz -- --replay ${mutant.name} (${mutant.edits.join(', ')})`);
    }
  }
  expect(problems).toEqual([]);
  // Were nearly all refused or nearly all accepted, the mutants would show little.
  expect(accepted).toBeGreaterThan(MUTANTS_OF_A_SAMPLE / 20);
  expect(accepted).toBeLessThan(MUTANTS_OF_A_SAMPLE * 0.99);
}
