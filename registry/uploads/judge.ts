import { RegistryError } from '../../core/errors.ts';
import { settleHardware } from '../../core/hardware.ts';
import { STANDARD_IMAGES } from '../../core/quotas.ts';
import { roundUpToChunk, smallestMinDiskSize } from '../../core/sizes.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import { deleteJob } from '../../db/jobs.ts';
import { updateLayer } from '../../db/layers.ts';
import { changeOperation, demandRunning } from '../../db/operations.ts';
import { quotasOfCloud } from '../../db/quotas.ts';
import { changeResource } from '../../db/resources.ts';
import { findUpload } from '../../db/uploads.ts';
import type { Report } from '../../inspect/report.ts';
import type { ImageRow, LayerRow, UploadRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { rangeReader } from '../../storage/range-reader.ts';
import { ObjectChanged } from '../../storage/store.ts';
import { audited, auditRow, endedRow, REGISTRY } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { imageResult, viewOf } from '../images/view.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { type DigestCursor, digestLater, digestSlice } from '../layers/digest.ts';
import { endOperation } from '../operations/end.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { announceImage } from '../webhooks/image-events.ts';
import { joinParts } from './complete.ts';
import { endUpload } from './end.ts';
import { digestMismatch, refusal, serviceFindings, withFindings, withoutCost } from './verdict.ts';

/** What the job found when it looked: everything that a verdict needs. */
interface Subject {
  readonly image: ImageRow;
  readonly layer: LayerRow;
  readonly upload: UploadRow;
}

/**
 * The verdict on an upload: inspects the stored object, verifies a declared digest, and ends the creation one way
 * or the other in one batch. May be run again at any point, and twice at once: each end is guarded by the operation
 * still running. Throws only when a part does not answer, and is then tried again; a verdict is final.
 */
export async function judgeUpload(context: Context, job: JobRow): Promise<JobOutcome> {
  const found = await findSubject(context, job.subjectId);
  if (found === undefined) return 'done';
  try {
    const subject = await joinedSubject(context, found);
    return subject === undefined ? 'done' : await judge(context, job, subject);
  } catch (error) {
    const final = finalError(error);
    if (final === undefined) throw error;
    return await refuse(context, found, final);
  }
}

/** What is to be judged; undefined when the creation has ended. */
async function findSubject(context: Context, imageId: string): Promise<Subject | undefined> {
  const { orm } = context.db;
  const [[image], [layer], [upload]] = await context.db.read([
    findImage(orm, imageId),
    findLayerOfImage(orm, imageId),
    findUpload(orm, imageId),
  ]);
  return image?.status === 'CREATING' && layer !== undefined && upload !== undefined
    ? { image, layer, upload }
    : undefined;
}

/** The subject with its parts joined; undefined when its upload is open again, or ended. */
async function joinedSubject(context: Context, found: Subject): Promise<Subject | undefined> {
  if (found.upload.state === 'COMPLETED') return found;
  if (found.upload.state !== 'COMPLETING') return undefined;
  const outcome = await joinParts(context, found.upload);
  if (outcome.kind !== 'joined') return undefined;
  const upload = { ...found.upload, ...outcome.upload };
  return { ...found, upload, layer: { ...found.layer, ...outcome.layer } };
}

async function judge(context: Context, job: JobRow, subject: Subject): Promise<JobOutcome> {
  const { layer, upload } = subject;
  // Kept when its digest began to be verified: nothing is inspected twice.
  let report = layer.inspection as unknown as Report | null;
  if (report === null) {
    report = await inspectLayer(context, subject);
    if (report.verdict === 'reject') return await refuse(context, subject, refusal(report));
    if (upload.sha256 !== null) {
      const { orm } = context.db;
      await context.db.write([
        updateLayer(orm, layer.id, { inspection: withoutCost(report) }),
        changeOperation(orm, upload.operationId, context.now(), {
          stage: 'VERIFYING_DIGEST',
          bytesDone: 0,
          bytesTotal: upload.sizeBytes,
        }),
      ]);
    }
  }
  if (upload.sha256 !== null) {
    const slice = await digestSlice(context, layer, job.cursor as DigestCursor | null);
    if (slice.kind === 'more') {
      await context.db.write([
        changeOperation(context.db.orm, upload.operationId, context.now(), {
          bytesDone: slice.cursor.offset,
        }),
      ]);
      return { again: { ...slice.cursor } };
    }
    if (slice.digest !== upload.sha256) {
      const finding = digestMismatch(upload.sha256, slice.digest);
      return await refuse(context, subject, refusal(withFindings(report, [finding])));
    }
    await context.db.write([
      changeOperation(context.db.orm, upload.operationId, context.now(), {
        stage: 'FINALIZING',
        bytesDone: upload.sizeBytes,
      }),
    ]);
  }
  return await accept(context, job, subject, report);
}

/** Inspects the object that the upload became, and adds what only the service can find. */
async function inspectLayer(context: Context, { image, layer, upload }: Subject): Promise<Report> {
  const object = await context.store.head(layer.objectKey);
  if (object === undefined || object.etag !== layer.etag) throw new ObjectChanged(layer.objectKey);
  const reader = rangeReader(context.store, layer.objectKey, object.etag, object.sizeBytes);
  const declared = upload.declaredFormat === null ? {} : { declaredFormat: upload.declaredFormat };
  const report = await context.inspect(reader, declared);
  return withFindings(report, serviceFindings(report, image, upload));
}

async function accept(context: Context, job: JobRow, subject: Subject, report: Report): Promise<JobOutcome> {
  const { image, layer, upload } = subject;
  const { orm } = context.db;
  const lowered = await poolLimitLowered(context, image);
  if (lowered !== undefined) return await refuse(context, subject, lowered);
  const virtualSize = Number(report.virtualSize ?? upload.sizeBytes);
  const ready: ImageRow = {
    ...image,
    status: 'READY',
    sizeBytes: upload.sizeBytes,
    storageSize: roundUpToChunk(upload.sizeBytes),
    minDiskSize: image.minDiskSize ?? smallestMinDiskSize(virtualSize),
    smallestDiskSize: virtualSize,
    ...settleHardware(report, image),
    architecture: report.architecture ?? null,
    revision: image.revision + 1,
  };
  const verified: LayerRow = {
    ...layer,
    state: 'VERIFIED',
    digest: upload.sha256 === null ? null : `sha256:${upload.sha256}`,
    inspection: withoutCost(report),
  };
  const { revision: _, ...change } = ready;
  const digest = upload.sha256 === null ? digestLater(context, layer.id) : undefined;
  const view = viewOf(ready, verified, context.now());
  await writeAndTell(context, [
    demandRunning(orm, upload.operationId),
    updateLayer(orm, layer.id, verified),
    changeResource(orm, 'image', image.id, change),
    endOperation(context, upload.operationId, { response: imageResult(view) }),
    auditRow(context, { ...endOf(subject), before: image, after: ready }),
    deleteJob(orm, job.id),
    ...(digest === undefined ? [] : [digest.statement]),
    ...announceImage(context, 'image.ready', view, upload.operationId),
    clearGuards(orm),
  ]);
  if (digest !== undefined) await context.jobs.send(digest.jobId);
  return 'ended';
}

async function refuse(context: Context, subject: Subject, error: RegistryError): Promise<JobOutcome> {
  const ending = endUpload(context, subject.image, subject.upload, error);
  await writeAndTell(context, [...ending.statements, endedRow(context, endOf(subject), error)]);
  await context.jobs.send(ending.jobId);
  return 'ended';
}

/** How an audit event names the end of the creation. */
function endOf({ image, upload: { operationId } }: Subject) {
  return { actorId: REGISTRY, action: 'images.create', resource: audited('image', image), operationId };
}

/** Failures that no repetition mends: the bytes are not what was stored any more. */
function finalError(error: unknown): RegistryError | undefined {
  if (error instanceof RegistryError && error.code === 'DATA_LOSS') return error;
  if (!(error instanceof ObjectChanged)) return undefined;
  return new RegistryError(
    'DATA_LOSS',
    'The stored object was replaced or removed while it was judged; create the image again',
  );
}

/** A reserved pool is settled here: when the limit went below the use meanwhile, this image does not get one. */
async function poolLimitLowered(context: Context, image: ImageRow): Promise<RegistryError | undefined> {
  if (!image.pooled || image.folderId === STANDARD_IMAGES) return undefined;
  const [quotas] = await context.db.read([quotasOfCloud(context.db.orm, image.cloudId)]);
  const pools = quotas.find(({ quotaId }) => quotaId === 'compute.diskPools.count');
  if (pools === undefined || pools.usage <= pools.limit) return undefined;
  return new RegistryError('RESOURCE_EXHAUSTED', 'The limit on maximum number of disk pools has exceeded.', [
    {
      kind: 'quotas',
      violations: [
        { quotaId: pools.quotaId, limit: pools.limit, usage: pools.usage - 1, required: pools.usage },
      ],
    },
  ]);
}
