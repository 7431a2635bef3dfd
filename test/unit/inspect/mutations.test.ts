import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../inspect/limits.ts';
import { Meter } from '../../../inspect/readers/metered-reader.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { corpusEntry, corpusReader } from '../../corpus.ts';
import { examine } from './disk-image.ts';

/** Numbers that only depend on the seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Values that lie at the edges of fields. */
const EDGES = [
  [0x00],
  [0xff],
  [0x01],
  [0x7f],
  [0x80],
  [0x00, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
];

type Patch = readonly [offset: number, bytes: readonly number[]];

/** The source with some bytes replaced. */
function patched(source: RangeReader, patches: readonly Patch[]): RangeReader {
  return {
    size: source.size,
    async read(offset, length) {
      const bytes = (await source.read(offset, length)).slice();
      for (const [at, values] of patches) {
        for (const [i, value] of values.entries()) {
          const index = at + i - offset;
          if (index >= 0 && index < length) bytes[index] = value;
        }
      }
      return bytes;
    },
  };
}

/** The pages that an examination reads and that hold something: where a changed byte can matter. */
async function pagesRead(source: RangeReader): Promise<number[]> {
  const pages = new Set<number>();
  const noting: RangeReader = {
    size: source.size,
    async read(offset, length) {
      const bytes = await source.read(offset, length);
      for (let at = 0; at < length; at += 512) {
        if (bytes.subarray(at, at + 512).some((byte) => byte !== 0)) pages.add(offset + at);
      }
      return bytes;
    },
  };
  await examine(noting);
  return [...pages].sort((a, b) => a - b);
}

const FILES: readonly [string, number][] = [
  ['gpt-bios-uefi.img', 500],
  ['gpt-hybrid.img', 200],
  ['gpt-4096.img', 200],
  ['mbr-logical.img', 400],
  ['windows-gpt.img', 300],
  ['ext4-noextent.img', 400],
  ['ext4-htree.img', 400],
  ['ext4-inline.img', 400],
  ['gpt-uefi-aa64-xfs.img', 500],
  ['xfs-v4.img', 300],
  ['btrfs-default-at.img', 500],
  ['btrfs-zstd.img', 400],
  ['gpt-lvm.img', 400],
];

describe('a disk with bytes changed at random', () => {
  it.each(FILES)(
    'is examined within its allowance and without an exception: %s',
    async (file, mutants) => {
      const source = corpusReader(corpusEntry(file));
      const pages = await pagesRead(source);
      const pick = random(file.length * 7919 + mutants);
      for (let i = 0; i < mutants; i++) {
        const patches = Array.from({ length: 1 + pick(4) }, (): Patch => {
          const at = Math.min(source.size - 8, pages[pick(pages.length)]! + pick(512));
          return [at, pick(3) === 0 ? [pick(256)] : EDGES[pick(EDGES.length)]!];
        });
        const meter = new Meter(patched(source, patches), DEFAULT_LIMITS.cacheBytes);
        const view = meter.reader({ reads: DEFAULT_LIMITS.plainReads, bytes: DEFAULT_LIMITS.plainBytes });
        const fileView = meter.reader({ reads: DEFAULT_LIMITS.fileReads, bytes: DEFAULT_LIMITS.fileBytes });
        const where = `mutant ${i}: ${JSON.stringify(patches)}`;
        const first = await examine(view, { fileView }).catch((error) => {
          throw new Error(`${where} threw`, { cause: error });
        });
        expect(meter.reads, where).toBeLessThanOrEqual(DEFAULT_LIMITS.plainReads + DEFAULT_LIMITS.fileReads);
        if (i % 20 === 0) {
          const again = new Meter(patched(source, patches), DEFAULT_LIMITS.cacheBytes);
          const second = await examine(
            again.reader({ reads: DEFAULT_LIMITS.plainReads, bytes: DEFAULT_LIMITS.plainBytes }),
            { fileView: again.reader({ reads: DEFAULT_LIMITS.fileReads, bytes: DEFAULT_LIMITS.fileBytes }) },
          );
          expect(second, where).toEqual(first);
        }
      }
    },
    60_000,
  );
});
