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
import type { FileNode, FileTree } from './tree.ts';
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
      const tree = openExt(volume, sb, limits);
      yield { tree, top: await tree.root() };
      return;
    }
    case 'XFS': {
      const sb = parseXfsSuperblock(head);
      if (sb === undefined) return;
      const tree = openXfs(volume, sb, limits);
      yield { tree, top: await tree.root() };
      return;
    }
    case 'BTRFS': {
      const sb = parseBtrfsSuperblock(head);
      if (sb !== undefined) yield* openBtrfs(volume, sb, limits);
      return;
    }
    case 'LVM2_MEMBER':
      for (const { reader } of await logicalVolumes(volume, head)) yield* openLogical(reader, limits);
      return;
  }
}

async function* openLogical(reader: RangeReader, limits: Limits): AsyncGenerator<Opened> {
  const head = await reader.read(0, Math.min(reader.size, BTRFS_HEAD_BYTES));
  const probe = probeVolume(head, reader.size);
  // A physical volume inside a logical one is nobody's root.
  if (probe !== undefined && probe.fileSystem !== 'LVM2_MEMBER')
    yield* openVolume(reader, head, probe, limits);
}
