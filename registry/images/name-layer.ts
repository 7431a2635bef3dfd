import { type QuotaUse, violated } from '../../core/quotas.ts';
import { roundUpToChunk } from '../../core/sizes.ts';
import type { Statement } from '../../db/client.ts';
import { demandActiveFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertImage } from '../../db/images.ts';
import { nameLayer } from '../../db/layers.ts';
import { demandSource, type SourceName } from '../../db/sources.ts';
import type { ImageRow, LayerRow } from '../../schema/tables/images.ts';
import type { Access } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { digestLater } from '../layers/digest.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { claimNamingImage, imageDemand, imageQuotaError } from '../quotas/image.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { announceImage } from '../webhooks/image-events.ts';
import { type CreateImage, demandFreeName, demandIdleOperations } from './new-image.ts';
import { imageResult, viewOf } from './view.ts';

/** What was read of the place where the image will be. */
export interface Place {
  readonly access: Access;
  readonly quotas: readonly QuotaUse[];
  readonly operations: { readonly active: number } | undefined;
  readonly namesake: { readonly id: string } | undefined;
}

/** An image that is READY at once because it names a layer that is there, and what was read to decide on it. */
export interface Naming {
  readonly place: Place;
  readonly input: CreateImage;
  readonly image: ImageRow;
  readonly layer: LayerRow;
  /** What has to stand READY on the layer until the image is written. */
  readonly source: SourceName;
  /** What the layer adds to the cloud's use. */
  readonly bytes: number;
  /** Whether a job is reading the layer for its digest. */
  readonly digesting: boolean;
  /** More members of the operation's metadata. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** More rows of the same batch. */
  rows?(operation: Operation): readonly Statement[];
}

/** The image on its layer, READY; what the caller declared and the source gave is settled in `image` already. */
export function readyOn(layer: LayerRow, image: ImageRow): ImageRow {
  const { architecture } = (layer.inspection ?? {}) as { architecture?: string };
  return {
    ...image,
    status: 'READY',
    sizeBytes: layer.sizeBytes,
    storageSize: roundUpToChunk(layer.sizeBytes),
    architecture: architecture ?? null,
  };
}

/**
 * The last steps of a creation that moves no byte: name, quotas, and one batch that holds only while the source and
 * its layer stand. out: an operation that is done. Throws ALREADY_EXISTS, RESOURCE_EXHAUSTED, WriteConflict.
 */
export async function createNaming(context: CallerContext, naming: Naming): Promise<Operation> {
  const { place, input, image, layer, source } = naming;
  const { orm } = context.db;
  demandFreeName(input, place.namesake);
  demandIdleOperations(context, place.operations);
  const violations = violated(place.quotas, {
    ...imageDemand(image),
    'compute.images.size': naming.bytes,
  });
  if (violations.length > 0) throw await imageQuotaError(context, image.cloudId, violations);
  const view = viewOf(image, layer, image.createdAt);
  const operation = finishedOperation(context, place.access, {
    kind: 'images.create',
    resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
    metadata: { imageId: image.id, ...naming.metadata },
    response: imageResult(view),
  });
  // A copy whose original was not read to its end, or a layer of an older version, has no digest yet.
  const digest =
    layer.digest === null && layer.objectKey !== '' && !naming.digesting
      ? digestLater(context, layer.id)
      : undefined;
  await writeAndTell(context, [
    demandActiveFolder(orm, image.folderId),
    demandSource(orm, source, layer.id, image.createdAt),
    ...nameLayer(orm, layer.id),
    insertImage(orm, image),
    ...claimNamingImage(orm, image),
    ...recordOperation(context, operation, { after: image }),
    ...(naming.rows?.(operation) ?? []),
    ...(digest === undefined ? [] : [digest.statement]),
    ...announceImage(context, 'image.ready', view, operation.id),
    clearGuards(orm),
  ]);
  if (digest !== undefined) await context.jobs.send(digest.jobId);
  return operation;
}
