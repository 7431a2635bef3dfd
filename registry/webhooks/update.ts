import { parseMask } from '../../core/field-mask.ts';
import type { EventType } from '../../core/webhooks.ts';
import { clearGuards } from '../../db/guards.ts';
import {
  changeWebhook,
  demandWebhook,
  findWebhook,
  removeWebhook,
  rotateSecret,
  type Webhook,
} from '../../db/webhooks.ts';
import { readInput, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent, revisionEtag } from '../etag.ts';
import { type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { shownAlready, type WithSecret } from './create.ts';
import { makeWebhookSecret, OVERLAP_MS } from './secret.ts';
import { receiverUrl, webhookOperation } from './write.ts';

const UPDATABLE = ['name', 'description', 'url', 'events', 'enabled'] as const;

export interface UpdateWebhook {
  readonly updateMask?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly url?: string | undefined;
  readonly events?: readonly EventType[] | undefined;
  readonly enabled?: boolean | undefined;
}

/**
 * Changes what the mask names, or all without one; name and URL have no default, and stay when they are not given.
 * What is still to be delivered goes to the new URL.
 * Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE.
 */
export async function updateWebhook(
  context: CallerContext,
  id: string,
  input: UpdateWebhook,
  ifMatch: string | undefined,
): Promise<Operation> {
  const resource = { kind: 'webhook', id } as const;
  const { mask, url } = await readInput(context, () => ({
    mask: parseMask(input.updateMask, UPDATABLE),
    url: input.url === undefined ? undefined : receiverUrl(context, input.url),
  }));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [findWebhook(orm, id)]);
    const before = requireResource(rows[0][0], access, resource, 'compute.webhooks.update');
    if (replay !== undefined) return replay;
    demandCurrent(id, revisionEtag(before), ifMatch);
    const change = {
      ...(mask.has('name') && { name: input.name || before.name }),
      ...(mask.has('description') && { description: input.description || null }),
      ...(mask.has('url') && { url: url ?? before.url }),
      ...(mask.has('events') && { events: [...(input.events ?? [])] }),
      ...(mask.has('enabled') && { enabled: input.enabled ?? true }),
    };
    const after: Webhook = { ...before, ...change, revision: before.revision + 1 };
    const operation = webhookOperation(context, access, 'update', after);
    await context.db.write([
      demandWebhook(orm, before),
      changeWebhook(orm, id, change),
      ...recordOperation(context, operation, { before, after }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Gives a webhook a new secret; the one before signs as well for a day, so that the receiver can change over.
 * Throws NOT_FOUND, PERMISSION_DENIED, STALE, and ALREADY_EXISTS for a repetition under one Idempotency-Key.
 */
export function rotateWebhookSecret(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<WithSecret> {
  const resource = { kind: 'webhook', id } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [findWebhook(orm, id)]);
    const before = requireResource(rows[0][0], access, resource, 'compute.webhooks.update');
    if (replay !== undefined) throw shownAlready(id);
    demandCurrent(id, revisionEtag(before), ifMatch);
    const secret = makeWebhookSecret(context);
    const webhook: Webhook = { ...before, revision: before.revision + 1 };
    await context.db.write([
      demandWebhook(orm, before),
      rotateSecret(orm, id, secret, context.now() + OVERLAP_MS),
      ...recordOperation(context, webhookOperation(context, access, 'rotateSecret', webhook), {
        before,
        after: webhook,
      }),
      clearGuards(orm),
    ]);
    return { webhook, secret };
  });
}

/** Deletes a webhook with the record of its deliveries; nothing is sent to it any more. Throws NOT_FOUND, PERMISSION_DENIED, STALE. */
export function deleteWebhook(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  const resource = { kind: 'webhook', id } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [findWebhook(orm, id)]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return replay;
    const webhook = requireResource(rows[0][0], access, resource, 'compute.webhooks.delete');
    demandCurrent(id, revisionEtag(webhook), ifMatch);
    const operation = webhookOperation(context, access, 'delete', webhook);
    await context.db.write([
      demandWebhook(orm, webhook),
      ...removeWebhook(orm, id),
      ...recordOperation(context, operation, { before: webhook }),
      clearGuards(orm),
    ]);
    return operation;
  });
}
