/**
 * FAT12, FAT16, FAT32: the BIOS parameter block in sector 0, integers little-endian. Microsoft "FAT: General Overview
 * of On-Disk Format", version 1.03.
 *
 *   11 u16 bytes in a sector     17 u16 root entries      FAT12/16                  FAT32
 *   13 u8 sectors in a cluster   19 u16 sectors, or 0     38 29, 39 u32 serial      36 u32 sectors of a FAT
 *   14 u16 reserved sectors      21 u8 media              43 label, 11              44 u32 root cluster
 *   16 u8 FATs                   22 u16 sectors of a FAT  510 55 AA                 66 29, 67 u32 serial, 71 label
 *                                32 u32 sectors
 */
import { hasBytes, slice, u8, u16le, u32le } from '../readers/bytes.ts';
import { latin1, shown } from '../readers/text.ts';
import { isPowerOfTwo, type Probe } from './probe.ts';

/** Cluster counts that decide the kind; nothing else does. */
const FAT16_CLUSTERS = 4085;
const FAT32_CLUSTERS = 65525;
const EXTENDED_SIGNATURES = [0x28, 0x29];

export interface FatGeometry {
  readonly kind: 'FAT12' | 'FAT16' | 'FAT32';
  readonly clusterBytes: number;
  readonly clusters: number;
  /** Byte places in the volume. */
  readonly fatOffset: number;
  readonly fatBytes: number;
  readonly rootOffset: number;
  /** Of the fixed root directory; 0 for FAT32, whose root is the chain from `rootCluster`. */
  readonly rootBytes: number;
  readonly rootCluster: number;
  readonly dataOffset: number;
  readonly totalBytes: number;
}

/** Reads the parameter block; undefined when a field has a value that no FAT has. */
export function parseFat(head: Uint8Array): FatGeometry | undefined {
  const jumps = u8(head, 0) === 0xe9 || (u8(head, 0) === 0xeb && u8(head, 2) === 0x90);
  if (!jumps || !hasBytes(head, 510, [0x55, 0xaa])) return undefined;
  const sectorBytes = u16le(head, 11);
  const perCluster = u8(head, 13);
  const reserved = u16le(head, 14);
  const fats = u8(head, 16);
  const rootEntries = u16le(head, 17);
  const media = u8(head, 21);
  const total = u16le(head, 19) || u32le(head, 32);
  const wide = u16le(head, 22) === 0;
  const fatSectors = wide ? u32le(head, 36) : u16le(head, 22);
  const plausible =
    isPowerOfTwo(sectorBytes, 512, 4096) &&
    isPowerOfTwo(perCluster, 1, 128) &&
    reserved >= 1 &&
    (fats === 1 || fats === 2) &&
    (media === 0xf0 || media >= 0xf8) &&
    total !== 0 &&
    fatSectors !== 0;
  if (!plausible) return undefined;
  const rootSectors = Math.ceil((rootEntries * 32) / sectorBytes);
  const dataSector = reserved + fats * fatSectors + rootSectors;
  const clusters = Math.floor((total - dataSector) / perCluster);
  if (clusters < 1) return undefined;
  // Small FAT32 volumes exist below the official count: the layout shows in the 16-bit FAT size being zero.
  const kind = wide || clusters >= FAT32_CLUSTERS ? 'FAT32' : clusters < FAT16_CLUSTERS ? 'FAT12' : 'FAT16';
  return {
    kind,
    clusterBytes: perCluster * sectorBytes,
    clusters,
    fatOffset: reserved * sectorBytes,
    fatBytes: fatSectors * sectorBytes,
    rootOffset: (reserved + fats * fatSectors) * sectorBytes,
    rootBytes: rootSectors * sectorBytes,
    rootCluster: wide ? u32le(head, 44) : 0,
    dataOffset: dataSector * sectorBytes,
    totalBytes: total * sectorBytes,
  };
}

/** A 32-bit serial number as it is printed: two groups of four digits. */
export function serialOf(serial: number): string {
  const digits = serial.toString(16).toUpperCase().padStart(8, '0');
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

/** The eleven bytes of a label; undefined for blanks and for the words that say there is none. */
export function fatLabel(bytes: Uint8Array): string | undefined {
  const text = shown(latin1(bytes));
  return text === 'NO NAME' ? undefined : text;
}

/** The label here is the boot sector's; the one in the root directory, read later, goes before it. */
export function probeFat(head: Uint8Array): Probe | undefined {
  const geometry = parseFat(head);
  if (geometry === undefined) return undefined;
  const at = geometry.rootCluster === 0 && geometry.rootBytes > 0 ? 38 : 66;
  const extended = EXTENDED_SIGNATURES.includes(u8(head, at));
  return {
    fileSystem: geometry.kind,
    ...(extended ? { uuid: serialOf(u32le(head, at + 1)) } : {}),
    ...(u8(head, at) === 0x29 ? { label: fatLabel(slice(head, at + 5, 11)) } : {}),
    extentBytes: geometry.totalBytes,
  };
}
