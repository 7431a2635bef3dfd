/** Optical media: installers and live systems, which are no disk to start from. */
import { covers, hasAscii, u8, u16be, u16le, u32le } from '../readers/bytes.ts';
import { unsupported } from './foreign.ts';

const ISO_DESCRIPTOR_BYTES = 2048;
/** Where a medium's descriptors begin, whatever stands before them. */
export const ISO_START = 32_768;

/**
 * A medium whose primary volume descriptor holds together (ECMA-119, section 8.4): a disk that was one before may
 * keep the mark. `bytes` are the disk's from `ISO_START`, at least one descriptor of them.
 */
export function isIso(bytes: Uint8Array, diskSize: number): boolean {
  if (!covers(bytes.length, 0, ISO_DESCRIPTOR_BYTES)) return false;
  if (!hasAscii(bytes, 1, 'CD001') || u8(bytes, 0) !== 1 || u8(bytes, 6) !== 1) return false;
  const blockBytes = u16le(bytes, 128);
  if (blockBytes !== 2048 || u16be(bytes, 130) !== 2048) return false;
  return u32le(bytes, 80) * blockBytes <= diskSize + 1024 * 1024;
}

/** A UDF recognition sequence (ECMA-167, part 2, section 9); `bytes` are the disk's from `ISO_START`. */
export function isUdf(bytes: Uint8Array): boolean {
  const second = ISO_DESCRIPTOR_BYTES + 1;
  if (!hasAscii(bytes, 0, '\0BEA01')) return false;
  return hasAscii(bytes, second, 'NSR02') || hasAscii(bytes, second, 'NSR03');
}

export const ISO = unsupported(
  'ISO9660',
  'an ISO 9660 medium',
  'install from it and upload the disk that comes out',
);
