/**
 * NTFS: the boot sector at byte 0, integers little-endian (the layout that the Linux driver and ntfs-3g read).
 *
 *   3  "NTFS    "            13 u8 sectors in a cluster   48 u64 first cluster of the MFT   72 u64 serial number
 *   11 u16 bytes in a sector 40 u64 sectors               64 s8 clusters in a record, or -log2 of its bytes
 *   510 55 AA
 *
 * The label is in MFT record 3 ($Volume), attribute 60 ($VOLUME_NAME), UTF-16.
 */
import {
  covers,
  hasAscii,
  hasBytes,
  slice,
  toNumber,
  u8,
  u16le,
  u32le,
  u64le,
  whole,
} from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { shown, utf16 } from '../readers/text.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

const VOLUME_RECORD = 3;
const VOLUME_NAME = 0x60;
const LAST_ATTRIBUTE = 0xffffffff;
const LARGEST_RECORD = 65536;

interface Geometry {
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  readonly sectors: number;
  readonly mftCluster: number;
  readonly recordBytes: number;
}

function parseBootSector(head: Uint8Array): Geometry | undefined {
  if (!hasAscii(head, 3, 'NTFS    ') || !hasBytes(head, 510, [0x55, 0xaa])) return undefined;
  const sectorBytes = u16le(head, 11);
  // Above 128 the byte is a negative power of two.
  const perCluster = u8(head, 13) > 0x80 ? 2 ** (256 - u8(head, 13)) : u8(head, 13);
  if (!isPowerOfTwo(sectorBytes, 256, 4096) || !isPowerOfTwo(perCluster, 1, 4096)) return undefined;
  const clusterBytes = sectorBytes * perCluster;
  const record = u8(head, 64);
  return {
    sectorBytes,
    clusterBytes,
    sectors: toNumber(u64le(head, 40)),
    mftCluster: toNumber(u64le(head, 48)),
    recordBytes: record < 0x80 ? record * clusterBytes : 2 ** (256 - record),
  };
}

export function probeNtfs(head: Uint8Array): Probe | undefined {
  const geometry = parseBootSector(head);
  if (geometry === undefined) return undefined;
  return {
    fileSystem: 'NTFS',
    uuid: u64le(head, 72).toString(16).toUpperCase().padStart(16, '0'),
    extentBytes: geometry.sectors * geometry.sectorBytes,
  };
}

/** Reads the label out of the MFT; undefined when there is none or the record cannot be read. */
export async function ntfsLabel(volume: RangeReader, head: Uint8Array): Promise<string | undefined> {
  const geometry = whole(() => parseBootSector(head));
  if (geometry === undefined) return undefined;
  const { recordBytes } = geometry;
  const offset = geometry.mftCluster * geometry.clusterBytes + VOLUME_RECORD * recordBytes;
  if (recordBytes > LARGEST_RECORD || !covers(volume.size, offset, recordBytes)) return undefined;
  const record = await volume.read(offset, recordBytes);
  return whole(() => volumeName(record));
}

function volumeName(record: Uint8Array): string | undefined {
  if (!hasAscii(record, 0, 'FILE')) return undefined;
  let at = u16le(record, 20);
  while (u32le(record, at) !== LAST_ATTRIBUTE) {
    const bytes = u32le(record, at + 4);
    if (bytes < 24) return undefined;
    const resident = u8(record, at + 8) === 0;
    if (u32le(record, at) === VOLUME_NAME && resident) {
      return shown(utf16(slice(record, at + u16le(record, at + 20), u32le(record, at + 16)), 'LE'));
    }
    at += bytes;
  }
  return undefined;
}
