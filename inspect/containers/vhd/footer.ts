/**
 * The VHD footer (Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0, "Hard Disk Footer
 * Format"): 512 bytes, integers big-endian.
 *
 *   0  8    "conectix"          36  4    host
 *   8  u32  features            40  u64  original size
 *  12  u32  version 00010000    48  u64  current size
 *  16  u64  data offset         56  u16  cylinders, u8 heads, u8 sectors
 *  24  u32  time                60  u32  type: 2 fixed, 3 dynamic, 4 differencing
 *  28  4    creator             64  u32  checksum
 *  32  u32  creator version     68  16   unique id
 *                               84  u8   saved state
 */
import { hasAscii, u8, u16be, u32be, u64be } from '../../readers/bytes.ts';
import { latin1 } from '../../readers/text.ts';
import type { Findings } from '../../report.ts';

export const FOOTER_BYTES = 512;
export const FOOTER_REFERENCE = 'VHD 1.0, "Hard Disk Footer Format"';
const VERSION_1 = 0x00010000;
const SECTOR_BYTES = 512n;
/** The largest disk that the format allows. */
const MAX_BYTES = 2040n * 1024n * 1024n * 1024n;

export interface Footer {
  readonly version: number;
  readonly dataOffset: bigint;
  readonly creator: string;
  readonly size: bigint;
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
  readonly type: number;
  readonly savedState: boolean;
  /** The sum stands for the bytes as they are. */
  readonly intact: boolean;
}

export function isFooter(bytes: Uint8Array, at = 0): boolean {
  return hasAscii(bytes, at, 'conectix');
}

/** Reads a footer of 512 bytes; the checksum is the one's complement of the sum of all bytes but its own. */
export function parseFooter(bytes: Uint8Array): Footer {
  return {
    version: u32be(bytes, 12),
    dataOffset: u64be(bytes, 16),
    creator: latin1(bytes.subarray(28, 32)),
    size: u64be(bytes, 48),
    cylinders: u16be(bytes, 56),
    heads: u8(bytes, 58),
    sectors: u8(bytes, 59),
    type: u32be(bytes, 60),
    savedState: u8(bytes, 84) === 1,
    intact: u32be(bytes, 64) === checksum(bytes.subarray(0, FOOTER_BYTES), 64),
  };
}

/** One's complement of the byte sum, with the 4 bytes of the sum itself at `field` taken as zero. */
export function checksum(bytes: Uint8Array, field: number): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) if (i < field || i >= field + 4) sum += bytes[i]!;
  return ~sum >>> 0;
}

/** Programs that take cylinders × heads × sectors for the size of the disk. */
const CHS_CREATORS: ReadonlySet<string> = new Set(['vpc ', 'vs  ', 'qemu']);

/**
 * Notes what is wrong in a footer's own fields: version, saved state, size and geometry. The type is the caller's
 * matter. `at` is the footer's place in the file.
 */
export function checkFooter(footer: Footer, at: number, findings: Findings): void {
  if (footer.version !== VERSION_1) {
    findings.add('UNSUPPORTED_VERSION', {
      message: 'The version of the VHD footer is not 1.0; convert the image again.',
      offset: String(at + 12),
      field: 'version',
      expected: '0x00010000',
      found: `0x${footer.version.toString(16).padStart(8, '0')}`,
      reference: FOOTER_REFERENCE,
    });
  }
  if (footer.savedState) {
    findings.add('CREATOR_QUIRK', {
      message:
        'The footer says that a saved machine state lies beside the disk; it is not uploaded, shut the machine down if the disk is needed consistent.',
      offset: String(at + 84),
      field: 'saved state',
      reference: FOOTER_REFERENCE,
    });
  }
  if (footer.size > MAX_BYTES) {
    findings.add('BAD_HEADER', {
      message: 'The size of the disk is above what VHD can hold; convert the image to qcow2.',
      offset: String(at + 48),
      field: 'current size',
      expected: `at most ${MAX_BYTES}`,
      found: String(footer.size),
      reference: FOOTER_REFERENCE,
    });
  }
  checkGeometry(footer, at, findings);
}

/**
 * Size and geometry may differ by what rounding down to a cylinder loses. Beyond that the programs that believe the
 * geometry see another disk than those that believe the size.
 */
function checkGeometry(
  { cylinders, heads, sectors, size, creator }: Footer,
  at: number,
  findings: Findings,
): void {
  const unset = cylinders === 0 && heads === 0 && sectors === 0;
  const largest = cylinders === 65_535 && heads === 16 && sectors === 255;
  if (unset || largest) return;
  const cylinder = BigInt(heads * sectors) * SECTOR_BYTES;
  const geometry = BigInt(cylinders) * cylinder;
  const difference = size - geometry;
  if (difference === 0n || (difference > 0n && difference < cylinder)) return;
  const believed = CHS_CREATORS.has(creator);
  findings.add(believed ? 'BAD_HEADER' : 'CREATOR_QUIRK', {
    message: believed
      ? 'The size of the disk and its cylinders, heads and sectors disagree, so that programs see different disks; convert the image again (qemu-img convert -o force_size=on).'
      : 'The cylinders, heads and sectors do not give the size of the disk; the size was taken.',
    offset: String(at + 56),
    field: 'disk geometry',
    expected: String(size),
    found: String(geometry),
    reference: FOOTER_REFERENCE,
  });
}
