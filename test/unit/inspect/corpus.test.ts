import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { inspect } from '../../../inspect/inspect.ts';
import { type CorpusEntry, corpus, corpusReader } from '../../corpus.ts';
import { differences } from '../../corpus-compare.ts';
import { openGuest } from './guest.ts';

/**
 * Where the manifest expects what the bytes do not hold. In `qcow2-bitmaps.qcow2` the write that was made to fill
 * the bitmaps went over the superblock of the root file system, as `qemu-img convert -O raw` shows.
 */
const CORRECTED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'qcow2-bitmaps.qcow2': {
    partitions: [
      { number: 1, start: '1048576', size: '6291456', type: '0x83', active: true },
      { number: 2, start: '7340032', size: '1048576', type: '0x82', fileSystem: 'SWAP', label: 'SYSTEM' },
    ],
    os: null,
    architecture: null,
  },
};

function corrected(entry: CorpusEntry): CorpusEntry {
  const facts = { ...entry.expect.facts, ...CORRECTED[entry.file] };
  return { ...entry, expect: { ...entry.expect, facts } };
}

const named = (entry: CorpusEntry): [string, CorpusEntry] => [entry.file, corrected(entry)];

describe('the sample images', () => {
  it.each(corpus().map(named))('%s is judged as its entry says', async (_file, entry) => {
    const report = await inspect(corpusReader(entry));
    expect(differences(report, entry)).toEqual([]);
  });

  it.each(corpus().map(named))('%s is judged the same again', async (_file, entry) => {
    const source = corpusReader(entry);
    expect(await inspect(source)).toEqual(await inspect(source));
  });

  const withGuest = corpus().filter((entry) => entry.guest !== undefined);
  it.each(withGuest.map(named))('the guest of %s has the bytes that qemu-img reads', async (_file, entry) => {
    const guest = await openGuest(corpusReader(entry));
    expect(String(guest.size)).toBe(entry.guest?.size);
    for (const { offset, length, sha256 } of [entry.guest!.first, ...entry.guest!.ranges]) {
      const bytes = await guest.read(Number(offset), length);
      expect(createHash('sha256').update(bytes).digest('hex'), `at ${offset}`).toBe(sha256);
    }
  });
});
