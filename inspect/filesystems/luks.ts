/**
 * LUKS: header at byte 0, integers big-endian. LUKS1 and LUKS2 on-disk format specifications, section 2.
 *
 *   0 "LUKS" BA BE   6 u16 version   168 uuid, 40 characters   LUKS2 only: 24 label, 48
 */
import { hasBytes, slice, u16be } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import type { Probe } from './probe.ts';

const MAGIC = [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe];

export function probeLuks(head: Uint8Array): Probe | undefined {
  if (!hasBytes(head, 0, MAGIC)) return undefined;
  const version = u16be(head, 6);
  if (version !== 1 && version !== 2) return undefined;
  return {
    fileSystem: 'LUKS',
    label: version === 2 ? label(slice(head, 24, 48)) : undefined,
    uuid: label(slice(head, 168, 40)),
  };
}
