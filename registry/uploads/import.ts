import { RegistryError } from '../../core/errors.ts';
import type { LinkedFile } from '../../core/linked-file.ts';
import { STANDARD_IMAGES, violated } from '../../core/quotas.ts';
import {
  judgeParts,
  partRange,
  planUpload,
  type StoredPart,
  type UploadPlan,
} from '../../core/upload-plan.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImage } from '../../db/images.ts';
import { deleteJob } from '../../db/jobs.ts';
import { updateLayer } from '../../db/layers.ts';
import { changeOperation } from '../../db/operations.ts';
import { quotasOfCloud } from '../../db/quotas.ts';
import { demandUnknownFile, demandUploadState, findUpload, updateUpload } from '../../db/uploads.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { StoreUnavailable } from '../../storage/store.ts';
import type { Context } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { claim, type Demand } from '../quotas/claim.ts';
import { imageQuotaError } from '../quotas/image.ts';
import { beginJoining, partsToJoin } from './complete.ts';
import { endCreation } from './give-up.ts';
import {
  findLinkedFile,
  LinkRefused,
  LinkUnavailable,
  linkUnavailable,
  openLinkedRange,
} from './linked-file.ts';
import { ensureStoreUpload, objectKeyOf } from './sign-parts.ts';

/** What one run of the job copies at most. */
const RUN_BYTES = 256 * 2 ** 20;
/** No further part is begun later than this in a run. */
const RUN_MS = 15_000;
/**
 * When every part of a run has come or is given up: well before the lease of the job lapses, because a part that is
 * stored after another worker had them joined breaks the object in some stores. A file that comes so slowly would not
 * be there before its upload expires.
 */
const LAST_MS = 200_000;

/** A creation whose file is being fetched. */
interface Import {
  readonly image: ImageRow;
  readonly upload: UploadRow;
  readonly uri: string;
}

/**
 * Copies the file behind a link into the store, some parts a run, and hands it to the same judgement as an upload.
 * What the store lists is what is there, so a run may end anywhere and be run again, also twice at once.
 * Throws when the host or a part of the registry does not answer, and is then tried again.
 */
export async function importImage(context: Context, job: JobRow): Promise<JobOutcome> {
  const startedAt = context.now();
  const found = await findImport(context, job.subjectId);
  if (found === undefined) return 'done';
  try {
    return await copySome(context, job, await measured(context, found), startedAt);
  } catch (error) {
    if (!(error instanceof LinkRefused)) throw error;
    await endCreation(context, found.image.id, error.error);
    return 'done';
  }
}

/** Ends a creation whose link has used up the attempts of its job. */
export async function giveUpImport(context: Context, job: JobRow, cause: unknown): Promise<void> {
  const error =
    cause instanceof LinkUnavailable
      ? new RegistryError(
          cause.code,
          `The link could not be copied in ${job.attempts} attempts: ${cause.message}. Nothing was kept; create the image again`,
        )
      : new RegistryError(
          'UNAVAILABLE',
          `The link could not be copied: after ${job.attempts} attempts a part of the registry still did not answer. Nothing was kept; create the image again`,
        );
  await endCreation(context, job.subjectId, error);
}

/** Undefined when the copy is done, or the creation has ended. */
async function findImport(context: Context, imageId: string): Promise<Import | undefined> {
  const { orm } = context.db;
  const [[image], [upload]] = await context.db.read([findImage(orm, imageId), findUpload(orm, imageId)]);
  return image !== undefined && upload?.state === 'OPEN' && upload.sourceUri !== null
    ? { image, upload, uri: upload.sourceUri }
    : undefined;
}

/** The import with length and version of its file, which the first run finds out; its bytes are claimed then. */
async function measured(context: Context, found: Import): Promise<Import> {
  if (found.upload.sourceVersion !== null) return found;
  const { orm } = context.db;
  const { image, upload, uri } = found;
  const { sizeBytes, version } = await findLinkedFile(context, uri);
  const [quotas] = await context.db.read([quotasOfCloud(orm, image.cloudId)]);
  const demand: Demand = image.folderId === STANDARD_IMAGES ? {} : { 'compute.images.size': sizeBytes };
  const violations = violated(quotas, demand);
  if (violations.length > 0) {
    throw new LinkRefused(await imageQuotaError(context, image.cloudId, violations));
  }
  const { partSizeBytes, partCount } = planUpload(sizeBytes);
  const known = { sizeBytes, partSizeBytes, partCount, sourceVersion: version };
  await context.db.write([
    demandUnknownFile(orm, image.id),
    updateUpload(orm, image.id, known),
    updateLayer(orm, upload.layerId, { sizeBytes }),
    ...claim(orm, image.cloudId, demand),
    changeOperation(orm, upload.operationId, context.now(), { bytesDone: 0, bytesTotal: sizeBytes }),
    clearGuards(orm),
  ]);
  return { ...found, upload: { ...upload, ...known } };
}

/** Copies parts that are not there yet for one run; when all are, has them joined and judged. */
async function copySome(
  context: Context,
  job: JobRow,
  { upload, uri }: Import,
  startedAt: number,
): Promise<JobOutcome> {
  const { orm } = context.db;
  const plan: UploadPlan = upload;
  const storeUploadId = await ensureStoreUpload(context, upload);
  const stored = await storedParts(context, upload, storeUploadId);
  const { missing, wrongLength } = judgeParts(plan, stored);
  const left = [...missing, ...wrongLength];
  let doneBytes = upload.sizeBytes - left.reduce((sum, part) => sum + partRange(plan, part).sizeBytes, 0);
  const begunBytes = doneBytes;
  for (const partNumber of left) {
    const { sizeBytes } = partRange(plan, partNumber);
    const hasCopied = doneBytes > begunBytes;
    const isFull = doneBytes - begunBytes + sizeBytes > RUN_BYTES || context.now() - startedAt > RUN_MS;
    if (hasCopied && isFull) return { again: {} };
    try {
      await copyPart(context, upload, uri, storeUploadId, partNumber, startedAt + LAST_MS);
    } catch (error) {
      // What came before counts: the attempts begin anew with the next run.
      if (hasCopied && isOutage(error)) return { again: {} };
      throw error;
    }
    doneBytes += sizeBytes;
    // The last one is told of by what comes next.
    if (doneBytes === upload.sizeBytes) break;
    await context.db.write([
      demandUploadState(orm, upload.imageId, 'OPEN'),
      changeOperation(orm, upload.operationId, context.now(), { bytesDone: doneBytes }),
      clearGuards(orm),
    ]);
  }
  const parts = await partsToJoin(context, { ...upload, storeUploadId });
  const joining = beginJoining(context, upload, parts, 0);
  await context.db.write([...joining.statements, deleteJob(orm, job.id)]);
  await context.jobs.send(joining.jobId);
  return 'ended';
}

async function copyPart(
  context: Context,
  upload: UploadRow,
  uri: string,
  storeUploadId: string,
  partNumber: number,
  until: number,
): Promise<void> {
  const { offset, sizeBytes } = partRange(upload, partNumber);
  const file: LinkedFile = { sizeBytes: upload.sizeBytes, version: upload.sourceVersion ?? '' };
  const over = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(Math.max(0, until - context.now())), over.signal]);
  const body = await openLinkedRange(context, uri, file, offset, sizeBytes, signal);
  try {
    const key = objectKeyOf(upload);
    await context.store.putPart(key, storeUploadId, partNumber, sizeBytes, body.stream, signal);
  } catch (error) {
    const fault = body.fault();
    throw fault === undefined ? error : linkUnavailable(fault);
  } finally {
    // Lets go of the host when it was the store that failed.
    over.abort();
  }
}

async function storedParts(
  context: Context,
  upload: UploadRow,
  storeUploadId: string,
): Promise<readonly StoredPart[]> {
  const stored = await context.store.listParts(objectKeyOf(upload), storeUploadId);
  if (stored !== undefined) return stored;
  throw new LinkRefused(
    new RegistryError('DATA_LOSS', 'The object store no longer knows this upload; create the image again'),
  );
}

function isOutage(error: unknown): boolean {
  return error instanceof LinkUnavailable || error instanceof StoreUnavailable;
}
