import { BudgetExceeded } from '../limits.ts';
import type { ByteRange, RangeReader } from './range-reader.ts';

/** Fetched bytes are kept in pages of this size, so every fetch begins and ends on a multiple of it. */
const PAGE_BYTES = 4096;
/** Two wanted ranges nearer than this are cheaper as one fetch than as two, unless an allowance says otherwise. */
const MERGE_GAP_BYTES = 64 * 1024;
/** A single fetch never asks for more, so that one answer cannot fill the memory. */
const MAX_FETCH_BYTES = 1024 * 1024;

/** How many ranged reads and bytes one stage of the inspection may fetch. */
export interface Allowance {
  readonly reads: number;
  readonly bytes: number;
  /** Ranges nearer than this are fetched as one; 64 KiB when absent. */
  readonly mergeGapBytes?: number;
}

/** The stage that a fetch is made for. */
interface Purse {
  readonly mergeGapBytes: number;
  pay(bytes: number): void;
}

/**
 * Counts and caps what is fetched from a source, and fetches nothing twice while it fits the cache. Stages with an
 * allowance each read through their own reader of one meter and share its pages.
 */
export class Meter {
  reads = 0;
  bytes = 0;
  /** Why the source failed, once it has; whatever was concluded after that is worth nothing. */
  failure: { readonly cause: unknown } | undefined;

  readonly #source: RangeReader;
  readonly #maxPages: number;
  /** Insertion order is order of use: the first page is the one to drop. */
  readonly #pages = new Map<number, Uint8Array>();
  readonly #underway = new Map<number, Promise<Pages>>();

  constructor(source: RangeReader, cacheBytes: number) {
    this.#source = source;
    this.#maxPages = Math.max(1, Math.floor(cacheBytes / PAGE_BYTES));
  }

  /** A reader of the source that throws BudgetExceeded before it would pass `allowance`. */
  reader(allowance: Allowance): RangeReader {
    const spent = { reads: 0, bytes: 0 };
    const { mergeGapBytes = MERGE_GAP_BYTES } = allowance;
    const pay = (bytes: number) => {
      if (spent.reads + 1 > allowance.reads || spent.bytes + bytes > allowance.bytes) {
        throw new BudgetExceeded(
          `more than ${allowance.reads} reads or ${allowance.bytes} bytes would be needed`,
        );
      }
      spent.reads += 1;
      spent.bytes += bytes;
    };
    const purse = { mergeGapBytes, pay };
    return {
      size: this.#source.size,
      read: (offset, length) => this.#read(offset, length, purse),
      prefetch: (ranges) => this.#prefetch(ranges, purse),
    };
  }

  async #read(offset: number, length: number, purse: Purse): Promise<Uint8Array> {
    this.#demandInside(offset, length);
    const wanted = new Uint8Array(length);
    for (let done = 0; done < length; done += MAX_FETCH_BYTES) {
      const piece = { offset: offset + done, length: Math.min(MAX_FETCH_BYTES, length - done) };
      const pages = await this.#load([piece], purse);
      copy(pages, piece, wanted.subarray(done, done + piece.length));
    }
    return wanted;
  }

  async #prefetch(ranges: readonly ByteRange[], purse: Purse): Promise<void> {
    for (const range of ranges) this.#demandInside(range.offset, range.length);
    // What would not stay in the cache until it is read must not be fetched ahead.
    const total = ranges.reduce((sum, range) => sum + range.length, 0);
    if (total <= (this.#maxPages >> 1) * PAGE_BYTES) await this.#load(ranges, purse);
  }

  #demandInside(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset <= this.size && length <= this.size - offset)) {
      throw new RangeError(`${length} bytes at ${offset} are outside a source of ${this.size} bytes`);
    }
  }

  get size(): number {
    return this.#source.size;
  }

  /** Every page of the ranges, from the cache where it can be: missing ones in as few fetches as the gap allows. */
  async #load(ranges: readonly ByteRange[], purse: Purse): Promise<Pages> {
    const found = new Map<number, Uint8Array>();
    const waits = new Set<Promise<Pages>>();
    const missing: number[] = [];
    for (const index of pagesOf(ranges)) {
      const page = this.#pages.get(index);
      const underway = this.#underway.get(index);
      if (page !== undefined) {
        this.#use(index);
        found.set(index, page);
      } else if (underway !== undefined) waits.add(underway);
      else missing.push(index);
    }
    // Everything is paid for before anything is fetched: a fetch that nobody waits for could fail unseen.
    const fetches = this.#runs(missing, purse).map(([first, last]) => {
      const offset = first * PAGE_BYTES;
      return { offset, length: Math.min(this.size, (last + 1) * PAGE_BYTES) - offset };
    });
    for (const fetch of fetches) purse.pay(fetch.length);
    for (const fetch of fetches) waits.add(this.#fetch(fetch));
    // Answers come in any order; which pages are dropped later, and so what is fetched again, must not follow from it.
    for (const pages of await Promise.all(waits)) {
      for (const [index, page] of pages) {
        this.#use(index);
        found.set(index, page);
      }
    }
    return found;
  }

  /** Makes a page that is kept the last to be dropped. */
  #use(index: number): void {
    const page = this.#pages.get(index);
    if (page === undefined) return;
    this.#pages.delete(index);
    this.#pages.set(index, page);
  }

  /** Runs of pages to fetch together; a gap is bridged only by pages that nobody has fetched yet. */
  #runs(missing: number[], { mergeGapBytes }: Purse): [number, number][] {
    const runs: [number, number][] = [];
    for (const page of missing.sort((a, b) => a - b)) {
      const run = runs.at(-1);
      const fits = run !== undefined && (page - run[0] + 1) * PAGE_BYTES <= MAX_FETCH_BYTES;
      if (fits && this.#bridges(run[1], page, mergeGapBytes)) run[1] = page;
      else runs.push([page, page]);
    }
    return runs;
  }

  #bridges(from: number, to: number, gapBytes: number): boolean {
    if ((to - from - 1) * PAGE_BYTES > gapBytes) return false;
    for (let page = from + 1; page < to; page++) {
      if (this.#pages.has(page) || this.#underway.has(page)) return false;
    }
    return true;
  }

  #fetch({ offset, length }: ByteRange): Promise<Pages> {
    this.reads += 1;
    this.bytes += length;
    const pages = pagesOf([{ offset, length }]);
    const fetch = this.#take(offset, length).finally(() => {
      for (const page of pages) this.#underway.delete(page);
    });
    for (const page of pages) this.#underway.set(page, fetch);
    return fetch;
  }

  async #take(offset: number, length: number): Promise<Pages> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#source.read(offset, length);
      if (bytes.length !== length) {
        throw new Error(`the source gave ${bytes.length} of ${length} bytes at ${offset}`);
      }
    } catch (cause) {
      this.failure ??= { cause };
      throw cause;
    }
    const taken = new Map<number, Uint8Array>();
    for (let done = 0; done < length; done += PAGE_BYTES) {
      // A copy: a view, as a Buffer's own slice gives it, would keep the whole fetch alive with one of its pages.
      taken.set((offset + done) / PAGE_BYTES, new Uint8Array(bytes.subarray(done, done + PAGE_BYTES)));
    }
    for (const [index, page] of taken) this.#pages.set(index, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.#maxPages) break;
      this.#pages.delete(oldest);
    }
    return taken;
  }
}

type Pages = ReadonlyMap<number, Uint8Array>;

function pagesOf(ranges: readonly ByteRange[]): Set<number> {
  const indexes = new Set<number>();
  for (const { offset, length } of ranges) {
    if (length === 0) continue;
    const last = Math.floor((offset + length - 1) / PAGE_BYTES);
    for (let index = Math.floor(offset / PAGE_BYTES); index <= last; index++) indexes.add(index);
  }
  return indexes;
}

function copy(pages: Pages, range: ByteRange, into: Uint8Array): void {
  for (let done = 0; done < range.length; ) {
    const index = Math.floor((range.offset + done) / PAGE_BYTES);
    const from = range.offset + done - index * PAGE_BYTES;
    const part = pages.get(index)!.subarray(from, from + range.length - done);
    into.set(part, done);
    done += part.length;
  }
}
