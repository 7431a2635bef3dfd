import { declaredGeneration } from '../../core/hardware.ts';
import { quotaError, violated } from '../../core/quotas.ts';
import { planUpload } from '../../core/upload-plan.ts';
import { demandActiveFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertImage } from '../../db/images.ts';
import { insertLayer } from '../../db/layers.ts';
import { insertUpload } from '../../db/uploads.ts';
import type { UploadRow } from '../../schema/tables/images.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { pendingLayer } from '../layers/new-layer.ts';
import { type Operation, recordOperation, startOperation } from '../operations/record.ts';
import { claim } from '../quotas/claim.ts';
import { ownLayerDemand } from '../quotas/image.ts';
import { createFromKnownDigest, knownDigestQueries } from './from-known-digest.ts';
import {
  type CreateImage,
  demandFreeName,
  demandIdleOperations,
  newImage,
  placeQueries,
  type UploadSource,
} from './new-image.ts';

/**
 * Begins an image whose bytes the caller will send. The store is not asked for anything yet; the upload is opened
 * when its first part is signed. out: a running operation that awaits its upload; one that is done when the bytes
 * are there already.
 */
export function createFromUpload(
  context: CallerContext,
  input: CreateImage<UploadSource>,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: input.folderId }, [
      ...placeQueries(context, input),
      ...knownDigestQueries(context, input.source),
    ]);
    const [[folderRow], quotas, [operations], [namesake], known] = rows;
    const folder = requireFolder(folderRow, access, 'compute.images.create', input.folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    const { source } = input;
    const place = { access, folder, quotas, operations, namesake };
    const reused = await createFromKnownDigest(context, input, known?.[0], place);
    if (reused !== undefined) return reused;
    demandFreeName(input, namesake);
    demandIdleOperations(context, operations);

    const now = context.now();
    const layer = pendingLayer(context, source.sizeBytes);
    const image = newImage(context, folder, input, declaredGeneration(input.hardwareGeneration), {
      layerId: layer.id,
      source: { kind: 'upload' },
    });
    const demand = ownLayerDemand(image, source.sizeBytes);
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
      sourceUri: null,
      sourceVersion: null,
      storeUploadId: null,
      parts: null,
      createdAt: now,
      expiresAt,
    };
    await context.db.write([
      demandActiveFolder(orm, folder.id),
      insertLayer(orm, layer),
      insertImage(orm, image),
      insertUpload(orm, upload),
      ...claim(orm, image.cloudId, demand),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
