import { RegistryError } from '../../core/errors.ts';
import { type EventType, MAX_WEBHOOKS_PER_FOLDER } from '../../core/webhooks.ts';
import { takeLatestAsTold } from '../../db/announced-latest.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { countWebhooks, demandFewerWebhooks, insertWebhook, type Webhook } from '../../db/webhooks.ts';
import { readInput, readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { recordOperation } from '../operations/record.ts';
import { makeWebhookSecret } from './secret.ts';
import { receiverUrl, webhookOperation } from './write.ts';

export type { Webhook } from '../../db/webhooks.ts';

export interface CreateWebhook {
  readonly folderId: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly url: string;
  /** None means all. */
  readonly events: readonly EventType[];
  readonly enabled: boolean;
}

/** A webhook with what signs its deliveries, which is shown this once. */
export interface WithSecret {
  readonly webhook: Webhook;
  readonly secret: string;
}

/**
 * Makes a webhook of a folder, which is told what happens from then on. A repetition under the same Idempotency-Key is
 * ALREADY_EXISTS, naming the webhook, because its secret was shown already.
 * Throws INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION, RESOURCE_EXHAUSTED, ALREADY_EXISTS.
 */
export async function createWebhook(context: CallerContext, input: CreateWebhook): Promise<WithSecret> {
  const { folderId } = input;
  const url = await readInput(context, () => receiverUrl(context, input.url));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: folderId }, [
      findFolder(orm, folderId),
      countWebhooks(orm, folderId),
    ]);
    const [[row], [existing]] = rows;
    const folder = requireFolder(row, access, 'compute.webhooks.create', folderId);
    if (replay !== undefined) throw shownAlready(replay.resourceId);
    demandActive(folder);
    if ((existing?.count ?? 0) >= MAX_WEBHOOKS_PER_FOLDER) throw tooMany(folderId);
    const now = context.now();
    const webhook: Webhook = {
      id: newId(context, 'webhook'),
      folderId,
      cloudId: folder.cloudId,
      name: input.name,
      description: input.description || null,
      url,
      events: [...input.events],
      enabled: input.enabled,
      createdAt: now,
      revision: 1,
    };
    const secret = makeWebhookSecret(context);
    await context.db.write([
      demandActiveFolder(orm, folderId),
      demandFewerWebhooks(orm, folderId, MAX_WEBHOOKS_PER_FOLDER),
      ...takeLatestAsTold(orm, folderId, now),
      insertWebhook(orm, { ...webhook, secret, previousSecret: null, previousSecretUntil: null }),
      ...recordOperation(context, webhookOperation(context, access, 'create', webhook)),
      clearGuards(orm),
    ]);
    return { webhook, secret };
  });
}

/** What answers a repetition of a call that shows a secret. */
export function shownAlready(id: string): RegistryError {
  const description = `The first request with this Idempotency-Key gave webhook ${id} its secret, which was shown then and is not shown again; rotate it with a new Idempotency-Key if it is lost`;
  return new RegistryError('ALREADY_EXISTS', description, [
    { kind: 'resource', resourceType: 'compute.webhook', resourceName: id, description },
  ]);
}

function tooMany(folderId: string): RegistryError {
  return new RegistryError(
    'RESOURCE_EXHAUSTED',
    `Folder "${folderId}" has ${MAX_WEBHOOKS_PER_FOLDER} webhooks, and can have no more; delete one, or have one told of more events`,
  );
}
