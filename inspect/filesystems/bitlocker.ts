/**
 * BitLocker: the boot sector's name is "-FVE-FS-"; on removable media it is that of a FAT and the GUID
 * 4967D63B-2E29-4AD8-8399-F6A339E3D001 stands at 424 (libbde, "BitLocker Drive Encryption format").
 */
import { hasAscii, whole } from '../readers/bytes.ts';
import { guidOf } from '../readers/uuid.ts';
import type { Probe } from './probe.ts';

const TO_GO = '4967D63B-2E29-4AD8-8399-F6A339E3D001';

export function probeBitlocker(head: Uint8Array): Probe | undefined {
  const fixed = hasAscii(head, 3, '-FVE-FS-');
  const toGo = hasAscii(head, 3, 'MSWIN4.1') && whole(() => guidOf(head, 424)) === TO_GO;
  return fixed || toGo ? { fileSystem: 'BITLOCKER' } : undefined;
}
