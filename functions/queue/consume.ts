import type { Context } from '../../registry/context.ts';
import { type Delivery, giveUpJob, type JobSubject, runJob } from '../../registry/jobs/run.ts';
import { type Bindings, type JobMessage, openContext } from '../context.ts';
import { costOf } from '../cost.ts';
import { describeError, log } from '../log.ts';

/**
 * Jobs that wait for hosts which users name. They go on beside the queue, so that a host that does not answer holds up
 * nobody else. Their messages are done with at once: one that is lost on the way is found by its row.
 */
const BESIDE: ReadonlySet<JobSubject['job']['kind']> = new Set(['deliver-webhook']);

/** Takes job messages one by one; what the row says counts, the message only points to it. */
export async function consumeJobs(
  batch: MessageBatch<JobMessage>,
  bindings: Bindings,
  execution: ExecutionContext,
): Promise<void> {
  for (const message of batch.messages) {
    // The readiness check sends a message without a job.
    if (message.body.jobId === '') {
      message.ack();
      continue;
    }
    const context = openContext(bindings, execution, message.id);
    const { promise: beside, resolve: goBeside } = Promise.withResolvers<undefined>();
    const running = runLogged(context, message, ({ job }) => {
      if (BESIDE.has(job.kind)) goBeside(undefined);
    });
    const delivery = await Promise.race([running, beside]);
    if (delivery === undefined) execution.waitUntil(running);
    if (delivery?.kind === 'retry') message.retry({ delaySeconds: delivery.afterSeconds });
    else message.ack();
  }
}

/** Runs the job of a message, and logs what became of it. A failure is never thrown. */
async function runLogged(
  context: Context,
  { body: { jobId }, attempts }: Message<JobMessage>,
  leased: (subject: JobSubject) => void,
): Promise<Delivery> {
  const began = Date.now();
  let subject: JobSubject | undefined;
  let delivery: Delivery;
  try {
    delivery = await runJob(context, jobId, (found) => {
      subject = found;
      leased(found);
    });
  } catch (error) {
    // Not even the row could be written: the queue delivers it again, and in the end as a dead letter.
    delivery = { kind: 'retry', afterSeconds: 2 ** Math.min(attempts, 6), error };
  }
  const error = 'error' in delivery ? describeError(delivery.error) : undefined;
  log(error === undefined ? 'info' : 'warn', {
    event: 'job',
    jobId,
    kind: subject?.job.kind,
    // That of the request that began it, so that one id finds all its lines.
    requestId: subject?.job.requestId ?? context.requestId,
    operationId: subject?.operationId,
    outcome: delivery.kind,
    durationMs: Date.now() - began,
    attempts: subject?.job.attempts,
    error,
    ...costOf(context),
  });
  return delivery;
}

/** Takes what the queue gave up: the operation of such a job ends with a cause. */
export async function consumeDeadLetters(
  batch: MessageBatch<JobMessage>,
  bindings: Bindings,
  execution: ExecutionContext,
): Promise<void> {
  for (const message of batch.messages) {
    const { jobId } = message.body;
    const context = openContext(bindings, execution, message.id);
    try {
      await giveUpJob(context, jobId);
      message.ack();
      log('warn', { event: 'dead letter', jobId, requestId: context.requestId });
    } catch (error) {
      message.retry({ delaySeconds: 60 });
      log('error', {
        event: 'dead letter',
        jobId,
        requestId: context.requestId,
        error: describeError(error),
      });
    }
  }
}
