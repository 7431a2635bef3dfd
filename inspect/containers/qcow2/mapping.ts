/**
 * L1 and L2 tables (QEMU `docs/interop/qcow2.rst`, "Cluster mapping"): what one entry says, and the way from guest
 * clusters to places in the file. Entries are 64-bit big-endian; they are judged as two halves, because a scan
 * meets millions of them.
 */
import { u32be } from '../../readers/bytes.ts';
import { inflate, unzstd } from '../../readers/decompress.ts';
import type { ClusterRun, Mapping, Place } from '../../readers/mapped-reader.ts';
import type { ByteRange, RangeReader } from '../../readers/range-reader.ts';
import type { Findings } from '../../report.ts';
import { pastEnd, Refused } from '../container.ts';
import type { Problem } from '../scan.ts';
import { stretchOf } from '../stretch.ts';
import type { Qcow2Header } from './header.ts';

/** What an L2 entry says; `problem` when it says something that no reader should follow. */
export type L2Entry =
  /** Reads as zero; with an offset a cluster is reserved for it, and not read. */
  | { readonly kind: 'zero'; readonly offset?: number }
  | Exclude<Place, { kind: 'zero' | 'packed' }>
  /** `cut`: the sectors that the entry names pass the end of the file. */
  | ((Place & { kind: 'packed' }) & { readonly cut: boolean })
  | { readonly problem: Problem };

const bad = (message: string): { problem: Problem } => ({ problem: { code: 'BAD_TABLE', message } });
const ZERO: { readonly kind: 'zero' } = { kind: 'zero' };

/** The rules of one image for its entries. */
export class Qcow2Entries {
  readonly header: Qcow2Header;
  readonly fileSize: number;
  readonly entryBytes: number;
  /** L2 entries of one table. */
  readonly perTable: number;
  /** Number of low bits of a compressed entry that are its offset. */
  readonly #offsetBits: number;

  constructor(header: Qcow2Header, fileSize: number) {
    this.header = header;
    this.fileSize = fileSize;
    this.entryBytes = header.extendedL2 ? 16 : 8;
    this.perTable = header.clusterBytes / this.entryBytes;
    this.#offsetBits = 62 - (Math.log2(header.clusterBytes) - 8);
  }

  /** The place of the L2 table that an L1 entry names; 0 when it names none. */
  l1(bytes: Uint8Array, at: number): number | { readonly problem: Problem } {
    const high = u32be(bytes, at);
    const low = u32be(bytes, at + 4);
    if ((high & 0x7f000000) !== 0 || (low & 0x1ff) !== 0) {
      return bad('An L1 entry has reserved bits set; convert the image again.');
    }
    const offset = hostOffset(high, low);
    if (offset === 0) return 0;
    return this.#table(offset) ?? offset;
  }

  #table(offset: number): { readonly problem: Problem } | undefined {
    const { clusterBytes, size } = this.header;
    if (offset % clusterBytes !== 0) {
      return bad('An L1 entry names an L2 table that does not begin on a cluster; convert the image again.');
    }
    if (offset + clusterBytes > this.fileSize) {
      return {
        problem: {
          code: pastEnd(offset, size),
          message: 'The file ends before an L2 table that an L1 entry names; upload the whole file.',
        },
      };
    }
    return undefined;
  }

  /** The place of the guest cluster that the L2 entry at `at` describes. */
  l2(bytes: Uint8Array, at: number): L2Entry {
    const high = u32be(bytes, at);
    const low = u32be(bytes, at + 4);
    const parts = this.header.extendedL2 ? [u32be(bytes, at + 8), u32be(bytes, at + 12)] : undefined;
    if ((high & 0x40000000) !== 0) return this.#compressed(high, low, parts);
    const zeroFlag = this.header.version === 3 && parts === undefined && (low & 1) === 1;
    if ((high & 0x3f000000) !== 0 || (low & (zeroFlag ? 0x1fe : 0x1ff)) !== 0) {
      return bad('An L2 entry has reserved bits set; convert the image again.');
    }
    const offset = hostOffset(high, low);
    if (offset === 0 && (high & 0x80000000) !== 0) {
      return bad('An L2 entry says that its cluster is the header; convert the image again.');
    }
    const problem = offset === 0 ? undefined : this.#cluster(offset);
    if (problem !== undefined) return problem;
    if (parts !== undefined) return this.#subclusters(offset, parts);
    if (offset === 0) return ZERO;
    return zeroFlag ? { kind: 'zero', offset } : { kind: 'stored', offset };
  }

  #cluster(offset: number): { readonly problem: Problem } | undefined {
    if (offset % this.header.clusterBytes !== 0) {
      return bad('An L2 entry names data that do not begin on a cluster; convert the image again.');
    }
    if (offset >= this.fileSize) {
      return {
        problem: {
          code: pastEnd(offset, this.header.size),
          message: 'The file ends before a cluster that an L2 entry names; upload the whole file.',
        },
      };
    }
    return undefined;
  }

  #subclusters(offset: number, [zeroes, allocated]: readonly number[]): L2Entry {
    if ((zeroes! & allocated!) !== 0) {
      return bad(
        'An L2 entry says of a subcluster both that it is stored and that it is zero; convert the image again.',
      );
    }
    if (offset === 0) {
      return allocated === 0
        ? ZERO
        : bad('An L2 entry has stored subclusters but no cluster; convert the image again.');
    }
    if (allocated === 0) return { kind: 'zero', offset };
    return allocated === 0xffffffff
      ? { kind: 'stored', offset }
      : { kind: 'parts', offset, parts: allocated! };
  }

  #compressed(high: number, low: number, parts: readonly number[] | undefined): L2Entry {
    if ((high & 0x80000000) !== 0 || parts?.some((word) => word !== 0)) {
      return bad('An L2 entry of a compressed cluster has reserved bits set; convert the image again.');
    }
    const entry = (BigInt(high & 0x3fffffff) << 32n) | BigInt(low);
    const address = entry & ((1n << BigInt(this.#offsetBits)) - 1n);
    if (address >> 56n !== 0n) {
      return bad(
        'An L2 entry of a compressed cluster has an address that is out of range; convert the image again.',
      );
    }
    const offset = Number(address);
    if (offset < this.header.clusterBytes) {
      return bad('An L2 entry says that its compressed cluster is in the header; convert the image again.');
    }
    if (offset >= this.fileSize) {
      return {
        problem: {
          code: pastEnd(offset, this.header.size),
          message: 'The file ends before a compressed cluster that an L2 entry names; upload the whole file.',
        },
      };
    }
    const sectors = Number(entry >> BigInt(this.#offsetBits)) + 1;
    const named = sectors * 512 - (offset % 512);
    const length = Math.min(named, this.fileSize - offset);
    return { kind: 'packed', offset, length, cut: length < named };
  }
}

/** Bits 9..55 of an entry: a multiple of 512 below 2^56. Above 2^53 it is inexact, and beyond every file. */
function hostOffset(high: number, low: number): number {
  return (high & 0x00ffffff) * 2 ** 32 + ((low & 0xfffffe00) >>> 0);
}

/** The L1 table in the file. */
export function l1Range({ l1 }: Qcow2Header): ByteRange {
  return { offset: l1.offset, length: l1.entries * 8 };
}

/** The bytes that come out of a compressed cluster, or of the beginning of one. */
export function unpackCluster(
  { compression, clusterBytes }: Qcow2Header,
  packed: Uint8Array,
): Uint8Array | undefined {
  const out = compression === 'ZSTD' ? unzstd(packed, clusterBytes) : inflate(packed, clusterBytes, 'raw');
  return out?.bytes;
}

/** The guest's clusters of a qcow2 file. */
export class Qcow2Mapping implements Mapping {
  readonly size: number;
  readonly clusterBytes: number;
  readonly #file: RangeReader;
  readonly #entries: Qcow2Entries;
  readonly #findings: Findings;

  constructor(file: RangeReader, entries: Qcow2Entries, findings: Findings) {
    this.#file = file;
    this.#entries = entries;
    this.#findings = findings;
    this.size = entries.header.size;
    this.clusterBytes = entries.header.clusterBytes;
  }

  async prepare(runs: readonly ClusterRun[]): Promise<void> {
    const l1 = l1Range(this.#entries.header);
    const tables = runs.flatMap((run) => this.#tables(run));
    await this.#file.prefetch?.(tables.map(({ index }) => stretchOf(l1, index * 8, 8)));
    const wanted = await Promise.all(
      tables.map(async ({ index, first, count }) => {
        const table = await this.#l2Table(index);
        const { entryBytes } = this.#entries;
        const l2 = { offset: table, length: this.clusterBytes };
        return table === 0 ? [] : [stretchOf(l2, first * entryBytes, count * entryBytes)];
      }),
    );
    await this.#file.prefetch?.(wanted.flat());
  }

  async locate(first: number, count: number): Promise<readonly Place[]> {
    await this.prepare([{ first, count }]);
    const places: Place[] = [];
    const { entryBytes } = this.#entries;
    for (const part of this.#tables({ first, count })) {
      const table = await this.#l2Table(part.index);
      if (table === 0) {
        for (let i = 0; i < part.count; i++) places.push(ZERO);
        continue;
      }
      const from = table + part.first * entryBytes;
      const bytes = await this.#file.read(from, part.count * entryBytes);
      for (let i = 0; i < part.count; i++) {
        const entry = this.#entries.l2(bytes, i * entryBytes);
        if ('problem' in entry) this.#refuse(entry.problem, from + i * entryBytes, 'L2 entry');
        places.push(entry);
      }
    }
    return places;
  }

  async unpack(cluster: number, place: Place & { kind: 'packed' }, packed: Uint8Array): Promise<Uint8Array> {
    const bytes = unpackCluster(this.#entries.header, packed);
    const isPart = packed.length < place.length;
    if (bytes !== undefined && (isPart || bytes.length === this.clusterBytes)) return bytes;
    return this.#refuse(
      {
        code: 'BAD_TABLE',
        message: `The compressed cluster ${cluster} of the disk cannot be decompressed; convert the image again.`,
      },
      place.offset,
      'compressed cluster',
    );
  }

  /** The parts of a run of guest clusters by the L2 table that describes them. */
  #tables({ first, count }: ClusterRun): { index: number; first: number; count: number }[] {
    const { perTable } = this.#entries;
    const parts = [];
    for (let at = first; at < first + count; ) {
      const index = Math.floor(at / perTable);
      const end = Math.min((index + 1) * perTable, first + count);
      parts.push({ index, first: at - index * perTable, count: end - at });
      at = end;
    }
    return parts;
  }

  async #l2Table(index: number): Promise<number> {
    const at = this.#entries.header.l1.offset + index * 8;
    const table = this.#entries.l1(await this.#file.read(at, 8), 0);
    return typeof table === 'number' ? table : this.#refuse(table.problem, at, 'L1 entry');
  }

  #refuse({ code, message }: Problem, offset: number, field: string): never {
    this.#findings.add(code, {
      message,
      offset: String(offset),
      field,
      reference: 'qcow2, "Cluster mapping"',
    });
    throw new Refused(message);
  }
}
