import { bytesOfParts, copyPlan, partsToCopy, planCopy } from '../../core/copy-plan.ts';
import { RegistryError } from '../../core/errors.ts';
import { next } from '../../core/lifecycle.ts';
import type { UploadPlan } from '../../core/upload-plan.ts';
import { findDisk, findLayerOfDisk } from '../../db/disks.ts';
import { clearGuards } from '../../db/guards.ts';
import { deleteJob, findJob, keepCursor } from '../../db/jobs.ts';
import { findSourceOfCopy, noteUnnamed, updateLayer } from '../../db/layers.ts';
import { changeOperation, demandRunning } from '../../db/operations.ts';
import { changeResource } from '../../db/resources.ts';
import type { DiskRow, LayerRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { ObjectChanged, type StoredObject, StoreUnavailable } from '../../storage/store.ts';
import { audited, auditRow, endedRow, REGISTRY } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { endDisk } from '../disks/end.ts';
import { diskResult } from '../disks/view.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { endOperation } from '../operations/end.ts';
import { type CopyCursor, discardCopy } from './discard-copy.ts';

interface Subject {
  readonly job: JobRow;
  readonly operationId: string;
  readonly disk: DiskRow;
  /** PENDING: it becomes the disk's own. */
  readonly layer: LayerRow;
  readonly source: LayerRow;
}

/**
 * Has the store copy the layer of a disk that is being created, and ends the creation. A run asks for a whole object
 * or a few parts and says where to go on; after a run that failed the store is asked what is there already, so that
 * nothing is copied twice but what was under way. The source cannot be deleted: the copy names it until it is done.
 *
 * A creation can be ended (`registry/disks/end.ts`) at any point. That leaves the job to this one, which has the
 * lease, so that no object is finished behind the back of whoever clears away:
 *
 *   this run                        | the end                          | what comes of it
 *   the store copies a part         |                                  |
 *                                   | batch: disk gone, ended          | the creation ends with the error
 *   batch: notes the part           |                                  | to the operation nothing happens any more
 *   next run: the disk is gone      |                                  | the copy is taken away, then its layer
 *
 *   the store finishes the copy     |                                  |
 *                                   | batch: disk gone, ended          | the creation ends with the error
 *   batch: guard fails, undone      |                                  |
 *   next run: the disk is gone      |                                  | the copy is taken away, then its layer
 *
 *   the store finishes the copy     |                                  |
 *   batch: guard holds, READY       |                                  | the creation ends with the disk
 *                                   | batch: guard fails, undone       | decides again, of a disk that is READY
 *
 * Throws only when a part does not answer, and is then tried again.
 */
export async function copyLayer(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[disk], [layer], [source], [noted]] = await context.db.read([
    findDisk(orm, job.subjectId),
    findLayerOfDisk(orm, job.subjectId),
    findSourceOfCopy(orm, job.subjectId),
    findJob(orm, job.id),
  ]);
  // Whoever took the disk away noted its layer with the job, perhaps after this run had taken it.
  if (disk === undefined) return await discardCopy(context, noted ?? job);
  const { operationId } = job;
  if (disk.status !== 'CREATING' || operationId === null) return 'done';
  if (layer === undefined || source === undefined) {
    throw new RegistryError('INTERNAL', `Disk ${disk.id} is being copied from nowhere`);
  }
  try {
    return await copy(context, { job, operationId, disk, layer, source });
  } catch (error) {
    if (!(error instanceof ObjectChanged)) throw error;
    return await lose(context, job, disk);
  }
}

async function copy(context: Context, subject: Subject): Promise<JobOutcome> {
  const { job, layer, source } = subject;
  const { store } = context;
  if (job.attempts > 1) {
    // An earlier run may have died behind the last thing that it asked of the store.
    const made = await store.head(layer.objectKey);
    if (made?.sizeBytes === layer.sizeBytes) return await finish(context, subject, made);
  }
  const cursor = job.cursor as CopyCursor | null;
  if (cursor?.upload !== undefined) return await copyOn(context, subject, cursor.upload);
  const plan = planCopy(layer.sizeBytes, context.settings.BULLION_COPY_WHOLE_BYTES);
  if (plan !== undefined) return await open(context, subject, plan);
  const made = await store.copy(source.objectKey, source.etag ?? '', layer.objectKey);
  return await finish(context, subject, made);
}

/** Opens the upload that the parts go into, writes it down, and copies the first ones. */
async function open(context: Context, subject: Subject, plan: UploadPlan): Promise<JobOutcome> {
  const { job, layer } = subject;
  // A run that died before it could write its upload down left one open.
  await context.store.abortUploadsOf(layer.objectKey);
  const storeUploadId = await context.store.openMultipart(layer.objectKey, 'application/octet-stream');
  const upload = { storeUploadId, partSizeBytes: plan.partSizeBytes, partsCopied: 0 };
  const cursor: CopyCursor = { layerId: layer.id, upload };
  const [kept] = await context.db.write([keepCursor(context.db.orm, job.id, job.leaseId, { ...cursor })]);
  if (kept.length > 0) return await copyOn(context, subject, upload);
  await context.store.abortMultipart(layer.objectKey, storeUploadId);
  return { again: { ...cursor } };
}

/** Copies the next parts; joins them when all are there. */
async function copyOn(
  context: Context,
  subject: Subject,
  upload: NonNullable<CopyCursor['upload']>,
): Promise<JobOutcome> {
  const { job, operationId, layer, source } = subject;
  const { orm } = context.db;
  const { store } = context;
  const { storeUploadId } = upload;
  const plan = copyPlan(layer.sizeBytes, upload.partSizeBytes);
  const ask = job.attempts > 1 || upload.partsCopied === plan.partCount;
  const stored = ask ? await store.listParts(layer.objectKey, storeUploadId) : [];
  if (stored === undefined) return await beginAgain(context, subject);
  const partNumbers = partsToCopy(plan, ask ? stored : upload.partsCopied);
  if (partNumbers.length === 0) {
    await context.db.write([changeOperation(orm, operationId, context.now(), { stage: 'FINALIZING' })]);
    const outcome = await store.completeMultipart(layer.objectKey, storeUploadId, stored);
    const made = await store.head(layer.objectKey);
    if (made !== undefined) return await finish(context, subject, made);
    if (typeof outcome !== 'object') return await beginAgain(context, subject);
    throw new StoreUnavailable('CompleteMultipartUpload', 400, outcome.refused);
  }
  // All of them come to their end before the run does: none may be under way when the next run begins.
  const copied = await Promise.allSettled(
    partNumbers.map((partNumber) => {
      const offset = (partNumber - 1) * plan.partSizeBytes;
      const length = Math.min(plan.partSizeBytes, plan.sizeBytes - offset);
      const { objectKey, etag } = source;
      return store.copyPart(
        objectKey,
        etag ?? '',
        layer.objectKey,
        storeUploadId,
        partNumber,
        offset,
        length,
      );
    }),
  );
  const failures = copied.flatMap((part) => (part.status === 'rejected' ? [part.reason] : []));
  if (failures.length > 0) throw failures.find((error) => error instanceof ObjectChanged) ?? failures[0];
  if (copied.some((part) => part.status === 'fulfilled' && part.value === undefined)) {
    return await beginAgain(context, subject);
  }
  const partsCopied = partNumbers.at(-1) ?? 0;
  await context.db.write([
    changeOperation(orm, operationId, context.now(), { bytesDone: bytesOfParts(plan, partsCopied) }),
  ]);
  const cursor: CopyCursor = { layerId: layer.id, upload: { ...upload, partsCopied } };
  return { again: { ...cursor } };
}

/** The store no longer knows the upload: the next attempt opens another one. Counts as a failure, to have an end. */
async function beginAgain(context: Context, { job, operationId, layer }: Subject): Promise<never> {
  const { orm } = context.db;
  const cursor: CopyCursor = { layerId: layer.id };
  await context.db.write([
    keepCursor(orm, job.id, job.leaseId, { ...cursor }),
    changeOperation(orm, operationId, context.now(), { stage: 'COPYING', bytesDone: 0 }),
  ]);
  throw new StoreUnavailable('UploadPartCopy', 404, 'NoSuchUpload');
}

/**
 * Ends the creation with the disk, which nothing changes until then. What the source was found to be goes for its copy
 * as well.
 */
async function finish(context: Context, subject: Subject, made: StoredObject): Promise<JobOutcome> {
  const { job, operationId, disk, layer, source } = subject;
  const { orm } = context.db;
  const now = context.now();
  if (made.sizeBytes !== layer.sizeBytes) {
    const explanation = `the copy has ${made.sizeBytes} of ${layer.sizeBytes} bytes`;
    throw new StoreUnavailable('HeadObject', 200, 'WrongSize', explanation);
  }
  const ready: DiskRow = {
    ...disk,
    status: next('volume', disk.status, 'finish') as DiskRow['status'],
    revision: disk.revision + 1,
  };
  await context.db.write([
    demandRunning(orm, operationId),
    updateLayer(orm, layer.id, {
      state: next('layer', next('layer', layer.state, 'store'), 'verify'),
      etag: made.etag,
      digest: source.digest,
      inspection: source.inspection,
      copyOf: null,
    }),
    noteUnnamed(orm, source.id, now),
    changeResource(orm, 'disk', disk.id, { status: ready.status }),
    endOperation(context, operationId, { response: diskResult(ready) }),
    auditRow(context, { ...endOf(disk, operationId), before: disk, after: ready }),
    deleteJob(orm, job.id),
    clearGuards(orm),
  ]);
  return 'ended';
}

/** How an audit event names the end of the creation. */
function endOf(disk: DiskRow, operationId: string | null) {
  return { actorId: REGISTRY, action: 'disks.create', resource: audited('disk', disk), operationId };
}

/** Ends the creation because the bytes are not there any more, and takes away what was copied of them. */
async function lose(context: Context, job: JobRow, disk: DiskRow): Promise<JobOutcome> {
  const error = new RegistryError(
    'DATA_LOSS',
    `The stored object that disk "${disk.id}" was copied from was replaced or removed in the object store; create the disk of another source`,
  );
  const ending = await endDisk(context, disk, error);
  await context.db.write([...ending.statements, endedRow(context, endOf(disk, job.operationId), error)]);
  const cursor: CopyCursor = { ...(job.cursor as CopyCursor | null), layerId: disk.layerId };
  return await discardCopy(context, { ...job, cursor: { ...cursor } });
}
