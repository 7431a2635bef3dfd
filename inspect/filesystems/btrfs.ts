/**
 * btrfs: the superblock at byte 65536, integers little-endian. btrfs "On-disk Format", section "Superblock".
 * Offsets from the superblock:
 *
 *   32 fsid, 16        80 u64 root tree           136 u64 devices        188 u64 incompatible features
 *   48 u64 own place   88 u64 chunk tree          144 u32 sector size    198, 199 u8 levels of root and chunk tree
 *   64 "_BHRfS_M"      112 u64 bytes in all       148 u32 node size      299 label, 256
 *                                                 160 u32 length of, and 811, the system chunk array
 */
import { hasAscii, slice, toNumber, u8, u32le, u64le } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

const SUPERBLOCK = 65536;
const SUPERBLOCK_BYTES = 4096;
/** Bytes of the volume that hold the superblock. */
export const BTRFS_HEAD_BYTES = SUPERBLOCK + SUPERBLOCK_BYTES;

export interface BtrfsSuperblock {
  readonly totalBytes: number;
  readonly rootTree: number;
  readonly rootLevel: number;
  readonly chunkTree: number;
  readonly chunkLevel: number;
  readonly devices: number;
  readonly sectorBytes: number;
  readonly nodeBytes: number;
  readonly incompatible: bigint;
  readonly systemChunks: Uint8Array;
}

/** Reads the superblock; undefined when it is none or its sizes are none of btrfs's. */
export function parseBtrfsSuperblock(head: Uint8Array): BtrfsSuperblock | undefined {
  if (!hasAscii(head, SUPERBLOCK + 64, '_BHRfS_M')) return undefined;
  const sb = slice(head, SUPERBLOCK, SUPERBLOCK_BYTES);
  const chunkBytes = u32le(sb, 160);
  const superblock = {
    totalBytes: toNumber(u64le(sb, 112)),
    rootTree: toNumber(u64le(sb, 80)),
    rootLevel: u8(sb, 198),
    chunkTree: toNumber(u64le(sb, 88)),
    chunkLevel: u8(sb, 199),
    devices: toNumber(u64le(sb, 136)),
    sectorBytes: u32le(sb, 144),
    nodeBytes: u32le(sb, 148),
    incompatible: u64le(sb, 188),
  };
  const sane =
    u64le(sb, 48) === BigInt(SUPERBLOCK) &&
    isPowerOfTwo(superblock.sectorBytes, 512, 65536) &&
    isPowerOfTwo(superblock.nodeBytes, 4096, 65536) &&
    chunkBytes <= 2048;
  return sane ? { ...superblock, systemChunks: slice(sb, 811, chunkBytes) } : undefined;
}

export function probeBtrfs(head: Uint8Array): Probe | undefined {
  const sb = parseBtrfsSuperblock(head);
  if (sb === undefined) return undefined;
  return {
    fileSystem: 'BTRFS',
    label: label(slice(head, SUPERBLOCK + 299, 256)),
    uuid: uuidOf(head, SUPERBLOCK + 32),
    ...(sb.devices === 1 ? { extentBytes: sb.totalBytes } : {}),
  };
}
