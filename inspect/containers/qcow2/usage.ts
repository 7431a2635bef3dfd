/** Who uses which cluster of a qcow2 file, as far as its tables have been read. */
import type { ByteRange } from '../../readers/range-reader.ts';
import { ClusterSet, type ProblemList } from '../scan.ts';
import type { Qcow2Entries } from './mapping.ts';

/** Files of more clusters are not checked for clusters that are named twice. */
export const MAX_CLUSTERS = 16 * 1024 * 1024;

/** What is known of a file's clusters while its tables are scanned. */
export class Usage {
  readonly clusterBytes: number;
  readonly fileSize: number;
  readonly problems: ProblemList;
  readonly metadata: ClusterSet;
  readonly data: ClusterSet;
  readonly packed: ClusterSet;
  readonly #shared: ClusterSet;
  /** Ends of whatever a table names, at most the end of the file. */
  highest = 0;
  /** Tables reach behind the disk's end, as they do for a machine's state: what they name there is not followed. */
  hasMachineState = false;

  constructor(entries: Qcow2Entries, problems: ProblemList) {
    const { header, fileSize } = entries;
    this.clusterBytes = header.clusterBytes;
    this.fileSize = fileSize;
    this.problems = problems;
    const clusters = Math.min(Math.ceil(this.fileSize / this.clusterBytes), MAX_CLUSTERS);
    this.metadata = new ClusterSet(clusters);
    this.data = new ClusterSet(clusters);
    this.packed = new ClusterSet(clusters);
    this.#shared = new ClusterSet(header.snapshots.entries > 0 ? clusters : 0);
  }

  reach(end: number): void {
    this.highest = Math.max(this.highest, Math.min(end, this.fileSize));
  }

  /**
   * Claims the clusters of a table; notes where something else has claimed one, and stops there: tables that are
   * named over and over would cost their length each time.
   */
  claimTable(offset: number, length: number, named: { at: number; field: string }): boolean {
    this.reach(offset + length);
    const last = Math.floor((offset + length - 1) / this.clusterBytes);
    for (let cluster = Math.floor(offset / this.clusterBytes); cluster <= last; cluster++) {
      if (this.metadata.add(cluster) && !this.data.has(cluster) && !this.packed.has(cluster)) continue;
      const message = 'A table lies over another table or over data; convert the image again.';
      this.problems.note({ code: 'BAD_TABLE', message }, named.at, named.field);
      return false;
    }
    return true;
  }

  /** Claims a cluster of the guest's data; notes where something else has claimed it. */
  claimData(offset: number, at: number): void {
    this.reach(offset + this.clusterBytes);
    const cluster = offset / this.clusterBytes;
    if (this.metadata.has(cluster)) {
      const message = 'An L2 entry names a cluster that holds a table; convert the image again.';
      this.problems.note({ code: 'BAD_TABLE', message }, at, 'L2 entry');
    } else if (!this.data.add(cluster) || this.packed.has(cluster)) {
      const message = 'Two L2 entries name the same cluster of the file; convert the image again.';
      this.problems.note({ code: 'BAD_TABLE', message }, at, 'L2 entry');
    }
  }

  claimPacked({ offset, length }: ByteRange, at: number): void {
    this.reach(offset + length);
    const first = Math.floor(offset / this.clusterBytes);
    if (this.metadata.has(first) || this.data.has(first)) {
      const message =
        'An L2 entry names a compressed cluster inside other data or a table; convert the image again.';
      this.problems.note({ code: 'BAD_TABLE', message }, at, 'L2 entry');
    }
    const last = Math.floor((offset + length - 1) / this.clusterBytes);
    for (let cluster = first; cluster <= last; cluster++) this.packed.add(cluster);
  }

  /** What a snapshot uses, alone or with the disk. */
  share(offset: number, length: number): void {
    this.reach(offset + length);
    const last = Math.floor((offset + length - 1) / this.clusterBytes);
    for (let cluster = Math.floor(offset / this.clusterBytes); cluster <= last; cluster++)
      this.#shared.add(cluster);
  }

  uses(cluster: number): boolean {
    return [this.metadata, this.data, this.packed, this.#shared].some((set) => set.has(cluster));
  }
}
