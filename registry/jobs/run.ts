import { retryDelaySeconds } from '../../core/retries.ts';
import { WriteConflict } from '../../db/client.ts';
import { buryJob, endJob, findJob, leaseJob, releaseJob } from '../../db/jobs.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { type Context, newId } from '../context.ts';
import { giveUpCopy } from '../disks/end.ts';
import { emptyFolder } from '../identity/empty-folder.ts';
import { copyLayer } from '../layers/copy.ts';
import { deleteLayerObject } from '../layers/delete.ts';
import { digestLayer } from '../layers/digest.ts';
import { discardCopy } from '../layers/discard-copy.ts';
import { discardUpload } from '../uploads/discard.ts';
import { giveUpUpload } from '../uploads/give-up.ts';
import { giveUpImport, importImage } from '../uploads/import.ts';
import { judgeUpload } from '../uploads/judge.ts';
import { deliverWebhook } from '../webhooks/deliver.ts';
import type { JobOutcome } from './outcome.ts';

/** What a job is about, for the log. */
export interface JobSubject {
  readonly job: Pick<JobRow, 'kind' | 'requestId' | 'attempts'>;
  /** The operation that it works for; none for clean-up. */
  readonly operationId: string | undefined;
}

/** What became of one delivery of a job. */
export type Delivery =
  | { readonly kind: 'done' }
  /** Not due, held by another worker, or finished before: nothing to do. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'again' }
  /** A part did not answer; to be delivered again after this time. */
  | { readonly kind: 'retry'; readonly afterSeconds: number; readonly error: unknown }
  | { readonly kind: 'given-up'; readonly error: unknown };

/**
 * Longer than any run takes, the one that waits for a copy of 5 GiB included. Two workers on one job would do no harm,
 * only the work twice; a job whose worker died waits this long for another one.
 */
const LEASE_MS = 5 * 60_000;

/** What a job of each kind does, and how one is given up; one without that is tried for ever. */
interface JobKind {
  perform(context: Context, job: JobRow): Promise<JobOutcome>;
  /** Ends what waits for the job because of `cause`, in a batch that also takes the job's row away. */
  giveUp?(context: Context, job: JobRow, cause: unknown): Promise<void>;
}

const KINDS: Readonly<Partial<Record<JobRow['kind'], JobKind>>> = {
  'judge-upload': { perform: judgeUpload, giveUp: giveUpUpload },
  'discard-upload': { perform: discardUpload },
  'import-image': { perform: importImage, giveUp: giveUpImport },
  'copy-layer': { perform: copyLayer, giveUp: giveUpCopy },
  'discard-copy': { perform: discardCopy },
  'delete-layer': { perform: deleteLayerObject },
  'empty-folder': { perform: emptyFolder },
  'digest-layer': { perform: digestLayer },
  'deliver-webhook': { perform: deliverWebhook },
};

/** What is due later than this is sent by the scheduled function. */
const MAX_MESSAGE_DELAY_SECONDS = 60;

/**
 * Runs a job if it is due and nobody has it. `leased` gets what it is about before it begins. Repeated, late and reordered deliveries are all the same: the lease
 * lets one worker in, and every job is safe to run again. A verdict is final; an outage is tried again with
 * back-off, up to the attempts of the settings where something waits for the job, for ever for clean-up.
 */
export async function runJob(
  context: Context,
  jobId: string,
  leased: (subject: JobSubject) => void,
): Promise<Delivery> {
  const { orm } = context.db;
  const leaseId = newId(context, 'job');
  const [[job]] = await context.db.write([leaseJob(orm, jobId, leaseId, context.now(), LEASE_MS)]);
  if (job === undefined) return { kind: 'idle' };
  leased({ job, operationId: job.operationId ?? undefined });
  const { perform, giveUp } = kindOf(job);
  const mayGiveUp = (attempts: number) => giveUp !== undefined && job.attempts >= attempts;
  if (mayGiveUp(context.settings.BULLION_JOB_ATTEMPTS + 1)) {
    const error = new Error(job.lastError ?? 'its workers ended before they could say why');
    await giveUpJobRow(context, job, error);
    return { kind: 'given-up', error };
  }
  try {
    // What the job begins belongs to the request that began the job.
    const requestId = job.requestId ?? context.requestId;
    const outcome = await perform({ ...context, requestId }, job);
    if (outcome === 'ended') return { kind: 'done' };
    if (outcome === 'done') {
      await context.db.write([endJob(orm, jobId, leaseId)]);
      return { kind: 'done' };
    }
    const { again: cursor, afterSeconds = 0 } = outcome;
    await context.db.write([
      releaseJob(orm, jobId, leaseId, {
        runAfter: context.now() + afterSeconds * 1000,
        lastError: null,
        cursor,
        progressed: true,
      }),
    ]);
    if (afterSeconds < MAX_MESSAGE_DELAY_SECONDS) await context.jobs.send(jobId, afterSeconds);
    return { kind: 'again' };
  } catch (error) {
    // The end that came first counts; the job's own end was undone.
    if (error instanceof WriteConflict) {
      await context.db.write([releaseJob(orm, jobId, leaseId, { runAfter: context.now(), lastError: null })]);
      await context.jobs.send(jobId);
      return { kind: 'again' };
    }
    if (mayGiveUp(context.settings.BULLION_JOB_ATTEMPTS)) {
      await giveUpJobRow(context, job, error);
      return { kind: 'given-up', error };
    }
    const afterSeconds = retryDelaySeconds(job.attempts);
    await context.db.write([
      releaseJob(orm, jobId, leaseId, {
        runAfter: context.now() + afterSeconds * 1000,
        lastError: describe(error),
      }),
    ]);
    return { kind: 'retry', afterSeconds, error };
  }
}

/** What a dead letter means: the queue has given the job up, so its operation ends with a cause. */
export async function giveUpJob(context: Context, jobId: string): Promise<void> {
  const [[job]] = await context.db.read([findJob(context.db.orm, jobId)]);
  if (job === undefined || kindOf(job).giveUp === undefined) return;
  await giveUpJobRow(context, job, new Error(job.lastError ?? 'the queue gave it up'));
}

/** Throws for a row of a newer version: it stays, and is tried again by the version that knows it. */
function kindOf({ kind }: JobRow): JobKind {
  const known = KINDS[kind];
  if (known === undefined) throw new Error(`there is no job of the kind ${kind}`);
  return known;
}

/** Ends what waits for a job; when nothing does any more, the row is kept for the operator. */
async function giveUpJobRow(context: Context, job: JobRow, cause: unknown): Promise<void> {
  const { orm } = context.db;
  await kindOf(job).giveUp?.(context, job, cause);
  const [[left]] = await context.db.read([findJob(orm, job.id)]);
  if (left !== undefined) await context.db.write([buryJob(orm, job.id, describe(cause))]);
}

function describe(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 500);
}
