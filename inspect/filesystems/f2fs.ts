/**
 * F2FS: the superblock at byte 1024, integers little-endian (Linux `include/linux/f2fs_fs.h`, f2fs_super_block).
 *
 *   0 u32 F2F52010   16 u32 log2 of a block   36 u64 blocks   108 uuid, 16   124 label, 512 UTF-16 units
 */
import { slice, toNumber, u32le, u64le } from '../readers/bytes.ts';
import { shown, utf16 } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import type { Probe } from './probe.ts';

const SUPERBLOCK = 1024;

export function probeF2fs(head: Uint8Array): Probe | undefined {
  if (u32le(head, SUPERBLOCK) !== 0xf2f52010) return undefined;
  const blockLog = u32le(head, SUPERBLOCK + 16);
  if (blockLog < 9 || blockLog > 16) return undefined;
  return {
    fileSystem: 'F2FS',
    label: shown(utf16(slice(head, SUPERBLOCK + 124, 1024), 'LE')),
    uuid: uuidOf(head, SUPERBLOCK + 108),
    extentBytes: toNumber(u64le(head, SUPERBLOCK + 36)) * 2 ** blockLog,
  };
}
