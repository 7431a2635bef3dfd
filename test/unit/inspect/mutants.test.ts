import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dangersOf } from '../../../dev/fuzz/dangers.ts';
import { keepFinding, readFinding } from '../../../dev/fuzz/finding.ts';
import { judge } from '../../../dev/fuzz/judge.ts';
import { mutantOf } from '../../../dev/fuzz/mutate.ts';
import { loadSamples } from '../../../dev/fuzz/samples.ts';
import { corpus, corpusEntry, corpusImage } from '../../corpus.ts';
import { judgeMutants, MUTANTS_OF_A_SAMPLE } from './mutants.ts';

const samples = await loadSamples();
const containers = samples.flatMap(({ name }, index) =>
  name.endsWith('.img') ? [] : [[name, index] as const],
);

describe('mutants of containers', () => {
  it.each(containers)(
    '%s: none leaves the budget, and none that leads astray is taken',
    async (_, index) => {
      await judgeMutants(samples, index);
    },
    60_000,
  );
});

describe('a mutant', () => {
  it('is the same for the same seed and number', () => {
    for (const number of [0, 1, 517, 20_399]) {
      const [one, other] = [mutantOf(samples, 7, number), mutantOf(samples, 7, number)];
      expect(one.edits).toEqual(other.edits);
      expect(one.image.size).toBe(other.image.size);
      expect(one.image.segments()).toEqual(other.image.segments());
    }
  });

  it('is another for another seed or number', () => {
    const first = mutantOf(samples, 7, 3).edits;
    expect(mutantOf(samples, 8, 3).edits).not.toEqual(first);
    expect(mutantOf(samples, 7, 3 + samples.length).edits).not.toEqual(first);
  });

  it('leaves its sample as it was', () => {
    const before = samples[0]!.image.segments();
    for (let round = 0; round < 100; round++) mutantOf(samples, 7, round * samples.length);
    expect(samples[0]!.image.segments()).toEqual(before);
  });

  it('can be judged again from the file that keeps it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bullion-finding-'));
    try {
      const mutant = mutantOf(samples, 7, 28);
      const judgement = await judge(mutant, { again: true, steps: true });
      const kept = readFinding(keepFinding(folder, mutant, judgement));
      expect(kept.name).toBe('7:28');
      expect(kept.limits).toEqual(mutant.limits);
      expect(await judge(kept, { again: true, steps: true })).toEqual(judgement);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is one of at least twenty thousand', () => {
    expect(samples.length * MUTANTS_OF_A_SAMPLE).toBeGreaterThanOrEqual(20_000);
  });
});

/** Samples that are refused for something that the bytes alone show, and what they were taken for if accepted. */
const DANGEROUS: readonly (readonly [file: string, format: string, danger: RegExp])[] = [
  ['qcow2-backing.qcow2', 'QCOW2', /backing file offset/],
  ['qcow2-backing-zero-length.qcow2', 'QCOW2', /backing file offset/],
  ['qcow2-backing-format-only.qcow2', 'QCOW2', /backing format/],
  ['qcow2-crypt-luks.qcow2', 'QCOW2', /encryption/],
  ['qcow2-incompatible-bit.qcow2', 'QCOW2', /incompatible feature/],
  ['qcow2-corrupt.qcow2', 'QCOW2', /incompatible feature/],
  ['qcow2-version-4.qcow2', 'QCOW2', /version 4/],
  ['qcow2-size-over.qcow2', 'QCOW2', /above the limit/],
  ['qcow2-data-file.qcow2', 'QCOW2', /incompatible feature|data file/],
  ['vmdk-absolute.vmdk', 'VMDK', /the extent/],
  ['vmdk-parentcid.vmdk', 'VMDK', /parentCID/],
  ['vmdk-descriptor-flat.vmdk', 'VMDK', /is RAW/],
  ['vhd-differencing.vhd', 'VHD', /disk type 4/],
  ['qcow2-and-vhd.qcow2', 'QCOW2', /at once/],
  ['nested-qcow2-backing-in-qcow2.img', 'RAW', /is QCOW2|begins with/],
  ['vhdx.vhdx', 'RAW', /VHDX/],
  ['vdi.vdi', 'RAW', /VDI/],
  ['luks1.img', 'RAW', /LUKS/],
];

describe('what must not be accepted', () => {
  it.each(DANGEROUS)('is seen in the bytes of %s', (file, format, danger) => {
    expect(dangersOf(corpusImage(corpusEntry(file)), format).join('; ')).toMatch(danger);
  });

  it('is not seen in a sample that is accepted', () => {
    for (const entry of corpus()) {
      const format = entry.expect.facts.format as string | undefined;
      if (entry.expect.verdict !== 'accept') continue;
      expect(dangersOf(corpusImage(entry), format), entry.file).toEqual([]);
    }
  });
});
