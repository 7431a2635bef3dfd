/**
 * Reference counts (QEMU `docs/interop/qcow2.rst`, "Host cluster management"): a table of u64 places of blocks, each
 * block one cluster of counts. Readers do not need them, so only the places are judged; the counts tell which
 * clusters are kept for nothing.
 */
import { BudgetExceeded, type Limits } from '../../limits.ts';
import { u32be } from '../../readers/bytes.ts';
import type { RangeReader } from '../../readers/range-reader.ts';
import type { Findings } from '../../report.ts';
import { pastEnd } from '../container.ts';
import { readTables } from '../scan.ts';
import type { Qcow2Entries } from './mapping.ts';
import type { Usage } from './usage.ts';

const REFERENCE = 'qcow2, "Host cluster management"';

/** A block and the first cluster that it counts. */
export interface RefcountBlock {
  readonly offset: number;
  readonly length: number;
  readonly firstCluster: number;
}

/** Judges every entry of the refcount table. */
export async function scanRefcountTable(
  reader: RangeReader,
  { header, fileSize }: Qcow2Entries,
  usage: Usage,
  limits: Limits,
): Promise<RefcountBlock[]> {
  const { refcounts, clusterBytes, refcountBits, size } = header;
  const perBlock = (clusterBytes * 8) / refcountBits;
  const blocks: RefcountBlock[] = [];
  const bytesOfTable = refcounts.entries * 8;
  for (let done = 0; done < bytesOfTable; done += limits.scanReadBytes) {
    const bytes = await reader.read(
      refcounts.offset + done,
      Math.min(limits.scanReadBytes, bytesOfTable - done),
    );
    for (let i = 0; i < bytes.length; i += 8) {
      const high = u32be(bytes, i);
      const low = u32be(bytes, i + 4);
      if (high === 0 && low === 0) continue;
      const at = refcounts.offset + done + i;
      const offset = high * 2 ** 32 + low;
      if (offset % clusterBytes !== 0) {
        const message = 'A refcount table entry does not name a cluster; convert the image again.';
        usage.problems.note({ code: 'BAD_TABLE', message }, at, 'refcount table entry');
      } else if (offset + clusterBytes > fileSize) {
        const message = 'The file ends before a refcount block; upload the whole file.';
        usage.problems.note({ code: pastEnd(offset, size), message }, at, 'refcount table entry');
      } else if (usage.claimTable(offset, clusterBytes, { at, field: 'refcount table entry' })) {
        blocks.push({ offset, length: clusterBytes, firstCluster: ((done + i) / 8) * perBlock });
      }
    }
  }
  return blocks;
}

/**
 * Notes the clusters that are kept although nothing names them. It costs a read of every block for a remark, so it
 * is left out when they are more than a sixteenth of what a scan may read, or the allowance ends.
 */
export async function noteLeaks(
  reader: RangeReader,
  { header }: Qcow2Entries,
  usage: Usage,
  blocks: readonly RefcountBlock[],
  findings: Findings,
  limits: Limits,
): Promise<void> {
  const { refcountBits, clusterBytes } = header;
  const clusters = Math.ceil(usage.fileSize / clusterBytes);
  // Counts behind the end of the file count nothing.
  const counts = blocks.flatMap(({ offset, length, firstCluster }) => {
    const needed = Math.min(length, Math.ceil(((clusters - firstCluster) * refcountBits) / 8));
    return needed > 0 ? [{ offset, length: needed, firstCluster }] : [];
  });
  if (counts.reduce((sum, { length }) => sum + length, 0) > limits.scanBytes / 16) return;
  let leaks = 0;
  const visit = (bytes: Uint8Array, index: number) => {
    const { firstCluster } = counts[index]!;
    const counted = Math.min((bytes.length * 8) / refcountBits, clusters - firstCluster);
    for (let i = 0; i < counted; i++) {
      if (isCounted(bytes, i, refcountBits) && !usage.uses(firstCluster + i)) leaks += 1;
    }
  };
  try {
    await readTables(reader, counts, limits, visit);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    return;
  }
  if (leaks === 0) return;
  findings.add('LEAKED_CLUSTERS', {
    message: `${leaks} cluster${leaks === 1 ? ' is' : 's are'} kept although nothing names ${leaks === 1 ? 'it' : 'them'}; qemu-img check -r leaks frees the space.`,
    found: String(leaks),
    reference: REFERENCE,
  });
}

/** Whether a count is not zero. Counts below a byte are packed from the low bits up. */
function isCounted(bytes: Uint8Array, index: number, bits: number): boolean {
  if (bits < 8) {
    const perByte = 8 / bits;
    const byte = bytes[Math.floor(index / perByte)]!;
    return ((byte >> ((index % perByte) * bits)) & (2 ** bits - 1)) !== 0;
  }
  const width = bits / 8;
  for (let i = 0; i < width; i++) if (bytes[index * width + i] !== 0) return true;
  return false;
}
