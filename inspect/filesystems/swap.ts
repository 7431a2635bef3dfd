/**
 * Linux swap: the magic ends the first page, whose size is the writing machine's; the header is at byte 1024 in
 * that machine's byte order (Linux `include/linux/swap.h`, union swap_header).
 *
 *   1024 u32 version   1028 u32 last page   1036 uuid, 16   1052 label, 16   page - 10 "SWAPSPACE2"
 */
import { hasAscii, slice, u32be, u32le } from '../readers/bytes.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import type { Probe } from './probe.ts';

const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];

export function probeSwap(head: Uint8Array): Probe | undefined {
  const page = PAGE_SIZES.find((size) => hasAscii(head, size - 10, 'SWAPSPACE2'));
  if (page === undefined) {
    const isOld = PAGE_SIZES.some((size) => hasAscii(head, size - 10, 'SWAP-SPACE'));
    return isOld ? { fileSystem: 'SWAP' } : undefined;
  }
  const lastPage = u32le(head, 1024) === 1 ? u32le(head, 1028) : u32be(head, 1028);
  return {
    fileSystem: 'SWAP',
    label: label(slice(head, 1052, 16)),
    uuid: uuidOf(head, 1036),
    extentBytes: (lastPage + 1) * page,
  };
}
