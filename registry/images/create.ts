import { notFound, RegistryError } from '../../core/errors.ts';
import type { Generation } from '../../core/hardware.ts';
import { activeOperationsError, quotaError, violated } from '../../core/quotas.ts';
import { planUpload } from '../../core/upload-plan.ts';
import { demandResource } from '../../db/access-bindings.ts';
import { findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImageByName, insertImage } from '../../db/images.ts';
import { insertLayer } from '../../db/layers.ts';
import { countActiveOperations } from '../../db/operations.ts';
import { quotasOfFolder } from '../../db/quotas.ts';
import { insertUpload } from '../../db/uploads.ts';
import type { ImageRow, LayerRow, UploadRow } from '../../schema/tables/images.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { type Operation, recordOperation, startOperation } from '../operations/record.ts';
import { claimImage, imageDemand, STANDARD_IMAGES } from '../quotas/image.ts';

/** What a new image is made from: exactly one. */
export type ImageSource =
  | {
      readonly kind: 'upload';
      /** Bytes, 1..5 TiB. */
      readonly sizeBytes: number;
      readonly sha256?: string | undefined;
      readonly format?: 'QCOW2' | 'VMDK' | 'VHD' | 'RAW' | undefined;
      readonly fileName?: string | undefined;
    }
  | { readonly kind: 'image' | 'disk' | 'snapshot'; readonly id: string }
  | { readonly kind: 'uri'; readonly uri: string };

export interface CreateImage {
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
  readonly hardwareGeneration?: Generation | undefined;
  readonly source: ImageSource;
}

/**
 * Begins an image: its rows, its quota and its operation are written together or not at all. The store is not asked
 * for anything yet; the upload is opened when its first part is signed.
 * out: a running operation that awaits its upload. Throws INVALID_ARGUMENT, PERMISSION_DENIED, ALREADY_EXISTS,
 * RESOURCE_EXHAUSTED.
 */
export function createImage(context: CallerContext, input: CreateImage): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: input.folderId }, [
      findFolder(orm, input.folderId),
      quotasOfFolder(orm, input.folderId),
      countActiveOperations(orm, input.folderId),
      findImageByName(orm, input.folderId, input.name ?? ''),
    ]);
    const [[folderRow], quotas, [operations], [namesake]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.images.create', input.folderId);
    if (replay !== undefined) return replay;
    const { source } = input;
    if (source.kind !== 'upload') throw unavailableSource(source);
    if (namesake !== undefined) throw nameTaken(input.name!);
    if ((operations?.active ?? 0) >= context.settings.BULLION_MAX_ACTIVE_OPERATIONS) {
      throw activeOperationsError();
    }

    const now = context.now();
    const pooled = input.pooled || folder.id === STANDARD_IMAGES;
    const layer: LayerRow = {
      id: newId(context, 'layer'),
      objectKey: '',
      state: 'PENDING',
      sizeBytes: source.sizeBytes,
      etag: null,
      digest: null,
      inspection: null,
      createdAt: now,
      unnamedAt: null,
    };
    layer.objectKey = `layers/${layer.id}`;
    const image: ImageRow = {
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
      pooled,
      hardwareGeneration: input.hardwareGeneration ?? null,
      architecture: null,
      layerId: layer.id,
      source: { kind: 'upload' },
      promotedAt: now,
      revision: 1,
    };
    const demand = imageDemand(image, source.sizeBytes);
    const violations = violated(quotas, demand);
    if (violations.length > 0) throw quotaError(violations);

    const plan = planUpload(source.sizeBytes);
    const expiresAt = now + context.settings.BULLION_UPLOAD_TTL_SECONDS * 1000;
    const uploadId = newId(context, 'upload');
    const operation: Operation = {
      ...startOperation(context, access, {
        kind: 'images.create',
        resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
        metadata: {
          imageId: image.id,
          upload: { uploadId, partSize: plan.partSizeBytes, partCount: plan.partCount, expiresAt },
        },
      }),
      stage: 'AWAITING_UPLOAD',
    };
    const upload: UploadRow = {
      imageId: image.id,
      id: uploadId,
      layerId: layer.id,
      operationId: operation.id,
      state: 'OPEN',
      sizeBytes: source.sizeBytes,
      partSizeBytes: plan.partSizeBytes,
      partCount: plan.partCount,
      sha256: source.sha256 ?? null,
      declaredFormat: source.format ?? null,
      fileName: source.fileName ?? null,
      storeUploadId: null,
      parts: null,
      createdAt: now,
      expiresAt,
    };
    await context.db.write([
      demandResource(orm, { kind: 'folder', id: folder.id }),
      insertLayer(orm, layer),
      insertImage(orm, image),
      insertUpload(orm, upload),
      ...claimImage(orm, image, demand),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

export function nameTaken(name: string): RegistryError {
  return new RegistryError('ALREADY_EXISTS', `Image with name "${name}" already exists`);
}

function emptyAsNull(labels: Record<string, string> | undefined): Record<string, string> | null {
  return labels !== undefined && Object.keys(labels).length > 0 ? labels : null;
}

/** A disk or a snapshot is unknown to a registry that keeps neither; the others are not taken yet. */
function unavailableSource(source: Exclude<ImageSource, { kind: 'upload' }>): RegistryError {
  if (source.kind === 'disk') return notFound('Disk', source.id);
  if (source.kind === 'snapshot') return notFound('Snapshot', source.id);
  const field = source.kind === 'uri' ? 'uri' : 'image_id';
  return new RegistryError(
    'UNIMPLEMENTED',
    `This registry makes images from uploads only; use upload instead of ${field}`,
  );
}
