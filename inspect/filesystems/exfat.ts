/**
 * exFAT: the boot sector at byte 0, integers little-endian. exFAT file system specification, sections 3.1 and 7.3.
 *
 *   3  "EXFAT   "              72 u64 sectors          96 u32 first cluster of the root   108 u8 log2 of a sector
 *   11 zero, 53 bytes          88 u32 cluster heap,    100 u32 serial number              109 u8 log2 of sectors in
 *   510 55 AA                     in sectors                                                  a cluster
 *
 * The label is the root directory's entry of type 83: byte 1 its length, then UTF-16.
 */
import {
  allZero,
  covers,
  hasAscii,
  hasBytes,
  slice,
  toNumber,
  u8,
  u32le,
  u64le,
  whole,
} from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { shown, utf16 } from '../readers/text.ts';
import { serialOf } from './fat.ts';
import type { Probe } from './probe.ts';

const LABEL_ENTRY = 0x83;
const LONGEST_LABEL = 11;
/** The label is among the first entries, before any file. */
const ROOT_BYTES = 4096;

export function probeExfat(head: Uint8Array): Probe | undefined {
  if (!hasAscii(head, 3, 'EXFAT   ') || !hasBytes(head, 510, [0x55, 0xaa])) return undefined;
  const sectorLog = u8(head, 108);
  if (!allZero(head, 11, 53) || sectorLog < 9 || sectorLog > 12 || u8(head, 109) > 25 - sectorLog) {
    return undefined;
  }
  return {
    fileSystem: 'EXFAT',
    uuid: serialOf(u32le(head, 100)),
    extentBytes: toNumber(u64le(head, 72)) * 2 ** sectorLog,
  };
}

/** Reads the label out of the root directory; undefined when there is none. */
export async function exfatLabel(volume: RangeReader, head: Uint8Array): Promise<string | undefined> {
  const offset = whole(() => {
    const sectorBytes = 2 ** u8(head, 108);
    const heap = u32le(head, 88) * sectorBytes;
    return heap + (u32le(head, 96) - 2) * sectorBytes * 2 ** u8(head, 109);
  });
  if (offset === undefined || !covers(volume.size, offset, ROOT_BYTES)) return undefined;
  const root = await volume.read(offset, ROOT_BYTES);
  return whole(() => {
    for (let at = 0; u8(root, at) !== 0; at += 32) {
      const units = u8(root, at + 1);
      if (u8(root, at) !== LABEL_ENTRY || units > LONGEST_LABEL) continue;
      return shown(utf16(slice(root, at + 2, units * 2), 'LE'));
    }
    return undefined;
  });
}
