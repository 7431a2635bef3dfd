/**
 * UFS: the superblock at 65536 (UFS2), 8192 (UFS1), 0 or 262144, in the byte order of the machine that made it
 * (FreeBSD `sys/ufs/ffs/fs.h`). Offsets from the superblock:
 *
 *   144 two u32, the identifier   680 label, 32 (UFS2)   1372 u32 19540119 (UFS2) or 00011954 (UFS1)
 */
import { covers, slice, u32be, u32le } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import type { Probe } from './probe.ts';

const PLACES = [65536, 8192, 0, 262144];
const UFS2 = 0x19540119;
const UFS1 = 0x00011954;

export function probeUfs(head: Uint8Array): Probe | undefined {
  for (const place of PLACES) {
    if (!covers(head.length, place, 1376)) continue;
    for (const u32 of [u32le, u32be]) {
      const magic = u32(head, place + 1372);
      if (magic !== UFS1 && magic !== UFS2) continue;
      const id = [u32(head, place + 144), u32(head, place + 148)];
      return {
        fileSystem: 'UFS',
        label: magic === UFS2 ? label(slice(head, place + 680, 32)) : undefined,
        uuid: id.every((word) => word === 0)
          ? undefined
          : id.map((word) => word.toString(16).padStart(8, '0')).join(''),
      };
    }
  }
  return undefined;
}
