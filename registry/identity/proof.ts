import {
  type CallerRow,
  type Credential,
  type FederatedCaller,
  touchAccount,
  touchKey,
} from '../../db/callers.ts';
import type { Statement } from '../../db/client.ts';
import type { CallerContext } from '../context.ts';
import { askIssuer, seekKeys } from './issuer-keys.ts';
import { expiryOfToken, verifyToken } from './jwt.ts';

const HOUR_MS = 3_600_000;
const LAST_USE_MS = HOUR_MS;
/** An issuer's keys are read again in passing when they are older than the first, and not used beyond the second. */
const FRESH_KEYS_MS = HOUR_MS;
const USABLE_KEYS_MS = 24 * HOUR_MS;

/** `look-again`: the row holds other keys by now. */
export type Proof = 'genuine' | 'forged' | 'look-again';

/** Whether a credential is the one that the row was found by, and is valid now; its use is noted if it is. */
export async function prove(
  context: CallerContext,
  credential: Credential,
  caller: CallerRow,
): Promise<Proof> {
  const proof = await judge(context, credential, caller);
  if (proof === 'genuine') noteUse(context, caller);
  return proof;
}

async function judge(context: CallerContext, credential: Credential, caller: CallerRow): Promise<Proof> {
  if (credential.kind === 'oidc') {
    return caller.kind === 'oidc' ? await proveToken(context, credential.token, caller) : 'forged';
  }
  if (caller.kind === 'oidc' || !equalHashes(caller.secretHash, credential.secretHash)) return 'forged';
  if (caller.expiresAt !== null && caller.expiresAt <= context.now()) return 'forged';
  return 'genuine';
}

async function proveToken(context: CallerContext, token: string, caller: FederatedCaller): Promise<Proof> {
  const now = context.now();
  const ageMs = now - (caller.jwksReadAt ?? 0);
  const keys = ageMs < USABLE_KEYS_MS ? (caller.jwks?.keys ?? []) : [];
  const verdict = await verifyToken(token, keys, now);
  if (verdict === 'unknown-key') return (await seekKeys(context, caller)) ? 'look-again' : 'forged';
  if (verdict === 'genuine' && ageMs >= FRESH_KEYS_MS) context.afterwards(askIssuer(context, caller));
  return verdict;
}

/** The use of an account and of its key is noted once an hour, so that reading does not write. */
function noteUse(context: CallerContext, caller: CallerRow): void {
  const { orm } = context.db;
  const now = context.now();
  const notes: Statement[] = [];
  if (isStale(caller.lastAuthenticatedAt, now)) notes.push(touchAccount(orm, caller.serviceAccountId, now));
  if (caller.kind === 'api-key' && isStale(caller.lastUsedAt, now)) {
    notes.push(touchKey(orm, caller.keyId, now));
  }
  if (notes.length > 0) context.afterwards(context.db.write(notes));
}

/** Whether a use at `now` is worth noting after the one that was noted last. */
export function isStale(lastUsedAt: number | null, now: number): boolean {
  return lastUsedAt === null || lastUsedAt < now - LAST_USE_MS;
}

/** From when on a genuine credential is taken no more, in epoch milliseconds; null for one that does not expire. */
export function expiryOf(credential: Credential, caller: CallerRow): number | null {
  if (caller.kind !== 'oidc') return caller.expiresAt;
  return credential.kind === 'oidc' ? expiryOfToken(credential.token) : null;
}

/** Compares in time that does not depend on where two texts of one length differ. */
export function equalHashes(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
