import { type CorpusEntry, corpus, corpusImage } from '../../test/corpus.ts';
import type { SparseImage } from '../../test/sparse-image.ts';
import { headsOf, type Place, sectorsRead } from './places.ts';
import { type Seal, sealsOf } from './seals.ts';

/** A valid image to be changed, and what is known of it. */
export interface Sample {
  readonly name: string;
  readonly image: SparseImage;
  /** Headers and mapping tables, partition tables. */
  readonly heads: readonly Place[];
  /** Beginnings of the sectors that an inspection reads and that hold something, in order. */
  readonly sectors: readonly number[];
  /** Those of them that are signed as boot sectors: the disk's own, wherever a container has it, and volumes'. */
  readonly bootSectors: readonly number[];
  readonly seals: readonly Seal[];
}

/** Every accepted image of `test/corpus`, in the order of its manifest. */
export function loadSamples(): Promise<Sample[]> {
  const accepted = corpus().filter((entry) => entry.expect.verdict === 'accept');
  return Promise.all(accepted.map(sampleOf));
}

async function sampleOf(entry: CorpusEntry): Promise<Sample> {
  const image = corpusImage(entry);
  const sectors = await sectorsRead(image);
  const isSigned = (at: number) => {
    const [first, second] = at + 512 <= image.size ? image.read(at + 510, 2) : [];
    return first === 0x55 && second === 0xaa;
  };
  return {
    name: entry.file,
    image,
    heads: headsOf(image),
    sectors,
    bootSectors: sectors.filter(isSigned),
    seals: sealsOf(image, sectors),
  };
}
