/**
 * ReFS: the boot sector at byte 0, integers little-endian (libfsrefs, "Resilient File System format").
 *
 *   0 three zero bytes   3 "ReFS" 00   16 "FSRS"   24 u64 sectors   32 u32 bytes in a sector   56 u64 serial number
 */
import { hasAscii, hasBytes, toNumber, u32le, u64le } from '../readers/bytes.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

export function probeRefs(head: Uint8Array): Probe | undefined {
  if (!hasBytes(head, 0, [0, 0, 0]) || !hasAscii(head, 3, 'ReFS\0') || !hasAscii(head, 16, 'FSRS')) {
    return undefined;
  }
  const sectorBytes = u32le(head, 32);
  return {
    fileSystem: 'REFS',
    uuid: u64le(head, 56).toString(16).toUpperCase().padStart(16, '0'),
    ...(isPowerOfTwo(sectorBytes, 512, 4096) ? { extentBytes: toNumber(u64le(head, 24)) * sectorBytes } : {}),
  };
}
