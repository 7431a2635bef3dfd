/**
 * ISO 9660: the primary volume descriptor at byte 32768 (ECMA-119, section 8.4).
 *
 *   0 u8 1   1 "CD001"   6 u8 1   40 label, 32   80 u32 blocks, little- and big-endian   128 u16 2048, both orders
 */
import { hasAscii, slice, u8, u16be, u16le, u32be, u32le } from '../readers/bytes.ts';
import { latin1, shown } from '../readers/text.ts';
import type { Probe } from './probe.ts';

const DESCRIPTOR = 32768;
const BLOCK = 2048;

export function probeIso9660(head: Uint8Array): Probe | undefined {
  if (!hasAscii(head, DESCRIPTOR + 1, 'CD001')) return undefined;
  const blocks = u32le(head, DESCRIPTOR + 80);
  const sane =
    u8(head, DESCRIPTOR) === 1 &&
    u8(head, DESCRIPTOR + 6) === 1 &&
    blocks === u32be(head, DESCRIPTOR + 84) &&
    u16le(head, DESCRIPTOR + 128) === BLOCK &&
    u16be(head, DESCRIPTOR + 130) === BLOCK;
  if (!sane) return undefined;
  return {
    fileSystem: 'ISO9660',
    label: shown(latin1(slice(head, DESCRIPTOR + 40, 32))),
    extentBytes: blocks * BLOCK,
  };
}
