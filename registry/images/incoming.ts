import { declaredGeneration } from '../../core/hardware.ts';
import { violated } from '../../core/quotas.ts';
import { demandActiveFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertImage } from '../../db/images.ts';
import { insertLayer } from '../../db/layers.ts';
import { insertUpload } from '../../db/uploads.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';
import { type CallerContext, newId } from '../context.ts';
import { pendingLayer } from '../layers/new-layer.ts';
import { type Operation, recordOperation, startOperation } from '../operations/record.ts';
import { claim } from '../quotas/claim.ts';
import { imageQuotaError, ownLayerDemand } from '../quotas/image.ts';
import { insertImport } from '../uploads/import-job.ts';
import type { Place } from './name-layer.ts';
import { type CreateImage, demandFreeName, demandIdleOperations, newImage } from './new-image.ts';

/** The file that an image will be made of. The lengths of a link's file are 0 until its host was asked. */
export interface IncomingFile
  extends Pick<
    UploadRow,
    'sizeBytes' | 'partSizeBytes' | 'partCount' | 'sha256' | 'declaredFormat' | 'fileName' | 'sourceUri'
  > {
  readonly source: ImageRow['source'];
}

/**
 * The last steps of a creation whose bytes have yet to come: name, quotas, and one batch with the image, its layer,
 * the upload that brings the bytes, and the job that fetches them when it is from a link. The store is not asked for
 * anything. out: a running operation. Throws ALREADY_EXISTS, RESOURCE_EXHAUSTED, WriteConflict.
 */
export async function createIncoming(
  context: CallerContext,
  input: CreateImage,
  place: Place & { readonly folder: FolderRow },
  { source, ...file }: IncomingFile,
): Promise<Operation> {
  const { orm } = context.db;
  demandFreeName(input, place.namesake);
  demandIdleOperations(context, place.operations);

  const now = context.now();
  const layer = pendingLayer(context, file.sizeBytes);
  const generation = declaredGeneration(input.hardwareGeneration);
  const image = newImage(context, place.folder, input, generation, { layerId: layer.id, source });
  const demand = ownLayerDemand(image, file.sizeBytes);
  const violations = violated(place.quotas, demand);
  if (violations.length > 0) throw await imageQuotaError(context, image.cloudId, violations);

  const fetched = file.sourceUri !== null;
  const expiresAt = now + context.settings.BULLION_UPLOAD_TTL_SECONDS * 1000;
  const uploadId = newId(context, 'upload');
  const upload = { uploadId, partSize: file.partSizeBytes, partCount: file.partCount, expiresAt };
  const operation: Operation = {
    ...startOperation(context, place.access, {
      kind: 'images.create',
      resource: { kind: 'image', id: image.id, folderId: image.folderId, cloudId: image.cloudId },
      metadata: { imageId: image.id, ...(fetched ? {} : { upload }) },
      deadlineAt: expiresAt,
    }),
    stage: fetched ? 'COPYING' : 'AWAITING_UPLOAD',
  };
  const row: UploadRow = {
    ...file,
    imageId: image.id,
    id: uploadId,
    layerId: layer.id,
    operationId: operation.id,
    state: 'OPEN',
    sourceVersion: null,
    storeUploadId: null,
    parts: null,
    createdAt: now,
    expiresAt,
  };
  const jobId = newId(context, 'job');
  await context.db.write([
    demandActiveFolder(orm, image.folderId),
    insertLayer(orm, layer),
    insertImage(orm, image),
    insertUpload(orm, row),
    ...(fetched ? [insertImport(context, jobId, row, now)] : []),
    ...claim(orm, image.cloudId, demand),
    ...recordOperation(context, operation, { after: image }),
    clearGuards(orm),
  ]);
  if (fetched) await context.jobs.send(jobId);
  return operation;
}
