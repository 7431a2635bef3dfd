/** How btrfs compresses an extent (btrfs "On-disk Format", section "Compression"; Linux `fs/btrfs/lzo.c`). */
import { slice, u32le, whole } from '../readers/bytes.ts';
import { inflate, unzstd } from '../readers/decompress.ts';
import { unlzo } from '../readers/lzo.ts';

/** No compressed extent holds more. In bytes. */
export const MOST_UNCOMPRESSED = 128 * 1024;

const ZLIB = 1;
const LZO = 2;
const ZSTD = 3;

/** The extent's content, at most `size` bytes of it; undefined when it is damaged or of an unknown kind. */
export function decompressExtent(
  kind: number,
  stored: Uint8Array,
  size: number,
  sectorBytes: number,
): Uint8Array | undefined {
  switch (kind) {
    case ZLIB:
      return inflate(stored, size, 'zlib')?.bytes;
    case LZO:
      return whole(() => unlzoSegments(stored, size, sectorBytes));
    case ZSTD:
      return unzstd(stored, size)?.bytes;
    default:
      return undefined;
  }
}

/** u32 bytes in all, then segments of u32 bytes and data; a segment's length does not cross a sector's end. */
function unlzoSegments(stored: Uint8Array, size: number, sectorBytes: number): Uint8Array | undefined {
  const total = Math.min(u32le(stored, 0), stored.length);
  const output = new Uint8Array(size);
  let out = 0;
  let at = 4;
  while (at + 4 <= total && out < size) {
    const leftInSector = sectorBytes - (at % sectorBytes);
    if (leftInSector < 4) {
      at += leftInSector;
      continue;
    }
    const bytes = u32le(stored, at);
    const segment = unlzo(slice(stored, at + 4, bytes), Math.min(sectorBytes, size - out));
    if (segment === undefined) return undefined;
    output.set(segment, out);
    out += segment.length;
    at += 4 + bytes;
  }
  return output.subarray(0, out);
}
