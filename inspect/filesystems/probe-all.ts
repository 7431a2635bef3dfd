/** Which file system a volume holds, when the magics of several stand on it. */
import { whole } from '../readers/bytes.ts';
import { probeApfs } from './apfs.ts';
import { probeBitlocker } from './bitlocker.ts';
import { probeBtrfs } from './btrfs.ts';
import { probeErofs } from './erofs.ts';
import { probeExfat } from './exfat.ts';
import { probeExt } from './ext.ts';
import { probeF2fs } from './f2fs.ts';
import { probeFat } from './fat.ts';
import { probeHfsplus } from './hfsplus.ts';
import { probeIso9660 } from './iso9660.ts';
import { probeLuks } from './luks.ts';
import { probeLvm2 } from './lvm2.ts';
import { probeMdraid } from './mdraid.ts';
import { probeNtfs } from './ntfs.ts';
import type { Probe, ProbeFunction } from './probe.ts';
import { probeRefs } from './refs.ts';
import { probeSquashfs } from './squashfs.ts';
import { probeSwap } from './swap.ts';
import { probeUfs } from './ufs.ts';
import { probeXfs } from './xfs.ts';
import { probeZfs } from './zfs.ts';

/** Containers of other file systems first; ZFS last, because its labels survive what is written over them. */
const IN_ORDER: readonly ProbeFunction[] = [
  probeLuks,
  probeLvm2,
  probeMdraid,
  probeBitlocker,
  probeXfs,
  probeBtrfs,
  probeExt,
  probeNtfs,
  probeRefs,
  probeExfat,
  probeF2fs,
  probeErofs,
  probeSquashfs,
  probeFat,
  probeSwap,
  probeApfs,
  probeHfsplus,
  probeUfs,
  probeIso9660,
  probeZfs,
];

/**
 * The file system of a volume from its first bytes. Leftovers of an earlier one are common: those whose own size
 * does not fit the volume come behind all that do.
 */
export function probeVolume(head: Uint8Array, volumeBytes: number): Probe | undefined {
  const found = IN_ORDER.flatMap((probe) => whole(() => probe(head)) ?? []);
  return found.find(({ extentBytes }) => (extentBytes ?? 0) <= volumeBytes) ?? found[0];
}
