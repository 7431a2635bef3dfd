/** How deliveries are signed: the symmetric scheme of the Standard Webhooks specification. */
import type { Secrets } from '../../db/webhooks.ts';
import type { Context } from '../context.ts';

const MARK = 'whsec_';
/** The specification allows 24 to 64. */
const SECRET_BYTES = 32;

/** How long the secret before a rotation signs as well. */
export const OVERLAP_MS = 24 * 60 * 60 * 1000;

/** A new secret as its receiver has it. */
export function makeWebhookSecret(context: Context): string {
  return MARK + base64(context.randomBytes(SECRET_BYTES));
}

/**
 * The headers that prove a message: its id, when it is sent, and a signature for each secret that is in force.
 * in: `body` as it is sent, `now` in epoch milliseconds.
 */
export async function signedHeaders(
  { secret, previousSecret, previousSecretUntil }: Secrets,
  message: { readonly id: string; readonly body: string },
  now: number,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000));
  const secrets = [secret];
  if (previousSecret !== null && (previousSecretUntil ?? 0) > now) secrets.push(previousSecret);
  const content = new TextEncoder().encode(`${message.id}.${timestamp}.${message.body}`);
  const signatures = await Promise.all(secrets.map((one) => sign(one, content)));
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
  };
}

async function sign(secret: string, content: Uint8Array): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.slice(MARK.length)), (character) => character.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return base64(new Uint8Array(await crypto.subtle.sign('HMAC', key, content)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
