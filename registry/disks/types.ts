import { DISK_TYPES, type DiskType } from '../../core/sizes.ts';
import type { FixedList } from '../fixed-list.ts';

export interface DiskTypeDescription {
  readonly id: DiskType;
  readonly description: string;
  readonly zoneIds: readonly string[];
}

const DESCRIPTIONS: Readonly<Record<DiskType, string>> = {
  'network-hdd': 'Network hard disk',
  'network-ssd': 'Network solid-state disk',
  'network-ssd-nonreplicated': 'Network solid-state disk without replicas; its size goes in steps of 93 GiB',
  'network-ssd-io-m3': 'Network solid-state disk of three replicas; its size goes in steps of 93 GiB',
};

/** The types that a disk can have, each in every zone. */
export const DISK_TYPE_LIST: FixedList<DiskTypeDescription> = {
  title: 'Disk type',
  all: ({ settings }) =>
    DISK_TYPES.map((id) => ({ id, description: DESCRIPTIONS[id], zoneIds: settings.BULLION_ZONES })),
};
