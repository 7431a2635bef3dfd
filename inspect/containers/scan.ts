/** What the scans of all containers share: reading many tables within the allowance, and finding what is named twice. */
import type { Limits } from '../limits.ts';
import type { ByteRange, RangeReader } from '../readers/range-reader.ts';
import type { Findings, Scan } from '../report.ts';

/** Tables lie apart; fetching what is between them is worth it only when it is little. */
export const SCAN_GAP_BYTES = 16 * 1024;
/** Problems of one kind that are listed: the first few say where to look. */
const LISTED_PROBLEMS = 8;

export interface Problem {
  readonly code: 'BAD_TABLE' | 'TRUNCATED';
  readonly message: string;
}

/** Notes problems of table entries, the first few of each sentence. */
export class ProblemList {
  readonly #findings: Findings;
  readonly #reference: string;
  readonly #counts = new Map<string, number>();

  constructor(findings: Findings, reference: string) {
    this.#findings = findings;
    this.#reference = reference;
  }

  note({ code, message }: Problem, offset: number, field: string): void {
    const count = this.#counts.get(message) ?? 0;
    this.#counts.set(message, count + 1);
    if (count >= LISTED_PROBLEMS) return;
    this.#findings.add(code, { message, offset: String(offset), field, reference: this.#reference });
  }

  get any(): boolean {
    return this.#counts.size > 0;
  }
}

/**
 * The facts of a scan; notes that it was not complete. How much is stored is left out then: it would be a guess.
 */
export function scanFacts(
  scan: { complete: boolean; tables: number; allocated: number },
  size: number,
  findings: Findings,
): Scan {
  const { complete, tables, allocated } = scan;
  if (complete) return { complete, tables, allocated: String(allocated), sparse: allocated < size };
  findings.add('SCAN_INCOMPLETE', {
    message:
      'The mapping tables are longer than an inspection reads, so the rest of them was not checked; larger clusters make them shorter (qemu-img convert -o cluster_size=2M).',
  });
  return { complete, tables };
}

/**
 * Reads tables in the order in which they lie in the file, about `limits.scanReadBytes` at a time, and hands each
 * with its index in `tables` to `visit`. Rejects with BudgetExceeded where the allowance ends.
 */
export async function readTables(
  reader: RangeReader,
  tables: readonly ByteRange[],
  limits: Limits,
  visit: (bytes: Uint8Array, index: number) => void,
): Promise<void> {
  const order = tables.map((_, index) => index).sort((a, b) => tables[a]!.offset - tables[b]!.offset);
  for (let at = 0; at < order.length; ) {
    const batch: number[] = [];
    let bytes = 0;
    while (at < order.length && (batch.length === 0 || bytes < limits.scanReadBytes)) {
      batch.push(order[at]!);
      bytes += tables[order[at]!]!.length;
      at += 1;
    }
    await reader.prefetch?.(batch.map((index) => tables[index]!));
    for (const index of batch) {
      const { offset, length } = tables[index]!;
      visit(await reader.read(offset, length), index);
    }
  }
}

/** One bit for each cluster of a file. */
export class ClusterSet {
  readonly #bits: Uint32Array;

  constructor(clusters: number) {
    this.#bits = new Uint32Array(Math.ceil(clusters / 32));
  }

  has(cluster: number): boolean {
    return (((this.#bits[cluster >>> 5] ?? 0) >>> (cluster & 31)) & 1) === 1;
  }

  /** Adds a cluster; false when it was there. */
  add(cluster: number): boolean {
    if (this.has(cluster)) return false;
    const word = cluster >>> 5;
    if (word < this.#bits.length) this.#bits[word] = this.#bits[word]! | (1 << (cluster & 31));
    return true;
  }
}

const CHUNK_ENTRIES = 256 * 1024;

/**
 * Millions of addresses in little memory, given back in order. `Uint32Array` for addresses in sectors,
 * `Float64Array` for addresses in bytes.
 */
export class AddressList {
  readonly #make: () => Uint32Array | Float64Array;
  readonly #chunks: (Uint32Array | Float64Array)[] = [];
  #length = 0;

  constructor(kind: typeof Uint32Array | typeof Float64Array) {
    this.#make = () => new kind(CHUNK_ENTRIES);
  }

  add(address: number): void {
    const within = this.#length % CHUNK_ENTRIES;
    if (within === 0) this.#chunks.push(this.#make());
    this.#chunks.at(-1)![within] = address;
    this.#length += 1;
  }

  get length(): number {
    return this.#length;
  }

  /** All addresses in ascending order. */
  *sorted(): Generator<number> {
    const runs = this.#chunks.map((chunk, index) => ({
      next: 0,
      chunk: chunk.subarray(0, Math.min(CHUNK_ENTRIES, this.#length - index * CHUNK_ENTRIES)).sort(),
    }));
    for (let given = 0; given < this.#length; given++) {
      let least = runs[0]!;
      let value = Number.POSITIVE_INFINITY;
      for (const run of runs) {
        const candidate = run.chunk[run.next];
        if (candidate !== undefined && candidate < value) {
          least = run;
          value = candidate;
        }
      }
      least.next += 1;
      yield value;
    }
  }
}
