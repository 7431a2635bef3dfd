/** What an inspection costs: ranged reads and bytes, for every sample and for disks of one layout and any size. */
import { inspect } from '../inspect/inspect.ts';
import { corpus, corpusImage } from '../test/corpus.ts';
import type { SparseImage } from '../test/sparse-image.ts';
import type { Part, Table } from './part.ts';
import { committedResults } from './results.ts';
import { dynamicVhdDisk, fixedVhdDisk, qcow2Disk, rawDisk, vmdkDisk } from './sparse-disks.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

export interface Cost {
  readonly reads: number;
  readonly bytes: number;
}

/** The whole inspection, and what it costs when the scan of the mapping tables is left out. */
export interface Costs {
  readonly whole: Cost;
  readonly withoutScan: Cost;
}

/** Costs by the name of the file, and by container and size of the disk. */
export interface InspectionCosts {
  readonly samples: Readonly<Record<string, Costs>>;
  readonly sizes: Readonly<Record<string, Readonly<Record<string, Costs>>>>;
}

/** Containers, the largest disk that each can hold, and how much of it one entry of the first table stands for. */
const CONTAINERS: readonly {
  readonly name: string;
  readonly largest: number;
  readonly perEntry: number;
  readonly entryBytes: number;
  readonly make: (disk: SparseImage) => SparseImage;
}[] = [
  { name: 'RAW', largest: 8 * TIB, perEntry: 8 * TIB, entryBytes: 0, make: (disk) => disk },
  { name: 'qcow2', largest: 8 * TIB, perEntry: 512 * MIB, entryBytes: 8, make: qcow2Disk },
  { name: 'VMDK', largest: 2 * TIB, perEntry: 32 * MIB, entryBytes: 4, make: vmdkDisk },
  { name: 'fixed VHD', largest: 2040 * GIB, perEntry: 8 * TIB, entryBytes: 0, make: fixedVhdDisk },
  { name: 'dynamic VHD', largest: 2040 * GIB, perEntry: 2 * MIB, entryBytes: 4, make: dynamicVhdDisk },
];

/** Inspects an image twice, the second time without the scan. */
export async function costsOf(image: SparseImage): Promise<Costs> {
  const { cost: whole } = await inspect(image.reader());
  const { cost: withoutScan } = await inspect(image.reader(), { limits: { scanReads: 0, scanBytes: 0 } });
  return { whole, withoutScan };
}

/** A disk of one layout in a container. */
export interface SizedDisk {
  readonly container: string;
  /** As the table names it. */
  readonly size: string;
  /** Length of the container's first table, which has an entry for every stretch of the disk, stored or not. */
  readonly tableBytes: number;
  make(): SparseImage;
}

/** For each container the sizes that it can hold, the smallest first. */
export function sizedDisks(): SizedDisk[] {
  return CONTAINERS.flatMap(({ name, largest, make, perEntry, entryBytes }) =>
    [GIB, 100 * GIB, largest].map((size) => ({
      container: name,
      size: sizeName(size),
      tableBytes: Math.ceil(size / perEntry) * entryBytes,
      make: () => make(rawDisk(size)),
    })),
  );
}

function sizeName(size: number): string {
  return size % TIB === 0 ? `${size / TIB} TiB` : `${size / GIB} GiB`;
}

/** Measures everything; the order is that of the corpus and of the containers. */
export async function measureInspection(): Promise<InspectionCosts> {
  const samples: Record<string, Costs> = {};
  for (const entry of corpus()) {
    samples[entry.file] = await costsOf(corpusImage(entry));
  }
  const sizes: Record<string, Record<string, Costs>> = {};
  for (const { container, size, make } of sizedDisks()) {
    sizes[container] = { ...sizes[container], [size]: await costsOf(make()) };
  }
  return { samples, sizes };
}

/** What was measured when the table was last written. */
export function committedCosts(): InspectionCosts {
  return committedResults().inspection?.figures as InspectionCosts;
}

function tablesOf({ samples, sizes }: InspectionCosts): Table[] {
  const columns = ['reads', 'bytes', 'reads without the scan', 'bytes without the scan'];
  const numbers = (costs: Costs) => {
    const { whole, withoutScan } = costs;
    return [whole.reads, whole.bytes, withoutScan.reads, withoutScan.bytes];
  };
  return [
    {
      title: 'Sample images',
      columns: ['file', ...columns],
      rows: Object.entries(samples).map(([file, costs]) => [file, ...numbers(costs)]),
    },
    {
      title: 'The same layout on disks of different sizes',
      columns: ['container', 'disk', ...columns],
      rows: Object.entries(sizes).flatMap(([container, bySize]) =>
        Object.entries(bySize).map(([size, costs]) => [container, size, ...numbers(costs)]),
      ),
    },
  ];
}

export const inspection: Part = {
  name: 'inspection',
  about: 'ranged reads and bytes of an inspection; counted, so the same on every machine',
  run: async () => {
    const figures = await measureInspection();
    return { tables: tablesOf(figures), promises: [], figures };
  },
};
