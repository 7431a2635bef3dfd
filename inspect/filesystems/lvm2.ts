/**
 * LVM2 physical volume: a label in one of the first four sectors of 512 bytes (LVM2 `lib/format_text/layout.h`).
 *
 *   0 "LABELONE"   8 u64 own sector   20 u32 offset of the header   24 "LVM2 001"
 *   header: id, 32 characters; u64 bytes of the device; data areas; metadata areas
 */
import { hasAscii, slice, toNumber, u32le, u64le } from '../readers/bytes.ts';
import { latin1, shown } from '../readers/text.ts';
import type { Probe } from './probe.ts';

const SECTORS = [0, 512, 1024, 1536];
/** An identifier is printed in these groups. */
const ID = /^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/;

/** Where the physical volume's header begins, when the bytes hold a label. */
export function findLvmHeader(head: Uint8Array): number | undefined {
  const at = SECTORS.find(
    (sector) => hasAscii(head, sector, 'LABELONE') && hasAscii(head, sector + 24, 'LVM2 001'),
  );
  if (at === undefined || u64le(head, at + 8) !== BigInt(at / 512)) return undefined;
  const offset = u32le(head, at + 20);
  return offset >= 32 && offset < 512 ? at + offset : undefined;
}

export function probeLvm2(head: Uint8Array): Probe | undefined {
  const at = findLvmHeader(head);
  if (at === undefined) return undefined;
  const id = ID.exec(shown(latin1(slice(head, at, 32))) ?? '');
  const deviceBytes = toNumber(u64le(head, at + 32));
  return {
    fileSystem: 'LVM2_MEMBER',
    uuid: id?.slice(1).join('-'),
    extentBytes: deviceBytes,
  };
}
