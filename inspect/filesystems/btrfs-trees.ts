/**
 * The trees of btrfs and where their nodes lie. btrfs "On-disk Format", sections "Chunk Item", "Header", "Leaf Node"
 * and "Internal Node". Integers little-endian:
 *
 *   key     0 u64 object   8 u8 type   9 u64 offset, 17 bytes
 *   chunk   0 u64 length   24 u64 type   44 u16 stripes   48 stripes of 32: 0 u64 device, 8 u64 place
 *   node    48 u64 own address   96 u32 items   100 u8 level   101 items
 *   leaf    17 u32 place of the data behind 101, 21 u32 its size, after the key; 25 bytes
 *   branch  17 u64 address of the child, after the key; 33 bytes
 */
import { covers, slice, toNumber, u8, u16le, u32le, u64le } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import type { BtrfsSuperblock } from './btrfs.ts';
import { Damaged, GivenUp } from './tree.ts';

const CHUNK_TREE_OBJECT = 256n;
const CHUNK_ITEM = 228;
const MOST_CHUNKS = 4096;
const STRIPED_PROFILES = 0x8n | 0x40n | 0x80n | 0x100n;
const KEY_BYTES = 17;
const HEADER_BYTES = 101;
const LEAF_ITEM_BYTES = 25;
const BRANCH_BYTES = 33;
const HIGHEST_LEVEL = 7;
const MOST_NODES = 64;
const INCOMPATIBLE = {
  /** Zoned devices, the second extent tree, the stripe tree: other layouts. */
  unread: 0x1000n | 0x2000n | 0x4000n,
  known: 0x10fffn,
} as const;

export interface Key {
  readonly object: bigint;
  readonly type: number;
  readonly offset: bigint;
}

export interface Item {
  readonly key: Key;
  readonly data: Uint8Array;
}

/** A tree by its root node. */
export interface TreeRoot {
  readonly address: number;
  readonly level: number;
}

interface Chunk {
  readonly logical: number;
  readonly length: number;
  readonly place: number;
}

export function parseKey(bytes: Uint8Array, at: number): Key {
  return { object: u64le(bytes, at), type: u8(bytes, at + 8), offset: u64le(bytes, at + 9) };
}

export function compareKeys(a: Key, b: Key): number {
  if (a.object !== b.object) return a.object < b.object ? -1 : 1;
  if (a.type !== b.type) return a.type - b.type;
  return a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0;
}

/** Reads by logical address, once the chunks are known. */
export class BtrfsTrees {
  readonly root: TreeRoot;
  readonly #volume: RangeReader;
  readonly #nodeBytes: number;
  #chunks: readonly Chunk[];

  private constructor(volume: RangeReader, sb: BtrfsSuperblock, chunks: readonly Chunk[]) {
    this.#volume = volume;
    this.#nodeBytes = sb.nodeBytes;
    this.#chunks = chunks;
    this.root = { address: sb.rootTree, level: sb.rootLevel };
  }

  /** Reads the chunk tree; throws GivenUp for layouts that are not read here. */
  static async open(volume: RangeReader, sb: BtrfsSuperblock): Promise<BtrfsTrees> {
    if (sb.devices !== 1) throw new GivenUp('it spans several devices');
    if ((sb.incompatible & (INCOMPATIBLE.unread | ~INCOMPATIBLE.known)) !== 0n) {
      throw new GivenUp(`it uses features that are not read here (0x${sb.incompatible.toString(16)})`);
    }
    const trees = new BtrfsTrees(volume, sb, systemChunks(sb.systemChunks));
    const chunks: Chunk[] = [];
    const from = { object: CHUNK_TREE_OBJECT, type: CHUNK_ITEM, offset: 0n };
    const to = { ...from, offset: (1n << 64n) - 1n };
    for await (const item of trees.items({ address: sb.chunkTree, level: sb.chunkLevel }, from, to)) {
      if (chunks.length === MOST_CHUNKS) throw new GivenUp('it has more chunks than are followed');
      chunks.push(parseChunk(item.key, item.data, 0));
    }
    trees.#chunks = chunks;
    return trees;
  }

  /** Bytes at a logical address, inside one chunk. */
  async read(logical: number, length: number): Promise<Uint8Array> {
    const chunk = this.#chunks.find((c) => logical >= c.logical && logical < c.logical + c.length);
    if (chunk === undefined || length > chunk.logical + chunk.length - logical) {
      throw new Damaged(`the address ${logical} lies in no chunk`);
    }
    const offset = chunk.place + (logical - chunk.logical);
    if (!covers(this.#volume.size, offset, length)) throw new Damaged('a chunk lies outside the volume');
    return this.#volume.read(offset, length);
  }

  /** The item of exactly this key. */
  async find(tree: TreeRoot, key: Key): Promise<Item | undefined> {
    for await (const item of this.items(tree, key, key)) return item;
    return undefined;
  }

  /** The items from one key to another, both included, in order. */
  async *items(tree: TreeRoot, from: Key, to: Key): AsyncGenerator<Item> {
    if (tree.level > HIGHEST_LEVEL) throw new Damaged('a tree is higher than any');
    yield* this.#below(tree.address, tree.level, from, to, { nodes: 0 });
  }

  async *#below(
    address: number,
    level: number,
    from: Key,
    to: Key,
    visited: { nodes: number },
  ): AsyncGenerator<Item> {
    visited.nodes += 1;
    if (visited.nodes > MOST_NODES) throw new GivenUp('a look-up visits more nodes than are followed');
    const node = await this.read(address, this.#nodeBytes);
    const count = u32le(node, 96);
    const width = level === 0 ? LEAF_ITEM_BYTES : BRANCH_BYTES;
    const sound =
      u64le(node, 48) === BigInt(address) &&
      u8(node, 100) === level &&
      count <= (this.#nodeBytes - HEADER_BYTES) / width;
    if (!sound) throw new Damaged('a node of a tree is not what its parent says');
    for (let i = firstCandidate(node, count, width, level, from); i < count; i++) {
      const at = HEADER_BYTES + width * i;
      const key = parseKey(node, at);
      if (compareKeys(key, to) > 0) return;
      if (level > 0) {
        const child = toNumber(u64le(node, at + KEY_BYTES));
        yield* this.#below(child, level - 1, from, to, visited);
      } else {
        const place = HEADER_BYTES + u32le(node, at + KEY_BYTES);
        yield { key, data: slice(node, place, u32le(node, at + KEY_BYTES + 4)) };
      }
    }
  }
}

/** The first item not before `from`; in a branch the child before it, which may hold such items too. */
function firstCandidate(node: Uint8Array, count: number, width: number, level: number, from: Key): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(parseKey(node, HEADER_BYTES + width * middle), from) < 0) low = middle + 1;
    else high = middle;
  }
  const isExact = low < count && compareKeys(parseKey(node, HEADER_BYTES + width * low), from) === 0;
  return level > 0 && low > 0 && !isExact ? low - 1 : low;
}

function systemChunks(bytes: Uint8Array): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = parseKey(bytes, at);
    if (key.type !== CHUNK_ITEM) throw new Damaged('the system chunks are malformed');
    chunks.push(parseChunk(key, bytes, at + KEY_BYTES));
    at += KEY_BYTES + 48 + 32 * u16le(bytes, at + KEY_BYTES + 44);
  }
  return chunks;
}

/** Where a chunk's first stripe lies: on one device every profile that is not striped holds it whole. */
function parseChunk(key: Key, bytes: Uint8Array, at: number): Chunk {
  if ((u64le(bytes, at + 24) & STRIPED_PROFILES) !== 0n) throw new GivenUp('its data are striped');
  const chunk = {
    logical: toNumber(key.offset),
    length: toNumber(u64le(bytes, at)),
    place: toNumber(u64le(bytes, at + 48 + 8)),
  };
  if (u16le(bytes, at + 44) === 0 || chunk.length === 0) throw new Damaged('a chunk is empty');
  return chunk;
}
