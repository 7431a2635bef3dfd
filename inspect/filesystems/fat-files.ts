/**
 * Directories and files of a FAT volume. Microsoft "FAT: General Overview of On-Disk Format", version 1.03.
 *
 *   entry of 32 bytes: 0 name, 8 + 3   11 u8 attributes   20 u16 cluster, high   26 u16 cluster, low   28 u32 size
 *   first byte 00: no more entries; E5: deleted; 05 stands for E5
 *   long name part (attributes 0F): 0 order, 40 marks the last; 1, 14, 28: 5, 6, 2 UTF-16 units
 */
import type { Limits } from '../limits.ts';
import { slice, u8, u16le, u32le } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { latin1, utf16 } from '../readers/text.ts';
import { type FatGeometry, fatLabel } from './fat.ts';
import { Damaged, type FileNode, type FileTree, GivenUp } from './tree.ts';

const ENTRY_BYTES = 32;
const DIRECTORY = 0x10;
const VOLUME_LABEL = 0x08;
const LONG_NAME = 0x0f;
/** Directories are short and lie together: one read brings the first clusters of several. */
const READ_AHEAD_BYTES = 16 * 1024;
/** Entries of the FAT from here on end a chain. */
const CHAIN_END = { FAT12: 0xff8, FAT16: 0xfff8, FAT32: 0xffffff8 };

export interface FatNode extends FileNode {
  readonly cluster: number;
}

interface FatEntry extends FatNode {
  readonly name: string;
  /** The 8.3 name beside a long one. */
  readonly shortName: string;
}

export interface FatTree extends FileTree<FatNode> {
  /** The label in the root directory, which goes before the boot sector's. */
  label(): Promise<string | undefined>;
}

/** Opens the volume whose parameter block has been read. Names are compared without regard to case. */
export function openFat(volume: RangeReader, geometry: FatGeometry, limits: Limits): FatTree {
  const root: FatNode = { kind: 'directory', size: 0, cluster: 0 };
  const most = limits.directoryEntries * ENTRY_BYTES;

  const entriesOf = async (directory: FatNode): Promise<Uint8Array> => {
    if (directory.kind !== 'directory') throw new Damaged('a path leads through a file');
    const { rootBytes, rootOffset, rootCluster } = geometry;
    if (directory.cluster === 0 && rootCluster === 0) {
      if (rootBytes > most) throw new GivenUp('the root directory is longer than what is followed');
      return bytesAt(volume, rootOffset, rootBytes);
    }
    const first = directory.cluster === 0 ? rootCluster : directory.cluster;
    const bytes = await readChain(volume, geometry, first, most, endsDirectory);
    if (bytes.length >= most && !endsDirectory(bytes)) {
      throw new GivenUp('a directory has more entries than are followed');
    }
    return bytes;
  };

  return {
    root: async () => root,
    async lookup(directory, name) {
      const wanted = name.toUpperCase();
      const entries = parseDirectory(await entriesOf(directory)).entries;
      return entries.find((e) => e.name.toUpperCase() === wanted || e.shortName.toUpperCase() === wanted);
    },
    async list(directory) {
      const { entries } = parseDirectory(await entriesOf(directory));
      return entries.map((entry) => entry.name).filter((name) => name !== '.' && name !== '..');
    },
    async read(file, wanted) {
      const length = Math.min(file.size, wanted);
      if (length === 0) return new Uint8Array(0);
      const bytes = await readChain(volume, geometry, file.cluster, length, () => false);
      if (bytes.length < length) throw new Damaged('a file is longer than its chain of clusters');
      return bytes.subarray(0, length);
    },
    async target() {
      throw new Damaged('a FAT has no links');
    },
    async label() {
      return parseDirectory(await entriesOf(root)).label;
    },
  };
}

async function bytesAt(volume: RangeReader, offset: number, length: number): Promise<Uint8Array> {
  if (offset > volume.size || length > volume.size - offset) {
    throw new Damaged('the file system is larger than its volume');
  }
  return volume.read(offset, length);
}

/** Reads clusters of a chain until `most` bytes are there, the chain ends or `isLast` says that it is enough. */
async function readChain(
  volume: RangeReader,
  geometry: FatGeometry,
  first: number,
  most: number,
  isLast: (cluster: Uint8Array) => boolean,
): Promise<Uint8Array> {
  const { clusterBytes, clusters, dataOffset, kind } = geometry;
  const pieces: Uint8Array[] = [];
  const visited = new Set<number>();
  let total = 0;
  let cluster = first;
  while (total < most) {
    if (cluster < 2 || cluster >= clusters + 2) throw new Damaged(`a chain leads to cluster ${cluster}`);
    if (visited.has(cluster)) throw new Damaged('a chain of clusters goes in circles');
    visited.add(cluster);
    const offset = dataOffset + (cluster - 2) * clusterBytes;
    const ahead = Math.min(READ_AHEAD_BYTES, volume.size - offset);
    if (pieces.length === 0 && ahead > 0) await volume.prefetch?.([{ offset, length: ahead }]);
    const piece = await bytesAt(volume, offset, clusterBytes);
    pieces.push(piece);
    total += piece.length;
    if (isLast(piece) || total >= most) break;
    const next = await nextCluster(volume, geometry, cluster);
    if (next >= CHAIN_END[kind]) break;
    cluster = next;
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function nextCluster(volume: RangeReader, geometry: FatGeometry, cluster: number): Promise<number> {
  const { kind, fatOffset, fatBytes } = geometry;
  const width = kind === 'FAT32' ? 4 : 2;
  const at = kind === 'FAT12' ? Math.floor(cluster * 1.5) : cluster * width;
  if (at + width > fatBytes) throw new Damaged(`cluster ${cluster} has no entry in the FAT`);
  const entry = await bytesAt(volume, fatOffset + at, width);
  if (kind === 'FAT32') return u32le(entry, 0) & 0x0fffffff;
  const value = u16le(entry, 0);
  if (kind === 'FAT16') return value;
  return cluster % 2 === 0 ? value & 0xfff : value >> 4;
}

function endsDirectory(cluster: Uint8Array): boolean {
  for (let at = 0; at < cluster.length; at += ENTRY_BYTES) if (cluster[at] === 0) return true;
  return false;
}

/** Entries of a directory up to its end mark, and the label when one of them is it. */
export function parseDirectory(bytes: Uint8Array): { entries: FatEntry[]; label?: string } {
  const entries: FatEntry[] = [];
  let label: string | undefined;
  let long = '';
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const entry = slice(bytes, at, ENTRY_BYTES);
    const first = u8(entry, 0);
    if (first === 0) break;
    const attributes = u8(entry, 11);
    if (first === 0xe5) {
      long = '';
    } else if ((attributes & 0x3f) === LONG_NAME) {
      if ((first & 0x40) !== 0) long = '';
      long = longNamePart(entry) + long;
    } else if ((attributes & VOLUME_LABEL) !== 0) {
      label ??= fatLabel(slice(entry, 0, 11));
      long = '';
    } else {
      const shortName = shortNameOf(entry);
      entries.push({
        name: long === '' ? shortName : long,
        shortName,
        kind: (attributes & DIRECTORY) !== 0 ? 'directory' : 'file',
        size: u32le(entry, 28),
        cluster: u16le(entry, 20) * 65536 + u16le(entry, 26),
      });
      long = '';
    }
  }
  return label === undefined ? { entries } : { entries, label };
}

function longNamePart(entry: Uint8Array): string {
  const units = new Uint8Array(26);
  units.set(slice(entry, 1, 10), 0);
  units.set(slice(entry, 14, 12), 10);
  units.set(slice(entry, 28, 4), 22);
  return utf16(units, 'LE');
}

function shortNameOf(entry: Uint8Array): string {
  const base = latin1(slice(entry, 0, 8))
    .replace(/^\x05/, '\xe5')
    .trimEnd();
  const extension = latin1(slice(entry, 8, 3)).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}
