/** What an inspection costs: ranged reads and bytes, for every sample and for disks of one layout and any size. */
import { inspect } from '../inspect/inspect.ts';
import type { Limits } from '../inspect/limits.ts';
import { corpus, corpusImage } from '../test/corpus.ts';
import type { SparseImage } from '../test/sparse-image.ts';
import { committedResults } from './results.ts';
import { dynamicVhdDisk, fixedVhdDisk, qcow2Disk, rawDisk, vmdkDisk } from './sparse-disks.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

export interface Cost {
  readonly reads: number;
  readonly bytes: number;
}

/** What one inspection costs, and what it would cost if it stopped earlier. */
export interface Costs {
  /** The disk is found through mapping tables, so that the larger budget holds. */
  readonly mapped: boolean;
  /** As it is always done. */
  readonly whole: Cost;
  /** Without the scan that reads all mapping tables. */
  readonly withoutScan: Cost;
  /** Without os-release and architecture too: header, partitions, boot modes, family of the operating system. */
  readonly verdict: Cost;
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

const NO_SCAN: Partial<Limits> = { scanReads: 0, scanBytes: 0 };
const NO_FILES: Partial<Limits> = { fileReads: 0, fileBytes: 0 };

/** Inspects an image three times, each time less of it. */
export async function costsOf(image: SparseImage): Promise<Costs> {
  const { format, variant, cost: whole } = await inspect(image.reader());
  const { cost: withoutScan } = await inspect(image.reader(), { limits: NO_SCAN });
  const { cost: verdict } = await inspect(image.reader(), { limits: { ...NO_SCAN, ...NO_FILES } });
  const mapped = format !== undefined && format !== 'RAW' && variant !== 'fixed';
  return { mapped, whole, withoutScan, verdict };
}

/** What a step adds; nothing when it saves what comes after it as much, as the scan often does. */
export function added(cost: Cost, without: Cost): Cost {
  return { reads: Math.max(0, cost.reads - without.reads), bytes: Math.max(0, cost.bytes - without.bytes) };
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

/** What was measured when `results.json` was last written. */
export function committedCosts(): InspectionCosts {
  return committedResults().inspection?.figures as InspectionCosts;
}
