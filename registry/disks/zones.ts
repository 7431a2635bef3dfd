import type { FixedList } from '../fixed-list.ts';

export interface Zone {
  readonly id: string;
  readonly regionId: string;
  readonly status: 'UP';
}

/** The availability zones that disks can be in; `ru-central1-a` is one of the region `ru-central1`. */
export const ZONE_LIST: FixedList<Zone> = {
  title: 'Zone',
  all: ({ settings }) =>
    settings.BULLION_ZONES.map((id) => ({ id, regionId: id.replace(/-[a-z0-9]$/, ''), status: 'UP' })),
};
