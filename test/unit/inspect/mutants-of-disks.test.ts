import { describe, it } from 'vitest';
import { loadSamples } from '../../../dev/fuzz/samples.ts';
import { judgeMutants } from './mutants.ts';

const samples = await loadSamples();
const disks = samples.flatMap(({ name }, index) => (name.endsWith('.img') ? [[name, index] as const] : []));

describe('mutants of disks', () => {
  it.each(disks)(
    '%s: none leaves the budget, and none that leads astray is taken',
    async (_, index) => {
      await judgeMutants(samples, index);
    },
    60_000,
  );
});
