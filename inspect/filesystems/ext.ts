/**
 * ext2, ext3, ext4: the superblock at byte 1024, integers little-endian. Kernel documentation, "ext4 Data Structures
 * and Algorithms", section "Super Block". Offsets from the superblock, hexadecimal:
 *
 *   00 u32 inodes           20 u32 blocks per group    5C u32 compatible features       78  label, 16
 *   04 u32 blocks, low      28 u32 inodes per group    60 u32 incompatible features     FE  u16 descriptor size
 *   14 u32 first block      38 u16 EF53                64 u32 read-only compatible      104 u32 first meta group
 *   18 u32 log2 size - 10   4C u32 revision            68 uuid, 16                      150 u32 blocks, high
 *                           58 u16 inode size
 */
import { slice, u16le, u32le } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

const SUPERBLOCK = 1024;
const MAGIC = 0xef53;
const LARGEST_BLOCK_LOG = 6;

const COMPATIBLE_JOURNAL = 0x4;
const INCOMPATIBLE_JOURNAL_DEVICE = 0x8;
const INCOMPATIBLE_64BIT = 0x80;
/** What ext3 and its predecessor may have; anything more makes it ext4. */
const EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x10;
const EXT3_READ_ONLY_COMPATIBLE = 0x1 | 0x2 | 0x4;

export interface ExtSuperblock {
  readonly inodes: number;
  readonly blocks: number;
  readonly firstDataBlock: number;
  readonly blockBytes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  readonly compatible: number;
  readonly incompatible: number;
  readonly readOnlyCompatible: number;
  readonly firstMetaGroup: number;
}

/** Reads the superblock; undefined when it is none or its sizes are none of ext's. */
export function parseExtSuperblock(head: Uint8Array): ExtSuperblock | undefined {
  const sb = slice(head, SUPERBLOCK, 1024);
  if (u16le(sb, 0x38) !== MAGIC) return undefined;
  const blockLog = u32le(sb, 0x18);
  if (blockLog > LARGEST_BLOCK_LOG) return undefined;
  const blockBytes = 1024 << blockLog;
  const revised = u32le(sb, 0x4c) > 0;
  const inodeBytes = revised ? u16le(sb, 0x58) : 128;
  const incompatible = revised ? u32le(sb, 0x60) : 0;
  const wide = (incompatible & INCOMPATIBLE_64BIT) !== 0;
  const superblock: ExtSuperblock = {
    inodes: u32le(sb, 0),
    blocks: u32le(sb, 0x04) + (wide ? u32le(sb, 0x150) * 2 ** 32 : 0),
    firstDataBlock: u32le(sb, 0x14),
    blockBytes,
    blocksPerGroup: u32le(sb, 0x20),
    inodesPerGroup: u32le(sb, 0x28),
    inodeBytes,
    descriptorBytes: wide ? u16le(sb, 0xfe) : 32,
    compatible: revised ? u32le(sb, 0x5c) : 0,
    incompatible,
    readOnlyCompatible: revised ? u32le(sb, 0x64) : 0,
    firstMetaGroup: u32le(sb, 0x104),
  };
  const sane =
    superblock.inodes > 0 &&
    superblock.blocks > 0 &&
    superblock.blocksPerGroup > 0 &&
    superblock.inodesPerGroup > 0 &&
    isPowerOfTwo(inodeBytes, 128, blockBytes);
  return sane ? superblock : undefined;
}

/** ext2, ext3 or ext4; undefined for an external journal, which is no file system. */
export function probeExt(head: Uint8Array): Probe | undefined {
  const sb = parseExtSuperblock(head);
  if (sb === undefined || (sb.incompatible & INCOMPATIBLE_JOURNAL_DEVICE) !== 0) return undefined;
  const isExt4 =
    (sb.incompatible & ~EXT3_INCOMPATIBLE) !== 0 ||
    (sb.readOnlyCompatible & ~EXT3_READ_ONLY_COMPATIBLE) !== 0;
  const isExt3 = (sb.compatible & COMPATIBLE_JOURNAL) !== 0;
  return {
    fileSystem: isExt4 ? 'EXT4' : isExt3 ? 'EXT3' : 'EXT2',
    label: label(slice(head, SUPERBLOCK + 0x78, 16)),
    uuid: uuidOf(head, SUPERBLOCK + 0x68),
    extentBytes: sb.blocks * sb.blockBytes,
  };
}
