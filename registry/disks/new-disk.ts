import { invalidField, notFound } from '../../core/errors.ts';
import type { HardwareGeneration } from '../../core/hardware.ts';
import {
  checkBlockSize,
  checkDiskSize,
  DEFAULT_BLOCK_BYTES,
  DEFAULT_DISK_TYPE,
  DISK_TYPES,
} from '../../core/sizes.ts';
import { findFolder } from '../../db/folders.ts';
import { countActiveOperations } from '../../db/operations.ts';
import { quotasOfFolder } from '../../db/quotas.ts';
import { findByName } from '../../db/resources.ts';
import type { DiskRow } from '../../schema/tables/images.ts';
import { type Context, newId } from '../context.ts';
import { emptyAsNull } from '../images/new-image.ts';

/** What a new disk is made from. */
export interface DiskSource {
  readonly kind: 'image' | 'snapshot';
  readonly id: string;
}

/** What a disk may be tied to elsewhere. This registry keeps none of it. */
export interface DiskTies {
  readonly placementGroupId?: string | undefined;
  readonly snapshotScheduleIds?: readonly string[] | undefined;
  readonly kmsKeyId?: string | undefined;
}

export interface CreateDisk extends DiskTies {
  readonly folderId: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
  readonly typeId?: string | undefined;
  readonly zoneId: string;
  readonly sizeBytes: number;
  readonly blockSizeBytes?: number | undefined;
  readonly hardwareGeneration?: HardwareGeneration | undefined;
  /** None for an empty disk. */
  readonly source?: DiskSource | undefined;
}

/** Type, zone and sizes of a disk, each with its default and held against the rules. */
export type Geometry = Pick<DiskRow, 'typeId' | 'zoneId' | 'sizeBytes' | 'blockSizeBytes'>;

/** Throws INVALID_ARGUMENT for what no disk can be, whatever it is made from. */
export function geometryOf(context: Context, input: CreateDisk): Geometry {
  const { zoneId, sizeBytes } = input;
  const typeId = input.typeId || DEFAULT_DISK_TYPE;
  const blockSizeBytes = input.blockSizeBytes ?? DEFAULT_BLOCK_BYTES;
  if (!(DISK_TYPES as readonly string[]).includes(typeId)) {
    throw invalidField('type_id', `"${typeId}" is not a disk type; these are: ${DISK_TYPES.join(', ')}`);
  }
  demandZone(context, 'zone_id', zoneId);
  checkBlockSize(blockSizeBytes);
  checkDiskSize({ sizeBytes, blockSizeBytes, typeId, neededBytes: 0 });
  return { typeId, zoneId, sizeBytes, blockSizeBytes };
}

/** Throws INVALID_ARGUMENT for a zone that there is not. */
export function demandZone({ settings }: Context, field: string, zoneId: string): void {
  const zones = settings.BULLION_ZONES;
  if (zones.includes(zoneId)) return;
  throw invalidField(field, `"${zoneId}" is not an availability zone; these are: ${zones.join(', ')}`);
}

/** Throws NOT_FOUND for what a disk is to be tied to. */
export function demandNoTies({ placementGroupId, snapshotScheduleIds = [], kmsKeyId }: DiskTies): void {
  if (placementGroupId) throw notFound('Disk placement group', placementGroupId);
  const [schedule] = snapshotScheduleIds;
  if (schedule !== undefined) throw notFound('Snapshot schedule', schedule);
  if (kmsKeyId) throw notFound('Key', kmsKeyId);
}

/** What every creation reads of the place where the disk will be, in this order. */
export function placeQueries(context: Context, { folderId, name }: CreateDisk) {
  const { orm } = context.db;
  return [
    findFolder(orm, folderId),
    quotasOfFolder(orm, folderId),
    countActiveOperations(orm, folderId),
    findByName(orm, 'disk', folderId, name ?? ''),
  ] as const;
}

/** What follows from the source of a disk: its layers, and what it inherits. */
export type Heritage = Pick<
  DiskRow,
  'status' | 'layerId' | 'topLayerId' | 'productIds' | 'osType' | 'nvidiaDriver' | 'hardwareGeneration'
>;

/** The row of a new disk. */
export function newDisk(
  context: Context,
  folder: { readonly id: string; readonly cloudId: string },
  input: CreateDisk,
  rest: Geometry & Heritage,
): DiskRow {
  const { source } = input;
  return {
    id: newId(context, 'disk'),
    folderId: folder.id,
    cloudId: folder.cloudId,
    createdAt: context.now(),
    name: input.name ?? '',
    description: input.description || null,
    labels: emptyAsNull(input.labels),
    sourceImageId: source?.kind === 'image' ? source.id : null,
    sourceSnapshotId: source?.kind === 'snapshot' ? source.id : null,
    revision: 1,
    ...rest,
  };
}
