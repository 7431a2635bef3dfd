import type { Generation, HardwareGeneration } from '../../core/hardware.ts';
import { activeOperationsError, STANDARD_IMAGES } from '../../core/quotas.ts';
import { findFolder } from '../../db/folders.ts';
import { countActiveOperations } from '../../db/operations.ts';
import { quotasOfFolder } from '../../db/quotas.ts';
import { findByName } from '../../db/resources.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { type Context, newId } from '../context.ts';
import { nameTaken } from '../resources.ts';

/** What a new image is made from: exactly one. */
export type ImageSource = UploadSource | NamedSource | UriSource;

export interface UploadSource {
  readonly kind: 'upload';
  /** Bytes, 1..5 TiB. */
  readonly sizeBytes: number;
  readonly sha256?: string | undefined;
  readonly format?: 'QCOW2' | 'VMDK' | 'VHD' | 'RAW' | undefined;
  readonly fileName?: string | undefined;
}

/** Something whose layer the image will name. */
export interface NamedSource {
  readonly kind: 'image' | 'disk' | 'snapshot';
  readonly id: string;
}

export interface UriSource {
  readonly kind: 'uri';
  readonly uri: string;
}

export interface CreateImage<Source extends ImageSource = ImageSource> {
  readonly folderId: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
  readonly family?: string | undefined;
  readonly minDiskSize?: number | undefined;
  readonly productIds?: string[] | undefined;
  readonly osType?: 'LINUX' | 'WINDOWS' | undefined;
  readonly nvidiaDriver?: string | undefined;
  readonly pooled: boolean;
  readonly deleteProtection?: boolean | undefined;
  /** Whether it is passed over for the latest of its family until it is promoted. */
  readonly candidate?: boolean | undefined;
  readonly hardwareGeneration?: HardwareGeneration | undefined;
  readonly source: Source;
}

/** What every creation reads of the place where the image will be, in this order. */
export function placeQueries(context: Context, { folderId, name }: CreateImage) {
  const { orm } = context.db;
  return [
    findFolder(orm, folderId),
    quotasOfFolder(orm, folderId),
    countActiveOperations(orm, folderId),
    findByName(orm, 'image', folderId, name ?? ''),
  ] as const;
}

/** Throws ALREADY_EXISTS for a name that is taken. */
export function demandFreeName(input: CreateImage, namesake: { id: string } | undefined): void {
  if (namesake !== undefined) throw nameTaken('image', input.name!);
}

/** Throws RESOURCE_EXHAUSTED while too many operations run in the folder. */
export function demandIdleOperations(context: Context, operations: { active: number } | undefined): void {
  if ((operations?.active ?? 0) >= context.settings.BULLION_MAX_ACTIVE_OPERATIONS) {
    throw activeOperationsError();
  }
}

/** The row of a new image that is CREATING, with what the caller declared of it. */
export function newImage(
  context: Context,
  folder: { readonly id: string; readonly cloudId: string },
  input: CreateImage,
  generation: Generation | undefined,
  rest: Pick<ImageRow, 'layerId' | 'source'>,
): ImageRow {
  const now = context.now();
  return {
    id: newId(context, 'image'),
    folderId: folder.id,
    cloudId: folder.cloudId,
    createdAt: now,
    name: input.name ?? '',
    description: input.description || null,
    labels: emptyAsNull(input.labels),
    family: input.family ?? '',
    status: 'CREATING',
    sizeBytes: null,
    storageSize: null,
    minDiskSize: input.minDiskSize ?? null,
    smallestDiskSize: null,
    productIds: input.productIds?.length ? input.productIds : null,
    osType: input.osType ?? null,
    nvidiaDriver: input.nvidiaDriver || null,
    pooled: input.pooled || folder.id === STANDARD_IMAGES,
    hardwareGeneration: generation ?? null,
    architecture: null,
    promotedAt: now,
    candidate: input.candidate ?? false,
    deprecateAt: null,
    obsoleteAt: null,
    deleteAt: null,
    replacementImageId: null,
    deprecationMessage: null,
    passedOver: input.candidate ?? false,
    deleteProtection: input.deleteProtection ?? false,
    revision: 1,
    ...rest,
  };
}

/** Labels as rows keep them: none at all instead of an empty set. */
export function emptyAsNull(labels: Record<string, string> | undefined): Record<string, string> | null {
  return labels !== undefined && Object.keys(labels).length > 0 ? labels : null;
}
