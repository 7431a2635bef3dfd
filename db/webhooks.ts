import { and, asc, desc, eq, getTableColumns, gt, inArray, lt, or, type SQL, sql } from 'drizzle-orm';
import {
  type WebhookDeliveryRow,
  type WebhookRow,
  webhookDeliveries,
  webhooks,
} from '../schema/tables/records.ts';
import { jobs } from '../schema/tables/work.ts';
import type { Orm, Statement } from './client.ts';
import { demandOne } from './guards.ts';

/** What signs the deliveries of a webhook. Times in epoch milliseconds. */
export type Secrets = Pick<WebhookRow, 'secret' | 'previousSecret' | 'previousSecretUntil'>;

/** A webhook as it may be shown: what signs its deliveries is read only to sign. */
export type Webhook = Omit<WebhookRow, keyof Secrets>;

const { secret, previousSecret, previousSecretUntil, ...SHOWN } = getTableColumns(webhooks);
const SECRETS = { secret, previousSecret, previousSecretUntil };

export function findWebhook(orm: Orm, id: string) {
  return orm.select(SHOWN).from(webhooks).where(eq(webhooks.id, id));
}

/** The webhooks of a folder, sorted by id. */
export function listWebhooks(orm: Orm, folderId: string, limit: number, after: string | undefined) {
  return orm
    .select(SHOWN)
    .from(webhooks)
    .where(and(eq(webhooks.folderId, folderId), after === undefined ? undefined : gt(webhooks.id, after)))
    .orderBy(asc(webhooks.id))
    .limit(limit);
}

/** How many webhooks a folder has. */
export function countWebhooks(orm: Orm, folderId: string) {
  return orm.select({ count: sql<number>`count(*)` }).from(webhooks).where(eq(webhooks.folderId, folderId));
}

/** Demands that a folder has less than `limit` webhooks. */
export function demandFewerWebhooks(orm: Orm, folderId: string, limit: number): Statement {
  return demandOne(orm, sql`SELECT count(*) < ${limit} FROM webhooks WHERE folder_id = ${folderId}`);
}

export function insertWebhook(orm: Orm, row: WebhookRow): Statement {
  return orm.insert(webhooks).values(row);
}

/** Demands that a webhook is as it was read. */
export function demandWebhook(orm: Orm, { id, revision }: Pick<Webhook, 'id' | 'revision'>): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM webhooks WHERE id = ${id} AND revision = ${revision}`);
}

/** Changes columns, and counts the change. */
export function changeWebhook(orm: Orm, id: string, change: Partial<WebhookRow>): Statement {
  return orm
    .update(webhooks)
    .set({ ...change, revision: sql`revision + 1` })
    .where(eq(webhooks.id, id));
}

/** Has a webhook told nothing any more, unless it leads elsewhere than it did. */
export function disableWebhook(orm: Orm, { id, url }: Pick<Webhook, 'id' | 'url'>): Statement {
  return orm
    .update(webhooks)
    .set({ enabled: false, revision: sql`revision + 1` })
    .where(and(eq(webhooks.id, id), eq(webhooks.url, url)));
}

/** Gives a webhook a new secret; the one that it has signs as well until `previousUntil`. */
export function rotateSecret(orm: Orm, id: string, next: string, previousUntil: number): Statement {
  return orm
    .update(webhooks)
    .set({
      previousSecret: sql`secret`,
      previousSecretUntil: previousUntil,
      secret: next,
      revision: sql`revision + 1`,
    })
    .where(eq(webhooks.id, id));
}

/** Takes webhooks away with their deliveries and the jobs of those. */
function removeWebhooks(orm: Orm, those: SQL): Statement[] {
  const pending = orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(sql`webhook_id IN (SELECT webhooks.id FROM webhooks WHERE ${those}) AND status = 'PENDING'`);
  return [orm.delete(jobs).where(inArray(jobs.id, pending)), orm.delete(webhooks).where(those)];
}

export function removeWebhook(orm: Orm, id: string): Statement[] {
  return removeWebhooks(orm, eq(webhooks.id, id));
}

export function removeWebhooksOf(orm: Orm, folderId: string): Statement[] {
  return removeWebhooks(orm, eq(webhooks.folderId, folderId));
}

/** An event, as webhooks are told of it. */
export interface WebhookEvent {
  readonly eventId: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Events of a folder, for those of its webhooks that want their types. */
export interface FolderEvents {
  readonly folderId: string;
  readonly events: readonly WebhookEvent[];
  readonly at: number;
  /** Ids for the deliveries: for each event as many as a folder may have webhooks. */
  readonly deliveryIds: readonly string[];
  /** JSON that only the database knows: members of all payloads; null ones are left out. */
  readonly patch?: SQL | undefined;
  /** What must hold besides, if anything. */
  readonly condition?: SQL | undefined;
}

/** One delivery of each event for each webhook that wants it; none, and hardly a row read, where nobody listens. */
export function insertDeliveries(orm: Orm, told: FolderEvents): Statement {
  const { folderId, events, at, deliveryIds, patch, condition } = told;
  const most = deliveryIds.length / events.length;
  const place = sql`'$[' || (event.key * ${sql.raw(String(most))} + listener.place - 1) || ']'`;
  const payload = sql`json_extract(event.value, '$.payload')`;
  return orm.insert(webhookDeliveries).select(
    sql`SELECT json_extract(${JSON.stringify(deliveryIds)}, ${place}), listener.id,
        json_extract(event.value, '$.eventId'), json_extract(event.value, '$.type'),
        ${patch === undefined ? payload : sql`json_patch(${payload}, ${patch})`},
        'PENDING', ${at}, 0, NULL, NULL, NULL
      FROM (SELECT id, events, row_number() OVER (ORDER BY id) AS place FROM webhooks
          WHERE folder_id = ${folderId} AND enabled = 1 ORDER BY id LIMIT ${most}) AS listener
        CROSS JOIN json_each(${JSON.stringify(events)}) AS event
      WHERE (listener.events = '[]' OR EXISTS (
          SELECT 1 FROM json_each(listener.events) WHERE value = json_extract(event.value, '$.type')))
        ${condition === undefined ? sql`` : sql`AND ${condition}`}`,
  );
}

/** When an image was promoted last, as its event tells it: the batch of the promotion settles that. */
export function promotionPatch(imageId: string): SQL {
  return sql`json_object('data', json_object('image', json_object('promotedAt',
    (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', promoted_at / 1000.0, 'unixepoch') FROM images WHERE id = ${imageId}))))`;
}

/** The delivery of one event for one webhook, whether or not it wants the type. */
export function insertDelivery(orm: Orm, row: WebhookDeliveryRow): Statement {
  return orm.insert(webhookDeliveries).values(row);
}

/** The jobs of those of these deliveries that the batch has made; they come back as `deliveryJob`. */
export function insertDeliveryJobs(
  orm: Orm,
  deliveryIds: readonly string[],
  { at, requestId }: { readonly at: number; readonly requestId: string },
) {
  return orm
    .insert(jobs)
    .select(
      sql`SELECT id, 'deliver-webhook', id, NULL, 'READY', NULL, ${at}, NULL, NULL, 0, NULL, ${requestId}, ${at}
        FROM webhook_deliveries
        WHERE id IN (SELECT value FROM json_each(${JSON.stringify(deliveryIds)})) AND status = 'PENDING'`,
    )
    .returning({ deliveryJob: jobs.id });
}

export function findDelivery(orm: Orm, id: string) {
  return orm.select().from(webhookDeliveries).where(eq(webhookDeliveries.id, id));
}

/** Demands that a delivery is still on record. */
export function demandDelivery(orm: Orm, id: string): Statement {
  return demandOne(orm, sql`SELECT count(*) FROM webhook_deliveries WHERE id = ${id}`);
}

/** Where a delivery goes, and what signs it. */
export function findReceiver(orm: Orm, deliveryId: string) {
  return orm
    .select({ ...SHOWN, ...SECRETS })
    .from(webhooks)
    .where(sql`id = (SELECT webhook_id FROM webhook_deliveries WHERE webhook_deliveries.id = ${deliveryId})`);
}

/** A page of the deliveries of a webhook, newest first, behind `after`. */
export function listDeliveries(
  orm: Orm,
  webhookId: string,
  limit: number,
  after: { readonly createdAt: number; readonly id: string } | undefined,
) {
  const { createdAt, id } = webhookDeliveries;
  return orm
    .select()
    .from(webhookDeliveries)
    .where(
      and(
        eq(webhookDeliveries.webhookId, webhookId),
        after === undefined
          ? undefined
          : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), lt(id, after.id))),
      ),
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(limit);
}

/** Notes what became of an attempt, unless the delivery has ended or is gone. */
export function noteAttempt(
  orm: Orm,
  id: string,
  change: Pick<WebhookDeliveryRow, 'status' | 'attempts' | 'lastAttemptAt' | 'lastStatus' | 'lastError'>,
): Statement {
  return orm
    .update(webhookDeliveries)
    .set(change)
    .where(and(eq(webhookDeliveries.id, id), eq(webhookDeliveries.status, 'PENDING')));
}

/** Has a delivery made anew, now, by another worker if one has it: its attempts are counted from the beginning. */
export function deliverAgain(orm: Orm, id: string, requestId: string, now: number): Statement[] {
  return [
    orm.update(webhookDeliveries).set({ status: 'PENDING', attempts: 0 }).where(eq(webhookDeliveries.id, id)),
    orm
      .insert(jobs)
      .values({
        id,
        kind: 'deliver-webhook',
        subjectId: id,
        state: 'READY',
        runAfter: now,
        attempts: 0,
        requestId,
        createdAt: now,
      })
      .onConflictDoUpdate({
        target: jobs.id,
        set: { state: 'READY', leaseId: null, leaseUntil: null, runAfter: now, attempts: 0 },
      }),
  ];
}
