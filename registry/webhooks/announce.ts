import { formatTimestamp } from '../../core/timestamps.ts';
import type { EventType } from '../../core/webhooks.ts';
import { MAX_WEBHOOKS_PER_FOLDER } from '../../core/webhooks.ts';
import { insertLatestDeliveries, noteLatestTold } from '../../db/announced-latest.ts';
import type { Statement } from '../../db/client.ts';
import { insertDeliveries, insertDeliveryJobs } from '../../db/webhooks.ts';
import { type Context, newId } from '../context.ts';

/** Something that happened in a folder. */
export interface Announcement {
  readonly type: EventType;
  readonly folderId: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** The operation that it belongs to, if any. */
  readonly operationId?: string | undefined;
}

/**
 * The statements that tell a folder's webhooks of an event: a delivery for each that wants it, and its job. They belong
 * into the batch of what happened, so that nothing is told that was undone and nothing is forgotten; where nobody
 * listens they write nothing. What is told is fixed here. See `writeAndTell`.
 */
export function announce(context: Context, event: Announcement): Statement[] {
  const { orm } = context.db;
  const prepared = prepare(context, event);
  return [
    insertDeliveries(orm, prepared),
    insertDeliveryJobs(orm, prepared.deliveryIds, { at: prepared.at, requestId: context.requestId }),
  ];
}

/**
 * The statements that tell which image is the latest of a family, if that is another one than was told last. They
 * stand behind every change that can move the latest, in its batch. Without a family there is nothing to tell.
 */
export function announceLatest(
  context: Context,
  { folderId, family }: { readonly folderId: string; readonly family: string },
  operationId?: string,
): Statement[] {
  if (family === '') return [];
  const { orm } = context.db;
  const name = { folderId, family };
  const prepared = prepare(context, { type: 'family.latest-changed', folderId, data: name, operationId });
  return [
    insertLatestDeliveries(orm, name, prepared),
    insertDeliveryJobs(orm, prepared.deliveryIds, { at: prepared.at, requestId: context.requestId }),
    noteLatestTold(orm, name, prepared.at),
  ];
}

function prepare(context: Context, { type, folderId, data, operationId }: Announcement) {
  const at = context.now();
  return {
    eventId: newId(context, 'event'),
    deliveryIds: Array.from({ length: MAX_WEBHOOKS_PER_FOLDER }, () => newId(context, 'delivery')),
    folderId,
    type,
    at,
    payload: JSON.stringify(payloadOf(context, { type, folderId, data, operationId }, at)),
  };
}

/** What is sent; members without a value are left out. in: when it happened, in epoch milliseconds. */
export function payloadOf(
  { requestId }: Context,
  { type, folderId, data, operationId }: Omit<Announcement, 'type'> & { readonly type: string },
  at: number,
): Record<string, unknown> {
  return {
    type,
    timestamp: formatTimestamp(at, 3),
    data,
    folderId,
    ...(operationId !== undefined && { operationId }),
    requestId,
  };
}

/** Writes a batch that announces something, then sends the messages of the deliveries that came of it. */
export async function writeAndTell(context: Context, statements: readonly Statement[]): Promise<void> {
  await tell(context, await context.db.write(statements));
}

/** Sends the messages of the deliveries that a batch has made. in: what the batch answered. */
export async function tell(context: Context, answers: readonly unknown[]): Promise<void> {
  for (const rows of answers) {
    if (!Array.isArray(rows)) continue;
    for (const { deliveryJob } of rows as { deliveryJob?: string }[]) {
      if (deliveryJob !== undefined) await context.jobs.send(deliveryJob);
    }
  }
}
