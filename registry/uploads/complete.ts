import { judgingDeadline } from '../../core/deadlines.ts';
import { failedPrecondition, invalidField, RegistryError } from '../../core/errors.ts';
import { next } from '../../core/lifecycle.ts';
import { describeParts, judgeParts } from '../../core/upload-plan.ts';
import { type Statement, WriteConflict } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import { deleteJobsOf, hastenJob, insertJob } from '../../db/jobs.ts';
import { updateLayer } from '../../db/layers.ts';
import { changeOperation, demandRunning, findOperation } from '../../db/operations.ts';
import { demandUploadState, findUpload, updateUpload } from '../../db/uploads.ts';
import type { LayerRow, UploadRow } from '../../schema/tables/images.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { StoreUnavailable } from '../../storage/store.ts';
import { audited, auditRow } from '../audit/record.ts';
import { type CallerContext, type Context, newId } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { insertImport } from './import-job.ts';
import { objectKeyOf, sentUploadOf } from './sign-parts.ts';

/** How long the request that completes an upload has it to itself, before the job may finish it instead. */
const HEAD_START_MS = 60_000;
/** A store that refuses parts which only the registry has sent is not asked again at once. */
const REFETCH_MS = 30_000;

/**
 * Joins the parts in the store and hands the object to the queue function. The parts to join are written down, with
 * the job, before the store is asked: whatever dies from there on, the job finishes it, and no second list is ever
 * sent. Two that complete at once:
 *
 *   one                            | the other                       | what comes of it
 *   reads OPEN                     | reads OPEN                      |
 *   batch: OPEN → COMPLETING       |                                 |
 *                                  | batch: guard fails, undone      | answers with the same operation
 *   store joins, job is sent       |                                 | one object, one verdict
 *
 * `claimed` is the client's own list, checked against the store's; without it the store's counts.
 * Throws INVALID_ARGUMENT naming missing and foreign parts; FAILED_PRECONDITION, NOT_FOUND, PERMISSION_DENIED.
 */
export async function completeUpload(
  context: CallerContext,
  imageId: string,
  claimed: readonly { partNumber: number; etag: string }[] | undefined,
): Promise<Operation> {
  const { orm } = context.db;
  const { access, image, upload } = await sentUploadOf(context, imageId);
  if (upload.state === 'ABORTED') {
    throw failedPrecondition(imageId, 'UPLOAD_STATE', `The upload of image "${imageId}" was ended`);
  }
  if (upload.state !== 'OPEN') return await operationOf(context, upload);
  let parts: { partNumber: number; etag: string }[];
  try {
    parts = await partsToJoin(context, upload, claimed);
  } catch (error) {
    // Of an upload that was completed or ended meanwhile the store knows no parts any more.
    if (await isOpen(context, upload)) throw error;
    return await operationOf(context, upload);
  }
  const { statements, completing, jobId } = beginJoining(context, upload, parts, HEAD_START_MS);
  const completed = auditRow(context, {
    actorId: access.callerId,
    action: 'images.completeUpload',
    resource: audited('image', image),
    operationId: upload.operationId,
    before: { upload: upload.state },
    after: { upload: completing.state },
  });
  const operation = findOperation(orm, upload.operationId);
  let answers: readonly unknown[];
  try {
    answers = await context.db.write([...statements, completed, operation]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await operationOf(context, upload);
  }
  const hasten = hastenJob(orm, jobId, context.now());
  try {
    const outcome = await joinParts(context, completing, [hasten]);
    if (outcome.kind === 'ended') return await operationOf(context, upload);
    if (outcome.kind === 'refused') throw refusedParts(outcome.code);
  } catch (error) {
    // Accepted all the same: the job asks the store again, and ends the creation if the upload is lost.
    const lost = error instanceof RegistryError && error.code === 'DATA_LOSS';
    if (!lost && !(error instanceof StoreUnavailable)) throw error;
    answers = await context.db.write([hasten, operation]);
  }
  await context.jobs.send(jobId);
  return present((answers.at(-1) as OperationRow[])[0]);
}

/**
 * The batch that fixes which parts are joined and has the object judged; undone unless the upload is OPEN.
 * in: how long the job waits. out: the upload as it then is, and the id of the job to send once it is written.
 */
export function beginJoining(
  context: Context,
  upload: UploadRow,
  parts: NonNullable<UploadRow['parts']>,
  afterMs: number,
): { statements: Statement[]; completing: UploadRow; jobId: string } {
  const { orm } = context.db;
  const { imageId, operationId } = upload;
  const now = context.now();
  const jobId = newId(context, 'job');
  const completing: UploadRow = { ...upload, state: next('upload', 'OPEN', 'complete'), parts };
  return {
    completing,
    jobId,
    statements: [
      demandUploadState(orm, imageId, 'OPEN'),
      updateUpload(orm, imageId, { state: completing.state, parts }),
      changeOperation(orm, operationId, now, {
        stage: 'INSPECTING',
        bytesDone: null,
        bytesTotal: null,
        deadlineAt: judgingDeadline(now, upload.sizeBytes),
      }),
      insertJob(orm, {
        id: jobId,
        kind: 'judge-upload',
        subjectId: imageId,
        operationId,
        runAfter: now + afterMs,
        requestId: context.requestId,
        createdAt: now,
      }),
      clearGuards(orm),
    ],
  };
}

/**
 * What became of joining parts. `joined`: how the rows changed. `refused`: the store's code; a part was replaced
 * meanwhile, and the upload is open again.
 */
export type JoinOutcome =
  | {
      readonly kind: 'joined';
      readonly upload: Pick<UploadRow, 'state' | 'sourceUri'>;
      readonly layer: Pick<LayerRow, 'state' | 'etag' | 'sizeBytes'>;
    }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'ended' };

/**
 * Joins the parts of a COMPLETING upload in the store, or finds that it is done already, and pins the object's ETag,
 * in one batch with `more`. Also called by the job, when the request that began it is gone.
 * Throws DATA_LOSS when the store knows neither the upload nor its object.
 */
export async function joinParts(
  context: Context,
  upload: UploadRow,
  more: readonly Statement[] = [],
): Promise<JoinOutcome> {
  const { orm } = context.db;
  const key = objectKeyOf(upload);
  const outcome = await context.store.completeMultipart(key, upload.storeUploadId ?? '', upload.parts ?? []);
  const object = await context.store.head(key);
  if (object === undefined) {
    if (outcome === 'unknown-upload') {
      throw new RegistryError(
        'DATA_LOSS',
        'The object store no longer knows this upload; create the image again',
      );
    }
    const code = typeof outcome === 'object' ? outcome.refused : outcome;
    const reopened = await unlessEnded(context, reopen(context, upload));
    return reopened ? { kind: 'refused', code } : { kind: 'ended' };
  }
  const joined = {
    kind: 'joined',
    upload: { state: next('upload', 'COMPLETING', 'finish'), sourceUri: null },
    layer: { state: 'STORED', etag: object.etag, sizeBytes: upload.sizeBytes },
  } as const;
  const finish = [
    demandRunning(orm, upload.operationId),
    updateUpload(orm, upload.imageId, joined.upload),
    updateLayer(orm, upload.layerId, joined.layer),
    ...more,
    clearGuards(orm),
  ];
  return (await unlessEnded(context, finish)) ? joined : { kind: 'ended' };
}

/** Writes a batch. out: false when the upload was ended meanwhile; its discarding takes away what the store holds. */
async function unlessEnded(context: Context, statements: readonly Statement[]): Promise<boolean> {
  try {
    await context.db.write(statements);
    return true;
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return false;
  }
}

/** Lets the parts be sent again by the caller, or be looked through again by the job that fetches them. */
function reopen(context: Context, upload: UploadRow): Statement[] {
  const { orm } = context.db;
  const fetched = upload.sourceUri !== null;
  const now = context.now();
  return [
    demandUploadState(orm, upload.imageId, 'COMPLETING'),
    updateUpload(orm, upload.imageId, { state: next('upload', 'COMPLETING', 'refuse'), parts: null }),
    deleteJobsOf(orm, ['judge-upload'], upload.imageId),
    ...(fetched ? [insertImport(context, newId(context, 'job'), upload, now + REFETCH_MS)] : []),
    changeOperation(orm, upload.operationId, now, {
      stage: fetched ? 'COPYING' : 'AWAITING_UPLOAD',
      deadlineAt: upload.expiresAt,
    }),
    clearGuards(orm),
  ];
}

function refusedParts(code: string): RegistryError {
  return invalidField(
    'parts',
    `the store refused to join them (${code}); a part was replaced meanwhile: read the upload again and complete it again`,
  );
}

/**
 * Every part, as the store has it; `claimed` is held against it when it is given. Throws INVALID_ARGUMENT naming the
 * numbers that stand in the way.
 */
export async function partsToJoin(
  context: Context,
  upload: UploadRow,
  claimed?: readonly { partNumber: number; etag: string }[],
): Promise<{ partNumber: number; etag: string }[]> {
  const plan = {
    sizeBytes: upload.sizeBytes,
    partSizeBytes: upload.partSizeBytes,
    partCount: upload.partCount,
  };
  const stored =
    upload.storeUploadId === null
      ? []
      : await context.store.listParts(objectKeyOf(upload), upload.storeUploadId);
  const fault = describeParts(judgeParts(plan, stored ?? [], claimed));
  if (fault !== undefined) throw invalidField('parts', fault);
  return (stored ?? []).map(({ partNumber, etag }) => ({ partNumber, etag }));
}

async function isOpen(context: Context, { imageId }: UploadRow): Promise<boolean> {
  const [[upload]] = await context.db.read([findUpload(context.db.orm, imageId)]);
  return upload?.state === 'OPEN';
}

async function operationOf(context: Context, upload: UploadRow): Promise<Operation> {
  const [[operation]] = await context.db.read([findOperation(context.db.orm, upload.operationId)]);
  return present(operation);
}

function present(operation: OperationRow | undefined): OperationRow {
  if (operation === undefined) throw new RegistryError('INTERNAL', 'The operation of the upload is missing');
  return operation;
}
