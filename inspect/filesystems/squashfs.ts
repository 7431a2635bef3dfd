/**
 * squashfs: the superblock at byte 0 (Linux `fs/squashfs/squashfs_fs.h`, squashfs_super_block).
 *
 *   0 "hsqs"   28 u16 major version 4   40 u64 bytes used
 */
import { hasAscii, toNumber, u16le, u64le } from '../readers/bytes.ts';
import type { Probe } from './probe.ts';

export function probeSquashfs(head: Uint8Array): Probe | undefined {
  if (!hasAscii(head, 0, 'hsqs') || u16le(head, 28) !== 4) return undefined;
  return { fileSystem: 'SQUASHFS', extentBytes: toNumber(u64le(head, 40)) };
}
