/**
 * ext4 files and directories that are kept in the inode. Kernel documentation, "ext4 Data Structures and Algorithms",
 * sections "Inline Data" and "Extended Attributes". Attributes begin 128 + (u16 at 80) bytes into the inode with
 * EA020000; entries: 00 u8 name length, 01 u8 index, 02 u16 value offset, 08 u32 value size, 10 name.
 */
import { covers, slice, u8, u16le, u32le } from '../readers/bytes.ts';
import { utf8 } from '../readers/text.ts';

/** The block map's place in the inode, where the first bytes are. */
const BLOCK_MAP = 0x28;
const BLOCK_MAP_BYTES = 60;
const ATTRIBUTES_MAGIC = 0xea020000;
/** The name index of `system.`. */
const SYSTEM_INDEX = 7;

/** Data kept in the inode: 60 bytes in place of the block map, the rest in the attribute `system.data`. */
export function inlineData(inode: Uint8Array): Uint8Array {
  const first = slice(inode, BLOCK_MAP, BLOCK_MAP_BYTES);
  if (inode.length <= 0x82) return first;
  const attributes = 128 + u16le(inode, 0x80);
  if (!covers(inode.length, attributes, 4) || u32le(inode, attributes) !== ATTRIBUTES_MAGIC) return first;
  const table = attributes + 4;
  for (let at = table; covers(inode.length, at, 16) && u32le(inode, at) !== 0; ) {
    const nameBytes = u8(inode, at);
    const isData = u8(inode, at + 1) === SYSTEM_INDEX && utf8(slice(inode, at + 16, nameBytes)) === 'data';
    if (isData) {
      const rest = slice(inode, table + u16le(inode, at + 2), u32le(inode, at + 8));
      const all = new Uint8Array(first.length + rest.length);
      all.set(first);
      all.set(rest, first.length);
      return all;
    }
    at += 16 + Math.ceil(nameBytes / 4) * 4;
  }
  return first;
}

/** An inline directory begins with its parent's number; entries do not cross from the inode into the attribute. */
export function inlineParts(bytes: Uint8Array): Uint8Array[] {
  const parts = [slice(bytes, 4, Math.min(bytes.length, BLOCK_MAP_BYTES) - 4)];
  if (bytes.length > BLOCK_MAP_BYTES) parts.push(bytes.subarray(BLOCK_MAP_BYTES));
  return parts;
}
