import { invalidField } from '../../core/errors.ts';
import type { Webhook } from '../../db/webhooks.ts';
import type { Access } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { EMPTY, finishedOperation, type Operation } from '../operations/record.ts';

/** The operation of a verb on a webhook, which is done at once; it answers with the webhook unless that is deleted. */
export function webhookOperation(
  context: CallerContext,
  access: Access,
  verb: 'create' | 'update' | 'rotateSecret' | 'delete',
  webhook: Webhook,
): Operation {
  const { id, folderId, cloudId } = webhook;
  return finishedOperation(context, access, {
    kind: `webhooks.${verb}`,
    resource: { kind: 'webhook', id, folderId, cloudId },
    metadata: { webhookId: id },
    response: verb === 'delete' ? EMPTY : { type: 'webhook', value: { ...webhook } },
  });
}

/** The URL as it is kept. Throws INVALID_ARGUMENT for one that nothing may be sent to. */
export function receiverUrl({ outbound }: CallerContext, text: string): string {
  const { url, fault } = outbound.judgeReceiver(text);
  if (url !== undefined) return url.href;
  throw invalidField(
    'url',
    `${fault}; http is for the origins that an operator names in BULLION_TRUSTED_ORIGINS`,
  );
}
