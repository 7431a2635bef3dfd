/**
 * Linux md member: superblock version 1 at 0 (1.1), 4096 (1.2) or 8 KiB before the end (1.0), version 0.90 in the
 * last 64 KiB (Linux `include/uapi/linux/raid/md_p.h`). Integers little-endian.
 *
 *   version 1: 0 u32 A92B4EFC   4 u32 1   16 uuid, 16   32 name, 32
 *   version 0: 0 u32 A92B4EFC   4 u32 0   20, 52, 56, 60 the four words of the uuid
 */
import { slice, u32le, whole } from '../readers/bytes.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { label } from '../readers/text.ts';
import { uuidOf } from '../readers/uuid.ts';
import type { Probe } from './probe.ts';

const MAGIC = 0xa92b4efc;
const TAIL_BYTES = 128 * 1024;

function parseVersion1(bytes: Uint8Array, at: number): Probe | undefined {
  if (u32le(bytes, at) !== MAGIC || u32le(bytes, at + 4) !== 1) return undefined;
  return {
    fileSystem: 'MDRAID_MEMBER',
    label: label(slice(bytes, at + 32, 32)),
    uuid: uuidOf(bytes, at + 16),
  };
}

function parseVersion0(bytes: Uint8Array, at: number): Probe | undefined {
  if (u32le(bytes, at) !== MAGIC || u32le(bytes, at + 4) !== 0) return undefined;
  const uuid = new Uint8Array(16);
  // Printed as big-endian words although they are stored little-endian.
  for (const [word, offset] of [20, 52, 56, 60].entries()) {
    uuid.set([...slice(bytes, at + offset, 4)].reverse(), word * 4);
  }
  return { fileSystem: 'MDRAID_MEMBER', uuid: uuidOf(uuid, 0) };
}

export function probeMdraid(head: Uint8Array): Probe | undefined {
  return whole(() => parseVersion1(head, 0)) ?? whole(() => parseVersion1(head, 4096));
}

/** Looks for the superblocks that lie at the end of a volume, where the file system inside shows at its beginning. */
export async function probeMdraidTail(volume: RangeReader): Promise<Probe | undefined> {
  const from = Math.max(0, volume.size - TAIL_BYTES);
  const tail = await volume.read(from, volume.size - from);
  const sectors = Math.floor(volume.size / 512);
  const version1 = Math.floor((sectors - 16) / 8) * 8 * 512;
  const version0 = Math.floor(volume.size / 65536) * 65536 - 65536;
  return (
    whole(() => parseVersion1(tail, version1 - from)) ?? whole(() => parseVersion0(tail, version0 - from))
  );
}
