import { type DiskFacts, declaredGeneration, settleHardware } from '../../core/hardware.ts';
import { settleMinDiskSize } from '../../core/sizes.ts';
import { planUpload } from '../../core/upload-plan.ts';
import { bytesToCount } from '../../db/quotas.ts';
import { findLayerOfDigest, IMAGE_PLACES, layerOfSource } from '../../db/sources.ts';
import { insertUpload } from '../../db/uploads.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';
import type { ImageRow, LayerRow, UploadRow } from '../../schema/tables/images.ts';
import { type CallerContext, newId } from '../context.ts';
import { visibleTo } from '../identity/visible.ts';
import type { Operation } from '../operations/record.ts';
import { createNaming, type Place, readyOn } from './name-layer.ts';
import { type CreateImage, newImage, type UploadSource } from './new-image.ts';

/**
 * What an upload with a declared digest reads besides: a layer that has it, on which there is an image that the
 * caller may use. Bytes of which it may use no image look as if they were not there.
 */
export function knownDigestQueries(context: CallerContext, { sha256, sizeBytes }: UploadSource) {
  if (sha256 === undefined) return [];
  const usable = visibleTo(context, 'compute.images.use', IMAGE_PLACES);
  return [findLayerOfDigest(context.db.orm, `sha256:${sha256}`, sizeBytes, usable, context.now())];
}

/**
 * Makes an image of an upload whose bytes are there already: they were inspected, so only the declarations are held
 * against what was found. To who goes on as if they had to be sent, the upload is complete.
 * out: an operation that is done; undefined when the bytes have to be sent.
 * Throws INVALID_ARGUMENT, ALREADY_EXISTS, RESOURCE_EXHAUSTED, WriteConflict.
 */
export async function createFromKnownDigest(
  context: CallerContext,
  input: CreateImage<UploadSource>,
  known: (LayerRow & { readonly imageId: string }) | undefined,
  place: Place & { readonly folder: FolderRow },
): Promise<Operation | undefined> {
  if (known === undefined) return undefined;
  const { imageId, ...layer } = known;
  const facts = layer.inspection as DiskFacts & { format?: string; virtualSize?: string };
  const { format } = input.source;
  if (format !== undefined && format !== facts.format) return undefined;

  const declared = declaredGeneration(input.hardwareGeneration);
  const virtualSize = Number(facts.virtualSize ?? layer.sizeBytes);
  const image = readyOn(layer, {
    ...newImage(context, place.folder, input, declared, { layerId: layer.id, source: { kind: 'upload' } }),
    ...settleHardware(facts, { osType: input.osType, hardwareGeneration: declared }),
    minDiskSize: settleMinDiskSize(input.minDiskSize, virtualSize),
    smallestDiskSize: virtualSize,
  });
  const source = { kind: 'image', id: imageId } as const;
  const [[count]] = await context.db.read([
    bytesToCount(context.db.orm, 'compute.images.size', input.folderId, layerOfSource(source)),
  ]);
  return await createNaming(context, {
    place,
    input,
    image,
    layer,
    source,
    bytes: count?.bytes ?? 0,
    digesting: false,
    metadata: { reused: true },
    rows: (operation) => [insertUpload(context.db.orm, completedUpload(context, input, image, operation))],
  });
}

function completedUpload(
  context: CallerContext,
  { source }: CreateImage<UploadSource>,
  image: ImageRow,
  operation: Operation,
): UploadRow {
  const { sizeBytes, partSizeBytes, partCount } = planUpload(source.sizeBytes);
  return {
    imageId: image.id,
    id: newId(context, 'upload'),
    layerId: image.layerId,
    operationId: operation.id,
    state: 'COMPLETED',
    sizeBytes,
    partSizeBytes,
    partCount,
    sha256: source.sha256 ?? null,
    declaredFormat: source.format ?? null,
    fileName: source.fileName ?? null,
    sourceUri: null,
    sourceVersion: null,
    storeUploadId: null,
    parts: null,
    createdAt: image.createdAt,
    expiresAt: image.createdAt,
  };
}
