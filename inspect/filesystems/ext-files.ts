/**
 * Directories and files of ext2, ext3 and ext4. Kernel documentation, "ext4 Data Structures and Algorithms", sections
 * "Block Group Descriptors", "Index Nodes", "The Contents of inode.i_block" and "Directory Entries".
 * Offsets hexadecimal, integers little-endian:
 *
 *   descriptor  08 u32 inode table, low   12 u16 flags (1: no inodes)   28 u32 inode table, high
 *   inode       00 u16 mode   04 u32 size, low   20 u32 flags   28 blocks, 60 bytes   6C u32 size, high
 *               80 u16 bytes behind the first 128
 *   extents     00 u16 F30A   02 u16 entries   04 u16 room   06 u16 depth, then entries of 12 bytes:
 *               leaf 00 u32 logical, 04 u16 blocks (above 32768: unwritten), 06 u16 high, 08 u32 low
 *               index 00 u32 logical, 04 u32 low, 08 u16 high
 *   entry       00 u32 inode   04 u16 length   06 u8 name length   07 u8 type   08 name
 */
import type { Limits } from '../limits.ts';
import { covers, sameBytes, slice, u8, u16le, u32le } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { utf8, utf8Bytes } from '../readers/text.ts';
import type { ExtSuperblock } from './ext.ts';
import { inlineData, inlineParts } from './ext-inline.ts';
import { type Extent, readExtents } from './extents.ts';
import { Damaged, type FileNode, type FileTree, GivenUp, kindOfMode, Locked } from './tree.ts';

const ROOT_INODE = 2;
const COMPATIBLE_SPARSE = 0x1;
const INCOMPATIBLE = {
  compression: 0x1,
  filetype: 0x2,
  metaGroups: 0x10,
  largeDirectories: 0x4000,
  caseFolding: 0x20000,
  /** Every bit whose meaning is known here, compression aside. */
  known: 0x3f7d6,
} as const;
const INODE = { encrypted: 0x800, extents: 0x80000, inline: 0x10000000 } as const;
const EXTENT_MAGIC = 0xf30a;
const DEEPEST_EXTENTS = 5;
const MOST_NODES = 64;
const LONGEST_WRITTEN = 32768;
const BLOCK_MAP_BYTES = 60;
/** A directory is read in steps of this size, so that a name near its beginning costs little. */
const DIRECTORY_STEP_BYTES = 64 * 1024;
/** What 4096 entries take at most. */
const LONGEST_DIRECTORY_BYTES = 4096 * 264;

export interface ExtNode extends FileNode {
  readonly number: number;
  readonly flags: number;
  /** The whole inode. */
  readonly inode: Uint8Array;
}

/** Opens the file system; throws GivenUp when it uses what is not known here. */
export function openExt(volume: RangeReader, sb: ExtSuperblock, limits: Limits): FileTree<ExtNode> {
  const unknown = sb.incompatible & ~INCOMPATIBLE.known;
  if (unknown !== 0) {
    throw new GivenUp(`it uses features that are not read here (0x${(unknown >>> 0).toString(16)})`);
  }
  return new ExtTree(volume, sb, limits);
}

class ExtTree implements FileTree<ExtNode> {
  readonly #volume: RangeReader;
  readonly #sb: ExtSuperblock;
  readonly #limits: Limits;
  /** Nodes of the extent tree or indirect blocks read for the content at hand. */
  #nodes = 0;

  constructor(volume: RangeReader, sb: ExtSuperblock, limits: Limits) {
    this.#volume = volume;
    this.#sb = sb;
    this.#limits = limits;
  }

  root(): Promise<ExtNode> {
    return this.#inode(ROOT_INODE);
  }

  async lookup(directory: ExtNode, name: string): Promise<ExtNode | undefined> {
    const wanted = utf8Bytes(name);
    const folded = (this.#sb.incompatible & INCOMPATIBLE.caseFolding) !== 0 ? name.toLowerCase() : undefined;
    let inFolded: number | undefined;
    for await (const { inode, bytes } of this.#entries(directory)) {
      if (sameBytes(bytes, wanted)) return this.#inode(inode);
      if (folded !== undefined && utf8(bytes).toLowerCase() === folded) inFolded ??= inode;
    }
    return inFolded === undefined ? undefined : this.#inode(inFolded);
  }

  async list(directory: ExtNode): Promise<string[]> {
    const names: string[] = [];
    for await (const { bytes } of this.#entries(directory)) {
      const name = utf8(bytes);
      if (name !== '.' && name !== '..') names.push(name);
    }
    return names;
  }

  read(file: ExtNode, most: number): Promise<Uint8Array> {
    return this.#content(file, 0, Math.min(file.size, most));
  }

  async target(link: ExtNode): Promise<string> {
    const isFast = link.size < BLOCK_MAP_BYTES && (link.flags & (INODE.extents | INODE.inline)) === 0;
    const bytes = isFast ? slice(link.inode, 0x28, link.size) : await this.#content(link, 0, link.size);
    return utf8(bytes);
  }

  async #block(number: number): Promise<Uint8Array> {
    const { blockBytes, blocks } = this.#sb;
    const offset = number * blockBytes;
    if (number === 0 || number >= blocks || !covers(this.#volume.size, offset, blockBytes)) {
      throw new Damaged(`block ${number} lies outside the file system`);
    }
    return this.#volume.read(offset, blockBytes);
  }

  async #inode(number: number): Promise<ExtNode> {
    const { inodes, inodesPerGroup, inodeBytes, blockBytes, descriptorBytes } = this.#sb;
    if (number < 1 || number > inodes) throw new Damaged(`inode ${number} does not exist`);
    const group = Math.floor((number - 1) / inodesPerGroup);
    const index = (number - 1) % inodesPerGroup;
    if (descriptorBytes < 32 || descriptorBytes > blockBytes)
      throw new Damaged('group descriptors have no size');
    const perBlock = Math.floor(blockBytes / descriptorBytes);
    const block = await this.#block(this.#descriptorBlock(group, perBlock));
    const descriptor = slice(block, (group % perBlock) * descriptorBytes, descriptorBytes);
    const high = descriptorBytes >= 64 ? u32le(descriptor, 0x28) : 0;
    const table = u32le(descriptor, 8) + high * 2 ** 32;
    const at = index * inodeBytes;
    const inode = slice(await this.#block(table + Math.floor(at / blockBytes)), at % blockBytes, inodeBytes);
    const flags = u32le(inode, 0x20);
    const kind = kindOfMode(u16le(inode, 0));
    const wide = kind !== 'directory' || (this.#sb.incompatible & INCOMPATIBLE.largeDirectories) !== 0;
    const size = u32le(inode, 4) + (wide && kind !== 'link' ? u32le(inode, 0x6c) * 2 ** 32 : 0);
    return { kind, size, number, flags, inode };
  }

  /** Where the descriptor of a group is: in the table behind the superblock, or in its own group of groups. */
  #descriptorBlock(group: number, perBlock: number): number {
    const { blockBytes, firstDataBlock, blocksPerGroup, firstMetaGroup } = this.#sb;
    const { incompatible, readOnlyCompatible } = this.#sb;
    // The superblock's block is not always the first data block: with clusters of small blocks that is 0.
    const superblock = blockBytes === 1024 ? 1 : 0;
    const meta = Math.floor(group / perBlock);
    if ((incompatible & INCOMPATIBLE.metaGroups) === 0 || meta < firstMetaGroup) {
      return superblock + 1 + meta;
    }
    const first = meta * perBlock;
    const sparse = (readOnlyCompatible & COMPATIBLE_SPARSE) !== 0;
    const hasSuperblock = !sparse || first <= 1 || [3, 5, 7].some((base) => isPowerOf(first, base));
    const start = firstDataBlock + first * blocksPerGroup;
    return first === 0 ? superblock + 1 : start + (hasSuperblock ? 1 : 0);
  }

  async #content(node: ExtNode, from: number, length: number): Promise<Uint8Array> {
    if ((node.flags & INODE.encrypted) !== 0) throw new Locked('a file');
    if ((node.flags & INODE.inline) !== 0) return slice(inlineData(node.inode), from, length);
    this.#nodes = 0;
    const { blockBytes } = this.#sb;
    const first = Math.floor(from / blockBytes);
    const last = Math.ceil((from + length) / blockBytes);
    const isMapped = (node.flags & INODE.extents) !== 0;
    const extents: Extent[] = [];
    if (isMapped) {
      const root = slice(node.inode, 0x28, BLOCK_MAP_BYTES);
      await this.#walkExtents(root, undefined, first, last, extents);
    } else {
      await this.#walkMap(node.inode, first, last, extents);
    }
    return readExtents(this.#volume, extents, from, length);
  }

  /** Adds the extents of blocks `first` to `last` (not included) below one node of an extent tree. */
  async #walkExtents(
    node: Uint8Array,
    expectedDepth: number | undefined,
    first: number,
    last: number,
    extents: Extent[],
  ): Promise<void> {
    const entries = u16le(node, 2);
    const depth = u16le(node, 6);
    const sound =
      u16le(node, 0) === EXTENT_MAGIC &&
      entries <= u16le(node, 4) &&
      entries <= (node.length - 12) / 12 &&
      depth === (expectedDepth ?? depth) &&
      depth <= DEEPEST_EXTENTS;
    if (!sound) throw new Damaged('an extent tree is malformed');
    const logicalOf = (i: number) => u32le(node, 12 + 12 * i);
    for (let i = 0; i < entries; i++) {
      const at = 12 + 12 * i;
      const logical = logicalOf(i);
      const next = i + 1 < entries ? logicalOf(i + 1) : Number.POSITIVE_INFINITY;
      if (next <= logical) throw new Damaged('the extents of a file are out of order');
      if (logical >= last || next <= first) continue;
      if (depth > 0) {
        const child = await this.#node(u16le(node, at + 8) * 2 ** 32 + u32le(node, at + 4));
        await this.#walkExtents(child, depth - 1, first, last, extents);
        continue;
      }
      const count = u16le(node, at + 4);
      if (count > LONGEST_WRITTEN) continue;
      const start = u16le(node, at + 6) * 2 ** 32 + u32le(node, at + 8);
      this.#addRun(extents, logical, start, count);
    }
  }

  async #node(number: number): Promise<Uint8Array> {
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES)
      throw new GivenUp('its files are spread over more places than are followed');
    return this.#block(number);
  }

  #addRun(extents: Extent[], logical: number, start: number, count: number): void {
    const { blockBytes, blocks } = this.#sb;
    if (start === 0 || count > blocks - start) throw new Damaged('an extent lies outside the file system');
    extents.push({
      fileOffset: logical * blockBytes,
      length: count * blockBytes,
      volumeOffset: start * blockBytes,
    });
  }

  /** Twelve direct blocks, then a single, a double and a triple indirect one; zero is a hole. */
  async #walkMap(inode: Uint8Array, first: number, last: number, extents: Extent[]): Promise<void> {
    const perBlock = this.#sb.blockBytes / 4;
    const descend = async (number: number, height: number, base: number): Promise<void> => {
      const span = perBlock ** height;
      if (number === 0 || base >= last || base + span <= first) return;
      if (height === 0) {
        this.#addRun(extents, base, number, 1);
        return;
      }
      const block = await this.#node(number);
      const below = span / perBlock;
      const from = Math.max(0, Math.floor((first - base) / below));
      for (let i = from; i < perBlock && base + i * below < last; i++) {
        await descend(u32le(block, 4 * i), height - 1, base + i * below);
      }
    };
    for (let i = 0; i < 12; i++) await descend(u32le(inode, 0x28 + 4 * i), 0, i);
    let base = 12;
    for (const height of [1, 2, 3]) {
      await descend(u32le(inode, 0x28 + 4 * (11 + height)), height, base);
      base += perBlock ** height;
    }
  }

  async *#entries(directory: ExtNode): AsyncGenerator<{ inode: number; bytes: Uint8Array }> {
    if ((directory.flags & INODE.encrypted) !== 0) throw new Locked('a directory');
    const isInline = (directory.flags & INODE.inline) !== 0;
    const { blockBytes } = this.#sb;
    const step = isInline ? directory.size : DIRECTORY_STEP_BYTES;
    let seen = 0;
    for (let done = 0; done < directory.size; done += step) {
      if (done >= LONGEST_DIRECTORY_BYTES) throw new GivenUp('a directory is longer than what is followed');
      const bytes = await this.#content(directory, done, Math.min(step, directory.size - done));
      const unit = isInline ? bytes.length : blockBytes;
      for (let at = 0; at < bytes.length; at += unit) {
        for (const part of isInline ? inlineParts(bytes) : [bytes.subarray(at, at + unit)]) {
          for (const entry of this.#blockEntries(part)) {
            seen += 1;
            if (seen > this.#limits.directoryEntries)
              throw new GivenUp('a directory has more entries than are followed');
            yield entry;
          }
        }
      }
    }
  }

  *#blockEntries(block: Uint8Array): Generator<{ inode: number; bytes: Uint8Array }> {
    const typed = (this.#sb.incompatible & INCOMPATIBLE.filetype) !== 0;
    for (let at = 0; at + 8 <= block.length; ) {
      const inode = u32le(block, at);
      let length = u16le(block, at + 4);
      if (block.length === 65536 && (length === 0 || length === 0xffff)) length = 65536;
      const nameBytes = typed ? u8(block, at + 6) : u16le(block, at + 6);
      const sound = length >= 8 && length % 4 === 0 && at + length <= block.length;
      if (!sound || (inode !== 0 && nameBytes > length - 8))
        throw new Damaged('a directory entry has a wrong length');
      if (inode !== 0) yield { inode, bytes: slice(block, at + 8, nameBytes) };
      at += length;
    }
  }
}

function isPowerOf(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
