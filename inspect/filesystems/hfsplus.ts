/**
 * HFS+ and HFSX: the volume header at byte 1024, integers big-endian (Apple Technical Note TN1150). An HFS wrapper
 * ("BD") names an embedded HFS+ volume at 1148.
 *
 *   0 "H+" or "HX"   2 u16 version 4 or 5   40 u32 block size   44 u32 blocks   104 identifier, 8
 */
import { allZero, hasAscii, u16be, u32be } from '../readers/bytes.ts';
import { hexOf } from '../readers/uuid.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

const HEADER = 1024;

export function probeHfsplus(head: Uint8Array): Probe | undefined {
  if (hasAscii(head, HEADER, 'BD') && hasAscii(head, HEADER + 124, 'H+')) return { fileSystem: 'HFSPLUS' };
  if (!hasAscii(head, HEADER, 'H+') && !hasAscii(head, HEADER, 'HX')) return undefined;
  const version = u16be(head, HEADER + 2);
  const blockBytes = u32be(head, HEADER + 40);
  if ((version !== 4 && version !== 5) || !isPowerOfTwo(blockBytes, 512, 2 ** 30)) return undefined;
  return {
    fileSystem: 'HFSPLUS',
    uuid: allZero(head, HEADER + 104, 8) ? undefined : hexOf(head, HEADER + 104, 8).toUpperCase(),
    extentBytes: u32be(head, HEADER + 44) * blockBytes,
  };
}
