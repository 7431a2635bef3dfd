/** Files with the header of an image that are something else as well. */
import type { Opening } from './containers/container.ts';
import { ISO_START, isIso } from './foreign/iso.ts';
import { isDmg } from './foreign/signatures.ts';
import { isPartitioned, parseMbr } from './partitions/mbr.ts';
import { covers, hasBytes } from './readers/bytes.ts';
import type { Image } from './recognise.ts';

const SECTOR_BYTES = 512;

/**
 * Notes that a file with an image header is something else too. Whether the other reading holds is not asked: that
 * two programs could differ is enough. `hasFooter`: a VHD footer stands at the end.
 */
export function notePolyglot(
  image: Image,
  { head, tail, file, findings }: Opening,
  hasFooter: boolean,
): void {
  const name = 'kind' in image ? image.name : image.foreign.detected;
  const isVhd = 'kind' in image && image.kind === 'VHD';
  const note = (other: string, offset: number) =>
    findings.add('POLYGLOT', {
      message: `The file is ${name} and ${other} at once, so that programs read it differently; convert it from a source you trust.`,
      offset: String(offset),
    });
  // In a file of one sector the footer at the end is what the file begins with.
  if (hasFooter && file.size > SECTOR_BYTES && (!isVhd || isFixedFooter(tail)))
    note('a fixed VHD', file.size - SECTOR_BYTES);
  if (isDmg(tail)) note('an Apple disk image', file.size - SECTOR_BYTES);
  if (
    covers(head.length, 0, SECTOR_BYTES) &&
    isPartitioned(parseMbr(head.subarray(0, SECTOR_BYTES)), file.size)
  ) {
    note('a disk with a partition table', 446);
  }
  const headed = 'foreign' in image || image.kind !== 'QCOW2' || clusterReaches(head, ISO_START);
  if (headed && isIso(head.subarray(ISO_START), file.size)) note('an ISO 9660 medium', ISO_START);
}

/** Whether qcow2's header cluster reaches past `offset`: what lies behind it is the guest's, or a table. */
function clusterReaches(head: Uint8Array, offset: number): boolean {
  const bits = head[23] ?? 0;
  return bits < 32 && 2 ** bits > offset;
}

/** The footer at the end is a fixed disk's: what begins with a footer as well is a VHD inside a VHD. */
function isFixedFooter(tail: Uint8Array): boolean {
  return hasBytes(tail, tail.length - SECTOR_BYTES + 60, [0, 0, 0, 2]);
}
