/**
 * EROFS: the superblock at byte 1024, integers little-endian (Linux `fs/erofs/erofs_fs.h`, erofs_super_block).
 *
 *   0 u32 E0F5E1E2   12 u8 log2 of a block   36 u32 blocks   48 uuid, 16   64 label, 16
 */
import { slice, u8, u32le } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import type { Probe } from './probe.ts';

const SUPERBLOCK = 1024;

export function probeErofs(head: Uint8Array): Probe | undefined {
  if (u32le(head, SUPERBLOCK) !== 0xe0f5e1e2) return undefined;
  const blockLog = u8(head, SUPERBLOCK + 12);
  if (blockLog < 9 || blockLog > 16) return undefined;
  return {
    fileSystem: 'EROFS',
    label: label(slice(head, SUPERBLOCK + 64, 16)),
    uuid: uuidOf(head, SUPERBLOCK + 48),
    extentBytes: u32le(head, SUPERBLOCK + 36) * 2 ** blockLog,
  };
}
