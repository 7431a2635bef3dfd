import { type DiskFacts, declaredGeneration, settleHardware } from '../../core/hardware.ts';
import { settleMinDiskSize } from '../../core/sizes.ts';
import { bytesToCount } from '../../db/quotas.ts';
import { findLayerOfDigest, IMAGE_PLACES, layerOfSource } from '../../db/sources.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';
import type { LayerRow } from '../../schema/tables/images.ts';
import type { CallerContext } from '../context.ts';
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
  return [findLayerOfDigest(context.db.orm, `sha256:${sha256}`, sizeBytes, usable)];
}

/**
 * Makes an image of an upload whose bytes are there already: they were inspected, so only the declarations are held
 * against what was found. out: an operation that is done; undefined when the bytes have to be sent.
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
  });
}
