/**
 * Directories and files of btrfs subvolumes. btrfs "On-disk Format", sections "Root Item", "Dir Item", "Inode Item"
 * and "Extent Data". Integers little-endian:
 *
 *   root item (132)     168 u64 root directory   176 u64 tree address   238 u8 level
 *   inode item (1)      16 u64 size   52 u32 mode
 *   directory item (84, at the hash of the name; 96, at its index)
 *                       0 key of what it names   27 u16 name length   30 name; several may follow each other
 *   extent data (108)   8 u64 bytes uncompressed   16 u8 compression   17 u8 encryption   20 u8 kind
 *                       21 inline data, or u64 address, u64 bytes stored, u64 offset in the extent, u64 length
 */
import type { Limits } from '../limits.ts';
import { sameBytes, slice, toNumber, u8, u16le, u32le, u64le } from '../readers/bytes.ts';
import { crc32cFrom } from '../readers/checksum.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { utf8, utf8Bytes } from '../readers/text.ts';
import type { BtrfsSuperblock } from './btrfs.ts';
import { decompressExtent, MOST_UNCOMPRESSED } from './btrfs-compression.ts';
import { BtrfsTrees, type Item, type Key, parseKey, type TreeRoot } from './btrfs-trees.ts';
import { follow, newWalk } from './paths.ts';
import { Damaged, type FileNode, type FileTree, GivenUp, kindOfMode, Locked } from './tree.ts';

const TYPE = { inode: 1, dirItem: 84, dirIndex: 96, extent: 108, root: 132 } as const;
const OBJECT = { rootDirectory: 6n, topLevel: 5n } as const;
const KIND = { inline: 0, regular: 1 } as const;
const INLINE_START = 21;
const HASH_START = 0xfffffffe;
const MAX_OFFSET = (1n << 64n) - 1n;
/** Names under which distributions keep the root subvolume in the top level. */
const ROOT_NAMES = ['@', 'root', '@rootfs', 'rootfs', '@/.snapshots/1/snapshot'];

export interface BtrfsNode extends FileNode {
  readonly tree: TreeRoot;
  readonly inode: bigint;
}

/** The directories in which a system's root may be: the default subvolume, the top level, well-known names in it. */
export async function* openBtrfs(
  volume: RangeReader,
  sb: BtrfsSuperblock,
  limits: Limits,
): AsyncGenerator<{ tree: FileTree<BtrfsNode>; top: BtrfsNode }> {
  const files = new BtrfsFiles(await BtrfsTrees.open(volume, sb), sb, limits);
  const standard = await files.defaultSubvolume();
  if (standard !== undefined && standard !== OBJECT.topLevel) {
    yield { tree: files, top: await files.subvolume(standard) };
  }
  const top = await files.root();
  yield { tree: files, top };
  const walk = newWalk(limits.symlinkChain);
  for (const name of ROOT_NAMES) {
    const named = await follow(files, top, name, walk);
    if (named?.kind === 'directory') yield { tree: files, top: named };
  }
}

class BtrfsFiles implements FileTree<BtrfsNode> {
  readonly #trees: BtrfsTrees;
  readonly #sectorBytes: number;
  readonly #limits: Limits;

  constructor(trees: BtrfsTrees, sb: BtrfsSuperblock, limits: Limits) {
    this.#trees = trees;
    this.#sectorBytes = sb.sectorBytes;
    this.#limits = limits;
  }

  /** The root directory of the top level. */
  root(): Promise<BtrfsNode> {
    return this.subvolume(OBJECT.topLevel);
  }

  async defaultSubvolume(): Promise<bigint | undefined> {
    return (await this.#named(this.#trees.root, OBJECT.rootDirectory, 'default'))?.object;
  }

  async subvolume(object: bigint): Promise<BtrfsNode> {
    const from = { object, type: TYPE.root, offset: 0n };
    const items = this.#trees.items(this.#trees.root, from, { ...from, offset: MAX_OFFSET });
    for await (const { data } of items) {
      const tree = { address: toNumber(u64le(data, 176)), level: u8(data, 238) };
      return this.#inode(tree, u64le(data, 168));
    }
    throw new Damaged(`the subvolume ${object} does not exist`);
  }

  async lookup(directory: BtrfsNode, name: string): Promise<BtrfsNode | undefined> {
    const key = await this.#named(directory.tree, directory.inode, name);
    return key === undefined ? undefined : this.#open(directory.tree, key);
  }

  async list(directory: BtrfsNode): Promise<string[]> {
    const from = { object: directory.inode, type: TYPE.dirIndex, offset: 0n };
    const names: string[] = [];
    for await (const { data } of this.#trees.items(directory.tree, from, { ...from, offset: MAX_OFFSET })) {
      for (const entry of entriesOf(data)) names.push(utf8(entry.name));
      if (names.length > this.#limits.directoryEntries) {
        throw new GivenUp('a directory has more entries than are followed');
      }
    }
    return names;
  }

  async read(file: BtrfsNode, most: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(file.size, most));
    if (bytes.length === 0) return bytes;
    const from = { object: file.inode, type: TYPE.extent, offset: 0n };
    const to = { ...from, offset: BigInt(bytes.length - 1) };
    for await (const item of this.#trees.items(file.tree, from, to)) {
      const at = toNumber(item.key.offset);
      const content = await this.#extent(item, bytes.length - at);
      bytes.set(content.subarray(0, bytes.length - at), at);
    }
    return bytes;
  }

  async target(link: BtrfsNode): Promise<string> {
    return utf8(await this.read(link, link.size));
  }

  /** What a name in a directory stands for: an inode of the same tree, or the root item of another. */
  async #named(tree: TreeRoot, directory: bigint, name: string): Promise<Key | undefined> {
    const wanted = utf8Bytes(name);
    const offset = BigInt(crc32cFrom(HASH_START, wanted));
    const item = await this.#trees.find(tree, { object: directory, type: TYPE.dirItem, offset });
    if (item === undefined) return undefined;
    return entriesOf(item.data).find((entry) => sameBytes(entry.name, wanted))?.location;
  }

  #open(tree: TreeRoot, key: Key): Promise<BtrfsNode> {
    return key.type === TYPE.root ? this.subvolume(key.object) : this.#inode(tree, key.object);
  }

  async #inode(tree: TreeRoot, inode: bigint): Promise<BtrfsNode> {
    const item = await this.#trees.find(tree, { object: inode, type: TYPE.inode, offset: 0n });
    if (item === undefined) throw new Damaged(`inode ${inode} does not exist`);
    return { kind: kindOfMode(u32le(item.data, 52)), size: toNumber(u64le(item.data, 16)), tree, inode };
  }

  /** The bytes of an extent as the file shows them, at most `most` of them; empty where it reads as zeros. */
  async #extent({ data }: Item, most: number): Promise<Uint8Array> {
    const uncompressed = toNumber(u64le(data, 8));
    const compression = u8(data, 16);
    const kind = u8(data, 20);
    if (u8(data, 17) !== 0) throw new Locked('a file');
    if (compression !== 0 && uncompressed > MOST_UNCOMPRESSED) {
      throw new Damaged('a compressed extent claims more than any holds');
    }
    const expand = (stored: Uint8Array): Uint8Array => {
      const expanded = decompressExtent(compression, stored, uncompressed, this.#sectorBytes);
      if (expanded === undefined) throw new Damaged('a compressed extent cannot be decompressed');
      return expanded;
    };
    if (kind === KIND.inline) {
      const stored = data.subarray(INLINE_START);
      return compression === 0 ? stored : expand(stored);
    }
    const address = toNumber(u64le(data, 21));
    if (kind !== KIND.regular || address === 0) return new Uint8Array(0);
    const storedBytes = toNumber(u64le(data, 29));
    const offset = toNumber(u64le(data, 37));
    const length = Math.min(most, toNumber(u64le(data, 45)));
    if (compression === 0) return this.#trees.read(address + offset, length);
    if (storedBytes > MOST_UNCOMPRESSED) throw new Damaged('a compressed extent is longer than any');
    return expand(await this.#trees.read(address, storedBytes)).subarray(offset, offset + length);
  }
}

function entriesOf(data: Uint8Array): { location: Key; name: Uint8Array }[] {
  const entries: { location: Key; name: Uint8Array }[] = [];
  for (let at = 0; at < data.length; ) {
    const nameBytes = u16le(data, at + 27);
    entries.push({ location: parseKey(data, at), name: slice(data, at + 30, nameBytes) });
    at += 30 + nameBytes + u16le(data, at + 25);
  }
  return entries;
}
