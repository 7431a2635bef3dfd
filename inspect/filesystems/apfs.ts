/**
 * APFS: the container superblock at byte 0, integers little-endian ("Apple File System Reference", nx_superblock_t).
 *
 *   24 u16 object type 1   32 "NXSB"   36 u32 block size   40 u64 blocks   72 uuid, 16
 */
import { hasAscii, toNumber, u16le, u32le, u64le } from '../readers/bytes.ts';
import { uuidOf } from '../readers/uuid.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

export function probeApfs(head: Uint8Array): Probe | undefined {
  if (!hasAscii(head, 32, 'NXSB') || u16le(head, 24) !== 1) return undefined;
  const blockBytes = u32le(head, 36);
  if (!isPowerOfTwo(blockBytes, 4096, 65536)) return undefined;
  return {
    fileSystem: 'APFS',
    uuid: uuidOf(head, 72),
    extentBytes: toNumber(u64le(head, 40)) * blockBytes,
  };
}
