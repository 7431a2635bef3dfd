import { formatTimestamp } from '../../core/timestamps.ts';
import { type EventType, MAX_WEBHOOKS_PER_FOLDER } from '../../core/webhooks.ts';
import { insertLatestDeliveries, noteLatestTold } from '../../db/announced-latest.ts';
import type { Statement } from '../../db/client.ts';
import { type FolderEvents, insertDeliveries, insertDeliveryJobs } from '../../db/webhooks.ts';
import { type Context, newId } from '../context.ts';

/** Something that happened in a folder. */
export interface Announcement {
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
  /** The operation that it belongs to, if any. */
  readonly operationId?: string | undefined;
}

/**
 * The statements that tell a folder's webhooks of events: a delivery for each that wants one, and its job. They belong
 * into the batch of what happened, so that nothing is told that was undone and nothing is forgotten; where nobody
 * listens they write nothing. What is told is fixed here. See `writeAndTell`.
 * in: `patch` is JSON of members that only the database knows.
 */
export function announce(
  context: Context,
  folderId: string,
  events: readonly Announcement[],
  patch?: FolderEvents['patch'],
): Statement[] {
  const told = prepare(context, folderId, events);
  return [insertDeliveries(context.db.orm, { ...told, patch }), jobsOf(context, told)];
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
  const told = prepare(context, folderId, [{ type: 'family.latest-changed', data: name, operationId }]);
  return [insertLatestDeliveries(orm, name, told), jobsOf(context, told), noteLatestTold(orm, name, told.at)];
}

function prepare(context: Context, folderId: string, events: readonly Announcement[]): FolderEvents {
  const at = context.now();
  return {
    folderId,
    at,
    events: events.map(({ type, data, operationId }) => ({
      eventId: newId(context, 'event'),
      type,
      payload: payloadOf(context, { type, folderId, data, operationId }, at),
    })),
    deliveryIds: Array.from({ length: events.length * MAX_WEBHOOKS_PER_FOLDER }, () =>
      newId(context, 'delivery'),
    ),
  };
}

function jobsOf({ db, requestId }: Context, { deliveryIds, at }: FolderEvents): Statement {
  return insertDeliveryJobs(db.orm, deliveryIds, { at, requestId });
}

/** What is sent; members without a value are left out. in: when it happened, in epoch milliseconds. */
export function payloadOf(
  { requestId }: Context,
  {
    type,
    folderId,
    data,
    operationId,
  }: Omit<Announcement, 'type'> & { readonly type: string; readonly folderId: string },
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

/** What more comes of one batch is sent by the scheduled function. */
const MAX_MESSAGES = 20;

/** Sends the messages of the deliveries that a batch has made. in: what the batch answered. */
export async function tell(context: Context, answers: readonly unknown[]): Promise<void> {
  const made = answers.flatMap((rows) => (Array.isArray(rows) ? (rows as { deliveryJob?: string }[]) : []));
  const ids = made.flatMap(({ deliveryJob }) => deliveryJob ?? []);
  for (const id of ids.slice(0, MAX_MESSAGES)) await context.jobs.send(id);
}
