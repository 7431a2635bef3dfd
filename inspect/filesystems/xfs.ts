/**
 * XFS: the superblock at byte 0, integers big-endian. "XFS Algorithms & Data Structures", chapter "Superblocks".
 *
 *   0  "XFSB"             56 u64 root inode       102 u16 sector size      120..124 log2 of block, sector, inode,
 *   4  u32 block size     84 u32 blocks in an AG  104 u16 inode size           inodes in a block, blocks in an AG
 *   8  u64 blocks         88 u32 number of AGs    106 u16 inodes in a block
 *   32 uuid, 16           100 u16 version         108 label, 12            192 log2 of directory block / block
 */
import { hasAscii, slice, toNumber, u8, u16be, u32be, u64be } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

/** The incompatible feature that a broken-off repair leaves behind. */
const NEEDS_REPAIR = 0x10;

export interface XfsSuperblock {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly rootInode: bigint;
  readonly groupBlocks: number;
  readonly groups: number;
  readonly version: number;
  readonly inodeBytes: number;
  /** log2 of the inodes in a block, and of the blocks in an allocation group, rounded up. */
  readonly inodesPerBlockLog: number;
  readonly groupBlocksLog: number;
  readonly directoryBlockLog: number;
  readonly features2: number;
  readonly incompatible: number;
}

/** Reads the superblock; undefined when it is none or its sizes are none of XFS's. */
export function parseXfsSuperblock(head: Uint8Array): XfsSuperblock | undefined {
  if (!hasAscii(head, 0, 'XFSB')) return undefined;
  const version = u16be(head, 100) & 0xf;
  const superblock: XfsSuperblock = {
    blockBytes: u32be(head, 4),
    blocks: toNumber(u64be(head, 8)),
    rootInode: u64be(head, 56),
    groupBlocks: u32be(head, 84),
    groups: u32be(head, 88),
    version,
    inodeBytes: u16be(head, 104),
    inodesPerBlockLog: u8(head, 123),
    groupBlocksLog: u8(head, 124),
    directoryBlockLog: u8(head, 192),
    features2: u32be(head, 200),
    incompatible: version === 5 ? u32be(head, 216) : 0,
  };
  const sane =
    isPowerOfTwo(superblock.blockBytes, 512, 65536) &&
    superblock.blocks > 0 &&
    superblock.groups > 0 &&
    superblock.groupBlocks > 0 &&
    isPowerOfTwo(superblock.inodeBytes, 256, 2048);
  return sane ? superblock : undefined;
}

export function probeXfs(head: Uint8Array): Probe | undefined {
  const sb = parseXfsSuperblock(head);
  if (sb === undefined) return undefined;
  return {
    fileSystem: 'XFS',
    label: label(slice(head, 108, 12)),
    uuid: uuidOf(head, 32),
    extentBytes: sb.blocks * sb.blockBytes,
    ...((sb.incompatible & NEEDS_REPAIR) === 0 ? {} : { damage: 'it is marked as needing repair' }),
  };
}
