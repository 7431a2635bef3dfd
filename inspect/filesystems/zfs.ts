/**
 * ZFS pool member: a label of 256 KiB at 0, holding at 16 KiB a list of names and values in XDR, big-endian
 * ("ZFS On-Disk Specification", section 1.2, and `nvpair.c` for the list).
 *
 *   16384 01 01 00 00, u32 version, u32 flags, then pairs until a size of 0:
 *   u32 bytes of the pair   u32 bytes unpacked   u32 length, name, padded to 4   u32 type   u32 elements   value
 */
import { hasBytes, slice, u32be, u64be } from '../readers/bytes.ts';
import { label, utf8 } from '../readers/text.ts';
import type { Probe } from './probe.ts';

const LIST = 16384;
const XDR = [0x01, 0x01, 0x00, 0x00];
const TYPE_UINT64 = 8;
const TYPE_STRING = 9;
const MOST_PAIRS = 64;

export function probeZfs(head: Uint8Array): Probe | undefined {
  if (!hasBytes(head, LIST, XDR)) return undefined;
  let name: string | undefined;
  let guid: string | undefined;
  let at = LIST + 12;
  for (let i = 0; i < MOST_PAIRS; i++) {
    const bytes = u32be(head, at);
    if (bytes < 20) break;
    const nameBytes = u32be(head, at + 8);
    const key = utf8(slice(head, at + 12, nameBytes));
    const value = at + 12 + Math.ceil(nameBytes / 4) * 4;
    const type = u32be(head, value);
    if (key === 'name' && type === TYPE_STRING) name = label(slice(head, value + 12, u32be(head, value + 8)));
    if (key === 'pool_guid' && type === TYPE_UINT64) guid = u64be(head, value + 8).toString();
    if (name !== undefined && guid !== undefined) break;
    at += bytes;
  }
  return guid === undefined ? undefined : { fileSystem: 'ZFS_MEMBER', label: name, uuid: guid };
}
