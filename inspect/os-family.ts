import { latin1 } from './readers/text.ts';
import type { FileSystem, OsFamily } from './report.ts';
import type { Volume } from './volumes.ts';

/** Families that a file system belongs to; those that any system uses are not here. */
const FAMILY_OF: Partial<Record<FileSystem, OsFamily>> = {
  EXT2: 'LINUX',
  EXT3: 'LINUX',
  EXT4: 'LINUX',
  XFS: 'LINUX',
  BTRFS: 'LINUX',
  F2FS: 'LINUX',
  EROFS: 'LINUX',
  SQUASHFS: 'LINUX',
  LVM2_MEMBER: 'LINUX',
  MDRAID_MEMBER: 'LINUX',
  LUKS: 'LINUX',
  SWAP: 'LINUX',
  UFS: 'BSD',
  HFSPLUS: 'OTHER',
  APFS: 'OTHER',
};
const WINDOWS_BOOT_TEXTS = ['BOOTMGR', 'NTLDR'];

/** What else is known when the family is judged. */
export interface FamilyEvidence {
  /** An os-release was read. */
  readonly osRelease: boolean;
  /** An EFI System Partition has `EFI/Microsoft`. */
  readonly microsoftLoader: boolean;
}

/**
 * The family of the operating system, from the strongest evidence to the weakest: an os-release, Windows' boot
 * loader, then types and file systems. Undefined when nothing speaks.
 */
export function osFamily(volumes: readonly Volume[], evidence: FamilyEvidence): OsFamily | undefined {
  if (evidence.osRelease) return 'LINUX';
  if (evidence.microsoftLoader || volumes.some(startsWindows)) return 'WINDOWS';
  const strong = new Set<OsFamily>();
  const weak = new Set<OsFamily>();
  for (const { meaning, probe } of volumes) {
    const byType = meaning.family;
    const byContent = probe === undefined ? undefined : FAMILY_OF[probe.fileSystem];
    if (byContent !== undefined) strong.add(byContent);
    if (byType !== undefined) (meaning.weak === true ? weak : strong).add(byType);
    // BitLocker and ReFS are Windows' own, but are also found on the data disks of others.
    if (probe?.fileSystem === 'BITLOCKER' || probe?.fileSystem === 'REFS') weak.add('WINDOWS');
  }
  for (const family of ['BSD', 'LINUX', 'OTHER'] as const) if (strong.has(family)) return family;
  for (const family of ['WINDOWS', 'LINUX', 'OTHER'] as const) if (weak.has(family)) return family;
  return undefined;
}

/** Whether an NTFS carries Windows' boot sector; that of mkntfs says that the disk does not boot. */
function startsWindows({ probe, head }: Volume): boolean {
  if (probe?.fileSystem !== 'NTFS') return false;
  const text = latin1(head.subarray(0, 512));
  return WINDOWS_BOOT_TEXTS.some((words) => text.includes(words));
}
