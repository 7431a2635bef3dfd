/**
 * HFS+ and HFSX: the volume header at byte 1024, integers big-endian (Apple Technical Note TN1150). An HFS wrapper
 * ("BD") names an embedded HFS+ volume at 1148.
 *
 *   0 "H+" or "HX"   2 u16 version 4 or 5   40 u32 block size   44 u32 blocks   104 identifier, 8
 *   272 the catalogue file: 16 u32 first block of its first extent
 *
 * The label is the name of the root folder: the catalogue's first leaf record. Header node: 24 u32 first leaf, 32 u16
 * bytes in a node. Record at 14 of its node: u16 key length, u32 parent 1, u16 length, UTF-16 big-endian.
 */
import { allZero, covers, hasAscii, slice, u16be, u32be, whole } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { shown, utf16 } from '../readers/text.ts';
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

const CATALOGUE = HEADER + 272;
const ROOT_PARENT = 1;
/** Enough of the header node for its fields, and of a leaf for the longest name. */
const NODE_START_BYTES = 600;

/** Reads the label out of the catalogue; undefined when it cannot be found. */
export async function hfsplusLabel(volume: RangeReader, head: Uint8Array): Promise<string | undefined> {
  const catalogue = whole(() => u32be(head, CATALOGUE + 16) * u32be(head, HEADER + 40));
  if (catalogue === undefined || !covers(volume.size, catalogue, NODE_START_BYTES)) return undefined;
  const header = await volume.read(catalogue, NODE_START_BYTES);
  const leaf = catalogue + u32be(header, 24) * u16be(header, 32);
  if (!covers(volume.size, leaf, NODE_START_BYTES)) return undefined;
  const record = await volume.read(leaf, NODE_START_BYTES);
  if (u32be(record, 16) !== ROOT_PARENT) return undefined;
  return whole(() => shown(utf16(slice(record, 22, u16be(record, 20) * 2), 'BE')));
}
