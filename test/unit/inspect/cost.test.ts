import { describe, expect, it } from 'vitest';
import {
  added,
  committedCosts,
  costsOf,
  type SizedDisk,
  sizedDisks,
} from '../../../bench/inspection-costs.ts';
import { inspect } from '../../../inspect/inspect.ts';
import { DEFAULT_LIMITS as LIMITS } from '../../../inspect/limits.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { corpus, corpusImage } from '../../corpus.ts';
import type { SparseImage } from '../../sparse-image.ts';

const PAGE_BYTES = 4096;
const COMMITTED = committedCosts();
const SAMPLES = corpus().map((entry) => [entry.file, entry] as const);
const DISKS = sizedDisks().map((disk) => [disk.container, disk.size, disk] as const);

const changed = (what: string) =>
  `the cost of ${what} is not what bench/results.json says; if it should be, npm run bench rewrites the table`;

describe('what an inspection costs', () => {
  it.each(SAMPLES)('%s: as the table says', async (file, entry) => {
    expect(await costsOf(corpusImage(entry)), changed(file)).toEqual(COMMITTED.samples[file]);
  });

  it.each(DISKS)('%s of %s: as the table says', async (container, size, disk) => {
    const costs = await costsOf(disk.make());
    expect(costs, changed(`${container} of ${size}`)).toEqual(COMMITTED.sizes[container]?.[size]);
  });

  it('stands in the table for these files and sizes and no others', () => {
    expect(Object.keys(COMMITTED.samples), 'npm run bench rewrites the table').toEqual(
      SAMPLES.map(([file]) => file),
    );
    const sizes = Object.entries(COMMITTED.sizes).flatMap(([container, costs]) =>
      Object.keys(costs).map((size) => [container, size]),
    );
    expect(sizes, 'npm run bench rewrites the table').toEqual(
      DISKS.map(([container, size]) => [container, size]),
    );
  });
});

/** Counts what a source is really asked for, and which pages of it twice. */
function counting(image: SparseImage) {
  const fetched = new Set<number>();
  const count = { reads: 0, bytes: 0, twice: 0 };
  const counted: RangeReader = {
    size: image.size,
    read: async (offset, length) => {
      count.reads += 1;
      count.bytes += length;
      for (let page = Math.floor(offset / PAGE_BYTES); page * PAGE_BYTES < offset + length; page++) {
        if (fetched.has(page)) count.twice += 1;
        fetched.add(page);
      }
      return image.read(offset, length);
    },
  };
  return { count, counted };
}

const IMAGES = [
  ...SAMPLES.map(([file, entry]) => [file, () => corpusImage(entry)] as const),
  ...DISKS.map(([container, size, disk]) => [`${container} of ${size}`, () => disk.make()] as const),
];

describe('the budget', () => {
  it.each(IMAGES)('%s: each step keeps to it, and no byte is read twice', async (_, make) => {
    const image = make();
    const { count, counted } = counting(image);
    const report = await inspect(counted);
    expect(report.cost).toEqual({ reads: count.reads, bytes: count.bytes });
    expect(count.twice).toBe(0);
    const { mapped, whole, withoutScan, verdict } = await costsOf(image);
    expect(whole).toEqual(report.cost);
    expect(verdict.reads).toBeLessThanOrEqual(mapped ? LIMITS.mappedReads : LIMITS.plainReads);
    expect(verdict.bytes).toBeLessThanOrEqual(mapped ? LIMITS.mappedBytes : LIMITS.plainBytes);
    const files = added(withoutScan, verdict);
    expect(files.reads).toBeLessThanOrEqual(LIMITS.fileReads);
    expect(files.bytes).toBeLessThanOrEqual(LIMITS.fileBytes);
    expect(added(whole, withoutScan).bytes).toBeLessThanOrEqual(LIMITS.scanBytes);
  });
});

/** The smallest and the largest disk of each container. */
const PAIRS = [...new Set(DISKS.map(([container]) => container))].map((container) => {
  const disks = sizedDisks().filter((disk) => disk.container === container);
  return [container, disks.at(0)!, disks.at(-1)!] as const;
});

const reportOf = async (disk: SizedDisk) => inspect(disk.make().reader());

describe('a disk of any size with one layout', () => {
  it.each(PAIRS)('has the same facts in %s', async (_, small, large) => {
    const [one, other] = [await reportOf(small), await reportOf(large)];
    expect(one.findings).toEqual([]);
    expect(other.findings).toEqual([]);
    expect(one.partitions).toHaveLength(3);
    for (const fact of ['partitions', 'bootModes', 'os', 'osFamily', 'architecture'] as const) {
      expect(other[fact], fact).toEqual(one[fact]);
    }
  });

  it.each(PAIRS)('costs the same reads in %s, the scan apart', async (_, small, large) => {
    const [one, other] = [await costsOf(small.make()), await costsOf(large.make())];
    expect(other.withoutScan.reads).toBe(one.withoutScan.reads);
    expect(other.verdict.reads).toBe(one.verdict.reads);
  });

  it.each(PAIRS)('costs no more in %s than its first table is longer', async (_, small, large) => {
    const [{ cost: one }, { cost: other }] = [await reportOf(small), await reportOf(large)];
    // RAW and fixed VHD have no table, so both costs are the same; others begin and end anywhere in a page.
    const growth = large.tableBytes - small.tableBytes;
    const longer = growth === 0 ? 0 : Math.ceil(growth / PAGE_BYTES + 1) * PAGE_BYTES;
    expect(other.bytes - one.bytes).toBeGreaterThanOrEqual(0);
    expect(other.bytes - one.bytes).toBeLessThanOrEqual(longer);
    // Short tables come with what is read anyway.
    const scanned = longer > LIMITS.scanReadBytes ? Math.ceil(longer / LIMITS.scanReadBytes) : 0;
    expect(other.reads - one.reads).toBeLessThanOrEqual(scanned);
    if (longer === 0) expect(other).toEqual(one);
  });

  it('is one of 1 GiB and one of 8 TiB where the container can hold it', () => {
    expect(PAIRS.map(([container, small, large]) => [container, small.size, large.size])).toEqual([
      ['RAW', '1 GiB', '8 TiB'],
      ['qcow2', '1 GiB', '8 TiB'],
      ['VMDK', '1 GiB', '2 TiB'],
      ['fixed VHD', '1 GiB', '2040 GiB'],
      ['dynamic VHD', '1 GiB', '2040 GiB'],
    ]);
  });
});
