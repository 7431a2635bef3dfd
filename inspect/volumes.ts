import { BTRFS_HEAD_BYTES } from './filesystems/btrfs.ts';
import { exfatLabel } from './filesystems/exfat.ts';
import { parseFat } from './filesystems/fat.ts';
import { openFat } from './filesystems/fat-files.ts';
import { hfsplusLabel } from './filesystems/hfsplus.ts';
import { probeMdraidTail } from './filesystems/mdraid.ts';
import { ntfsLabel } from './filesystems/ntfs.ts';
import type { Probe } from './filesystems/probe.ts';
import { probeVolume } from './filesystems/probe-all.ts';
import type { Limits } from './limits.ts';
import type { Slot } from './partitions/table.ts';
import { meaningOf, type TypeMeaning } from './partitions/types.ts';
import { whole } from './readers/bytes.ts';
import { partOf } from './readers/part-reader.ts';
import type { ByteRange, RangeReader } from './readers/range-reader.ts';

/** A partition, or the whole disk, with what its first bytes say. */
export interface Volume {
  readonly slot: Slot;
  readonly meaning: TypeMeaning;
  readonly reader: RangeReader;
  /** Empty where nothing was read. */
  readonly head: Uint8Array;
  readonly probe?: Probe;
}

/** A cluster is often this long; then the second one is asked for only when it is needed. */
const FIRST_PROBE_BYTES = 64 * 1024;
/** How many volumes are asked for at once. */
const BATCH = 4;

const UNPROBED = new Set<TypeMeaning['role']>(['biosBoot', 'freebsdBoot', 'microsoftReserved', 'prep']);

/** What says most comes first, so that a spent allowance costs what says least. */
function urgency({ role }: TypeMeaning): number {
  if (role === 'esp') return 0;
  return role === 'swap' ? 2 : 1;
}

/**
 * Probes the partitions of a disk, boot partitions first, and hands each to `found` as it is known, so that what
 * was learnt before a reader's allowance was spent is not lost. `clusterBytes`: of the container, if there is one.
 */
export async function probeSlots(
  view: RangeReader,
  slots: readonly Slot[],
  clusterBytes: number | undefined,
  found: (volume: Volume) => void,
): Promise<void> {
  const probed: Volume[] = [];
  for (const slot of slots) {
    const meaning = meaningOf(slot.type);
    const volume = { slot, meaning, reader: partOf(view, slot.start, slot.size), head: new Uint8Array(0) };
    if (slot.container === true || UNPROBED.has(meaning.role)) found(volume);
    else probed.push(volume);
  }
  probed.sort((a, b) => urgency(a.meaning) - urgency(b.meaning) || a.slot.number - b.slot.number);
  const scattered = clusterBytes !== undefined && clusterBytes <= FIRST_PROBE_BYTES;
  const firstBytes = scattered ? FIRST_PROBE_BYTES : BTRFS_HEAD_BYTES;
  for (let i = 0; i < probed.length; i += BATCH) {
    const batch = probed.slice(i, i + BATCH);
    const ranges = batch.map(
      ({ slot }): ByteRange => ({
        offset: slot.start,
        length: Math.min(slot.size, firstBytes),
      }),
    );
    await view.prefetch?.(ranges);
    for (const volume of batch) found(await probeOne(volume, firstBytes));
  }
}

async function probeOne(volume: Volume, firstBytes: number): Promise<Volume> {
  const { reader, meaning } = volume;
  const head = await reader.read(0, Math.min(reader.size, firstBytes));
  // A member that keeps its superblock at the end shows the file system inside at its beginning.
  const member = meaning.role === 'raid' ? await probeMdraidTail(reader) : undefined;
  const probe = member ?? probeVolume(head, reader.size);
  if (probe !== undefined) return { ...volume, head, probe };
  const longer = Math.min(reader.size, BTRFS_HEAD_BYTES);
  if (head.length >= longer) return { ...volume, head };
  const all = new Uint8Array(longer);
  all.set(head);
  all.set(await reader.read(head.length, longer - head.length), head.length);
  const later = probeVolume(all, reader.size);
  return later === undefined ? { ...volume, head: all } : { ...volume, head: all, probe: later };
}

/** The label of a file system that keeps it outside its first sector; undefined when there is none. */
export async function labelOf(volume: Volume, limits: Limits): Promise<string | undefined> {
  const { reader, head, probe } = volume;
  switch (probe?.fileSystem) {
    case 'FAT12':
    case 'FAT16':
    case 'FAT32': {
      const geometry = whole(() => parseFat(head));
      const label = geometry === undefined ? undefined : await openFat(reader, geometry, limits).label();
      return label ?? probe.label;
    }
    case 'NTFS':
      return ntfsLabel(reader, head);
    case 'EXFAT':
      return exfatLabel(reader, head);
    case 'HFSPLUS':
      return hfsplusLabel(reader, head);
    default:
      return probe?.label;
  }
}
