/**
 * Directories and files of XFS, versions 4 and 5. "XFS Algorithms & Data Structures", chapters "On-disk Inode",
 * "Data Extents", "Directories" and "Symbolic Links". Integers big-endian:
 *
 *   inode   0 "IN"   2 u16 mode   4 u8 version   5 u8 format (1 local, 2 extents, 3 btree)   24 u64 extents (nrext64)
 *           56 u64 size   76 u32 extents   82 u8 attribute fork / 8   90 u16 flags (1: realtime)   120 u64 flags2
 *           data fork at 100 (version 2), 176 (version 3)
 *   extent  128 bits: 1 unwritten, 54 file block, 52 block, 21 blocks
 *   btree   fork: 0 u16 level, 2 u16 records, keys from 4, pointers behind the room for keys
 *           block: "BMAP" header 24, "BMA3" header 72; 4 u16 level, 6 u16 records
 *   entry   0 u64 inode, or u16 FFFF and u16 length when free   8 u8 name length   9 name, type, padding, u16 tag
 */
import type { Limits } from '../limits.ts';
import { covers, hasAscii, sameBytes, slice, toNumber, u8, u16be, u32be, u64be } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { utf8, utf8Bytes } from '../readers/text.ts';
import { type Extent, readExtents } from './extents.ts';
import { Damaged, type FileNode, type FileTree, GivenUp, kindOfMode } from './tree.ts';
import type { XfsSuperblock } from './xfs.ts';

/** File types, sparse inodes, meta uuid, wide times, repair mark, wide counters, exchange, parents, metadir, gaps. */
const KNOWN_INCOMPATIBLE = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400;
const FEATURES2_FILE_TYPE = 0x200;
const FORMAT = { local: 1, extents: 2, btree: 3 } as const;
const FLAG_REALTIME = 1;
const FLAG2_WIDE_COUNTERS = 1n << 4n;
const DEEPEST_TREE = 9;
const MOST_NODES = 64;
const MOST_EXTENTS = 4096;
/** Where the file blocks of a directory turn from entries to their index. */
const INDEX_OFFSET = 32 * 2 ** 30;
const LONGEST_DIRECTORY_BYTES = 4096 * 288;
const SYMLINK_HEADER = 56;

export interface XfsNode extends FileNode {
  readonly inode: Uint8Array;
}

/** Opens the file system; throws GivenUp when it uses what is not known here, Damaged when its sizes contradict. */
export function openXfs(volume: RangeReader, sb: XfsSuperblock, limits: Limits): FileTree<XfsNode> {
  const unknown = sb.incompatible & ~KNOWN_INCOMPATIBLE;
  if (unknown !== 0) {
    throw new GivenUp(`it uses features that are not read here (0x${(unknown >>> 0).toString(16)})`);
  }
  if (sb.version !== 4 && sb.version !== 5) throw new GivenUp(`its version is ${sb.version}`);
  const inodesPerBlock = sb.blockBytes / sb.inodeBytes;
  const sound =
    sb.groupBlocksLog <= 31 &&
    2 ** sb.groupBlocksLog >= sb.groupBlocks &&
    2 ** sb.inodesPerBlockLog === inodesPerBlock &&
    sb.blockBytes * 2 ** sb.directoryBlockLog <= 65536;
  if (!sound) throw new Damaged('its superblock contradicts itself');
  return new XfsTree(volume, sb, limits);
}

class XfsTree implements FileTree<XfsNode> {
  readonly #volume: RangeReader;
  readonly #sb: XfsSuperblock;
  readonly #limits: Limits;
  readonly #typed: boolean;

  constructor(volume: RangeReader, sb: XfsSuperblock, limits: Limits) {
    this.#volume = volume;
    this.#sb = sb;
    this.#limits = limits;
    this.#typed = sb.version === 5 || (sb.features2 & FEATURES2_FILE_TYPE) !== 0;
  }

  root(): Promise<XfsNode> {
    return this.#inode(this.#sb.rootInode);
  }

  async lookup(directory: XfsNode, name: string): Promise<XfsNode | undefined> {
    const wanted = utf8Bytes(name);
    for await (const entry of this.#entries(directory)) {
      if (sameBytes(entry.name, wanted)) return this.#inode(entry.inode);
    }
    return undefined;
  }

  async list(directory: XfsNode): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of this.#entries(directory)) {
      const name = utf8(entry.name);
      if (name !== '.' && name !== '..') names.push(name);
    }
    return names;
  }

  async read(file: XfsNode, most: number): Promise<Uint8Array> {
    const length = Math.min(file.size, most);
    if (formatOf(file.inode) === FORMAT.local) return slice(forkOf(file.inode), 0, length);
    return readExtents(this.#volume, await this.#extents(file), 0, length);
  }

  async target(link: XfsNode): Promise<string> {
    if (formatOf(link.inode) === FORMAT.local) return utf8(slice(forkOf(link.inode), 0, link.size));
    const { blockBytes, version } = this.#sb;
    const header = version === 5 ? SYMLINK_HEADER : 0;
    const blocks = Math.ceil(link.size / (blockBytes - header));
    const stored = await readExtents(this.#volume, await this.#extents(link), 0, blocks * blockBytes);
    const bytes = new Uint8Array(link.size);
    for (let i = 0, done = 0; done < link.size; i++) {
      const block = slice(stored, i * blockBytes, blockBytes);
      if (header > 0 && !hasAscii(block, 0, 'XSLM')) throw new Damaged('a symbolic link has no header');
      const piece = block.subarray(header, header + Math.min(blockBytes - header, link.size - done));
      bytes.set(piece, done);
      done += piece.length;
    }
    return utf8(bytes);
  }

  /** Byte place of a file system block, whose number is not linear: group and block in it are bit fields. */
  #place(block: bigint, count: number): number {
    const { groupBlocksLog, groupBlocks, groups, blockBytes } = this.#sb;
    const group = toNumber(block >> BigInt(groupBlocksLog));
    const inGroup = Number(block & ((1n << BigInt(groupBlocksLog)) - 1n));
    if (group >= groups || inGroup >= groupBlocks || count > groupBlocks - inGroup) {
      throw new Damaged(`block ${block} lies outside the file system`);
    }
    return (group * groupBlocks + inGroup) * blockBytes;
  }

  async #bytes(offset: number, length: number): Promise<Uint8Array> {
    if (!covers(this.#volume.size, offset, length)) throw new Damaged('a structure lies outside the volume');
    return this.#volume.read(offset, length);
  }

  async #inode(number: bigint): Promise<XfsNode> {
    const { inodesPerBlockLog, inodeBytes } = this.#sb;
    const block = number >> BigInt(inodesPerBlockLog);
    const index = Number(number & ((1n << BigInt(inodesPerBlockLog)) - 1n));
    const inode = await this.#bytes(this.#place(block, 1) + index * inodeBytes, inodeBytes);
    if (!hasAscii(inode, 0, 'IN')) throw new Damaged(`inode ${number} is none`);
    if ((u16be(inode, 90) & FLAG_REALTIME) !== 0) throw new GivenUp('a file lies on another device');
    return { kind: kindOfMode(u16be(inode, 2)), size: toNumber(u64be(inode, 56)), inode };
  }

  async #extents({ inode }: XfsNode): Promise<Extent[]> {
    const fork = forkOf(inode);
    const extents: Extent[] = [];
    if (formatOf(inode) === FORMAT.extents) {
      this.#addRecords(fork, 0, extentCount(inode), extents);
    } else if (formatOf(inode) === FORMAT.btree) {
      const level = u16be(fork, 0);
      if (level < 1 || level > DEEPEST_TREE) throw new Damaged('an extent tree has a wrong level');
      const room = Math.floor((fork.length - 4) / 16);
      await this.#walk(pointers(fork, 4, u16be(fork, 2), room), level - 1, { nodes: 0 }, extents);
    } else {
      throw new Damaged('a file has a format that it cannot have');
    }
    return extents;
  }

  async #walk(
    blocks: readonly bigint[],
    level: number,
    visited: { nodes: number },
    extents: Extent[],
  ): Promise<void> {
    const { blockBytes, version } = this.#sb;
    const [magic, header] = version === 5 ? ['BMA3', 72] : ['BMAP', 24];
    for (const block of blocks) {
      visited.nodes += 1;
      if (visited.nodes > MOST_NODES)
        throw new GivenUp('a file is spread over more places than are followed');
      const node = await this.#bytes(this.#place(block, 1), blockBytes);
      if (!hasAscii(node, 0, magic) || u16be(node, 4) !== level)
        throw new Damaged('an extent tree is malformed');
      const records = u16be(node, 6);
      if (level === 0) {
        this.#addRecords(node, header, records, extents);
      } else {
        const room = Math.floor((blockBytes - header) / 16);
        await this.#walk(pointers(node, header, records, room), level - 1, visited, extents);
      }
    }
  }

  #addRecords(bytes: Uint8Array, at: number, count: number, extents: Extent[]): void {
    const { blockBytes } = this.#sb;
    if (extents.length + count > MOST_EXTENTS) throw new GivenUp('a file has more extents than are followed');
    for (let i = 0; i < count; i++) {
      const high = u64be(bytes, at + 16 * i);
      const low = u64be(bytes, at + 16 * i + 8);
      const fileOffset = toNumber((high >> 9n) & ((1n << 54n) - 1n)) * blockBytes;
      const blocks = Number(low & 0x1fffffn);
      const previous = extents.at(-1);
      if (previous !== undefined && fileOffset < previous.fileOffset + previous.length) {
        throw new Damaged('the extents of a file are out of order');
      }
      const length = blocks * blockBytes;
      const unwritten = high >> 63n !== 0n;
      const block = ((high & 0x1ffn) << 43n) | (low >> 21n);
      extents.push(
        unwritten ? { fileOffset, length } : { fileOffset, length, volumeOffset: this.#place(block, blocks) },
      );
    }
  }

  async *#entries(directory: XfsNode): AsyncGenerator<{ inode: bigint; name: Uint8Array }> {
    const all =
      formatOf(directory.inode) === FORMAT.local
        ? this.#shortEntries(directory)
        : this.#blockEntries(directory);
    let seen = 0;
    for await (const entry of all) {
      seen += 1;
      if (seen > this.#limits.directoryEntries) {
        throw new GivenUp('a directory has more entries than are followed');
      }
      yield entry;
    }
  }

  /** The whole directory in its inode: counts, the parent, then entries. */
  *#shortEntries({ inode }: XfsNode): Generator<{ inode: bigint; name: Uint8Array }> {
    const fork = forkOf(inode);
    const wide = u8(fork, 1) !== 0;
    const width = wide ? 8 : 4;
    const numberAt = (at: number) => (wide ? u64be(fork, at) : BigInt(u32be(fork, at)));
    let at = 2 + width;
    for (let i = 0; i < u8(fork, 0); i++) {
      const nameBytes = u8(fork, at);
      const number = at + 3 + nameBytes + (this.#typed ? 1 : 0);
      yield { inode: numberAt(number), name: slice(fork, at + 3, nameBytes) };
      at = number + width;
    }
  }

  async *#blockEntries(directory: XfsNode): AsyncGenerator<{ inode: bigint; name: Uint8Array }> {
    const { blockBytes, directoryBlockLog } = this.#sb;
    const unit = blockBytes * 2 ** directoryBlockLog;
    const extents = (await this.#extents(directory)).filter((extent) => extent.fileOffset < INDEX_OFFSET);
    const last = extents.at(-1);
    const end = last === undefined ? 0 : last.fileOffset + last.length;
    let done = 0;
    for (const extent of extents) {
      // Blocks of a directory may begin in one extent and end in the next; holes have no entries.
      for (
        let at = Math.max(done, extent.fileOffset - (extent.fileOffset % unit));
        at < extent.fileOffset + extent.length;
        at += unit
      ) {
        if (at >= LONGEST_DIRECTORY_BYTES) throw new GivenUp('a directory is longer than what is followed');
        if (at + unit > end) throw new Damaged('a directory ends within a block');
        yield* this.#dataEntries(await readExtents(this.#volume, extents, at, unit));
        done = at + unit;
      }
    }
  }

  *#dataEntries(block: Uint8Array): Generator<{ inode: bigint; name: Uint8Array }> {
    const isSingle = hasAscii(block, 0, 'XDB3') || hasAscii(block, 0, 'XD2B');
    const isWide = hasAscii(block, 0, 'XDB3') || hasAscii(block, 0, 'XDD3');
    if (!isSingle && !isWide && !hasAscii(block, 0, 'XD2D'))
      throw new Damaged('a directory block has no magic');
    // The only block of a small directory ends with its own index.
    const end = isSingle ? block.length - 8 - 8 * u32be(block, block.length - 8) : block.length;
    for (let at = isWide ? 64 : 16; at < end; ) {
      if (u16be(block, at) === 0xffff) {
        const free = u16be(block, at + 2);
        if (free < 8 || free % 8 !== 0) throw new Damaged('a free directory entry has a wrong length');
        at += free;
        continue;
      }
      const nameBytes = u8(block, at + 8);
      yield { inode: u64be(block, at), name: slice(block, at + 9, nameBytes) };
      at += Math.ceil((9 + nameBytes + (this.#typed ? 1 : 0) + 2) / 8) * 8;
    }
  }
}

function formatOf(inode: Uint8Array): number {
  return u8(inode, 5);
}

/** The data fork: everything behind the inode's core, or up to the attribute fork. */
function forkOf(inode: Uint8Array): Uint8Array {
  const start = u8(inode, 4) === 3 ? 176 : 100;
  const length = u8(inode, 82) * 8 || inode.length - start;
  return slice(inode, start, length);
}

function extentCount(inode: Uint8Array): number {
  const wide = u8(inode, 4) === 3 && (u64be(inode, 120) & FLAG2_WIDE_COUNTERS) !== 0n;
  return wide ? toNumber(u64be(inode, 24)) : u32be(inode, 76);
}

/** The pointers of a node: they stand behind the room for its keys. */
function pointers(node: Uint8Array, at: number, records: number, room: number): bigint[] {
  if (records > room) throw new Damaged('an extent tree has more records than room');
  return Array.from({ length: records }, (_, i) => u64be(node, at + 8 * room + 8 * i));
}
