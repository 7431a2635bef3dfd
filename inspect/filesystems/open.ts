/** Opens the file systems whose files can be read. */
import type { Limits } from '../limits.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { BTRFS_HEAD_BYTES, parseBtrfsSuperblock } from './btrfs.ts';
import { openBtrfs } from './btrfs-files.ts';
import { parseExtSuperblock } from './ext.ts';
import { openExt } from './ext-files.ts';
import { logicalVolumes } from './lvm2-volumes.ts';
import type { Probe } from './probe.ts';
import { probeVolume } from './probe-all.ts';
import { Damaged, type FileNode, type FileTree, GivenUp, Locked } from './tree.ts';
import { parseXfsSuperblock } from './xfs.ts';
import { openXfs } from './xfs-files.ts';

/** A directory tree of a volume, and the directory in it that may be a system's root. */
export interface Opened {
  readonly tree: FileTree;
  readonly top: FileNode;
}

/**
 * The trees of a volume in which a system's root may be, the likeliest first. None for file systems whose files
 * are not read. Throws what a file tree throws.
 */
export async function* openVolume(
  volume: RangeReader,
  head: Uint8Array,
  probe: Probe,
  limits: Limits,
): AsyncGenerator<Opened> {
  switch (probe.fileSystem) {
    case 'EXT2':
    case 'EXT3':
    case 'EXT4': {
      const sb = parseExtSuperblock(head);
      if (sb === undefined) return;
      yield await opened(openExt(volume, sb, limits));
      return;
    }
    case 'XFS': {
      const sb = parseXfsSuperblock(head);
      if (sb === undefined) return;
      yield await opened(openXfs(volume, sb, limits));
      return;
    }
    case 'BTRFS': {
      const sb = parseBtrfsSuperblock(head);
      if (sb !== undefined) yield* openBtrfs(volume, sb, limits);
      return;
    }
    case 'LVM2_MEMBER':
      yield* openLogicalVolumes(volume, head, limits);
      return;
  }
}

/** A tree by its root. Throws Damaged when something else stands where the root directory belongs. */
async function opened(tree: FileTree): Promise<Opened> {
  const top = await tree.root();
  if (top.kind !== 'directory') throw new Damaged('its root is no directory');
  return { tree, top };
}

/** The trees of all logical volumes that can be read; what the others hindered is thrown behind them. */
async function* openLogicalVolumes(
  volume: RangeReader,
  head: Uint8Array,
  limits: Limits,
): AsyncGenerator<Opened> {
  const { plain, others } = await logicalVolumes(volume, head);
  let locked = false;
  for (const { reader } of plain) {
    const start = await reader.read(0, Math.min(reader.size, BTRFS_HEAD_BYTES));
    const probe = probeVolume(start, reader.size);
    locked ||= probe?.fileSystem === 'LUKS';
    // A physical volume inside a logical one is nobody's root.
    if (probe !== undefined && probe.fileSystem !== 'LVM2_MEMBER') {
      yield* openVolume(reader, start, probe, limits);
    }
  }
  if (locked) throw new Locked('a logical volume');
  if (others > 0) throw new GivenUp('some of its logical volumes do not lie plainly on it');
}
