import { pauseAfter } from '../../core/webhooks.ts';
import type { Statement } from '../../db/client.ts';
import { disableWebhook, findDelivery, findReceiver, noteAttempt } from '../../db/webhooks.ts';
import { FetchFailed } from '../../outbound/outbound.ts';
import type { WebhookDeliveryRow } from '../../schema/tables/records.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { audited, auditRow, REGISTRY } from '../audit/record.ts';
import type { Context } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { signedHeaders } from './secret.ts';

type Receiver = Awaited<ReturnType<typeof findReceiver>>[number];

const TIMEOUT_MS = 10_000;
const GONE = 410;

/** What came of one attempt. */
interface Attempt {
  readonly status: number | null;
  /** None when it succeeded. */
  readonly error: string | null;
}

/**
 * One attempt to make a delivery. What was not answered with a 2xx is tried again after a pause, until the attempts
 * are used up; a receiver that answers 410 is told nothing any more.
 */
export async function deliverWebhook(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[delivery], [receiver]] = await context.db.read([
    findDelivery(orm, job.subjectId),
    findReceiver(orm, job.subjectId),
  ]);
  if (delivery?.status !== 'PENDING' || receiver === undefined) return 'done';
  if (!receiver.enabled) {
    const { attempts, lastAttemptAt, lastStatus } = delivery;
    const lastError = 'the webhook is disabled; enable it and have this delivered again';
    const change = { status: 'FAILED', attempts, lastAttemptAt, lastStatus, lastError } as const;
    await context.db.write([noteAttempt(orm, delivery.id, change)]);
    return 'done';
  }
  const began = context.now();
  const body = JSON.stringify(delivery.payload);
  const headers = await signedHeaders(receiver, { id: delivery.eventId, body }, began);
  const { status, error } = await send(context, receiver.url, body, headers);
  const attempts = delivery.attempts + 1;
  const pause = error === null || status === GONE ? undefined : pauseAfter(attempts, chance(context));
  const ended: WebhookDeliveryRow['status'] =
    error === null ? 'DELIVERED' : pause === undefined ? 'FAILED' : 'PENDING';
  await context.db.write([
    noteAttempt(orm, delivery.id, {
      status: ended,
      attempts,
      lastAttemptAt: began,
      lastStatus: status,
      lastError: error,
    }),
    ...(status === GONE ? disable(context, receiver) : []),
  ]);
  return pause === undefined ? 'done' : { again: {}, afterSeconds: pause };
}

async function send(
  context: Context,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Attempt> {
  try {
    const status = await context.outbound.post(url, {
      headers: { ...headers, 'Content-Type': 'application/json' },
      body,
      timeoutMs: TIMEOUT_MS,
    });
    if (status >= 200 && status < 300) return { status, error: null };
    const redirect = status >= 300 && status < 400 ? '; redirects are not followed: change the url' : '';
    return { status, error: `the receiver answered ${status}${redirect}` };
  } catch (error) {
    if (!(error instanceof FetchFailed)) throw error;
    return { status: null, error: error.message };
  }
}

/** A receiver that is gone for good is told nothing any more, unless the webhook leads elsewhere by now. */
function disable(context: Context, receiver: Receiver): Statement[] {
  return [
    disableWebhook(context.db.orm, receiver),
    auditRow(context, {
      actorId: REGISTRY,
      action: 'webhooks.update',
      resource: audited('webhook', receiver),
      before: { enabled: true },
      after: { enabled: false },
    }),
  ];
}

function chance(context: Context): number {
  return context.randomBytes(1)[0]! / 255;
}
