import type { FederatedCaller } from '../../db/callers.ts';
import { findKeyLease, keepKeys, leaseKeys, releaseKeys } from '../../db/federations.ts';
import { FetchFailed, readAtMost } from '../../outbound/outbound.ts';
import type { Context } from '../context.ts';
import { readKeys } from './jwt.ts';

const ASK_AGAIN_MS = 60_000;
const MAX_SET_BYTES = 256 * 1024;
/** For the answer to begin, and again for its body. */
const TIMEOUT_MS = 5_000;
const LEASE_MS = 2 * TIMEOUT_MS + 2_000;
const FIRST_PAUSE_MS = 50;

type Federation = Pick<FederatedCaller, 'federationId' | 'jwksUrl' | 'jwksReadAt' | 'jwksAskedAt'>;

/**
 * Asks an issuer for its keys and keeps them, unless it was asked less than a minute ago, by whomever.
 * out: whether it answered with keys; undefined when it was not asked.
 */
export async function askIssuer(context: Context, federation: Federation): Promise<boolean | undefined> {
  const { federationId, jwksUrl, jwksAskedAt } = federation;
  const { orm } = context.db;
  const askedAt = context.now();
  const dueBefore = askedAt - ASK_AGAIN_MS;
  if (jwksAskedAt !== null && jwksAskedAt > dueBefore) return undefined;
  const asked = { id: federationId, jwksUrl, askedAt };
  const [leased] = await context.db.write([leaseKeys(orm, asked, dueBefore, askedAt + LEASE_MS)]);
  if (leased.length === 0) return undefined;
  const jwks = await fetchKeys(context, jwksUrl);
  await context.db.write([
    jwks === undefined ? releaseKeys(orm, asked) : keepKeys(orm, asked, jwks, context.now()),
  ]);
  return jwks !== undefined;
}

/**
 * As `askIssuer` when a key is needed that `federation` does not have; if somebody is asking already, waits for that.
 * out: whether other keys may be kept by now.
 */
export async function seekKeys(context: Context, federation: Federation): Promise<boolean> {
  const answered = await askIssuer(context, federation);
  if (answered !== undefined) return answered;
  const { federationId, jwksReadAt } = federation;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    const [[kept]] = await context.db.read([findKeyLease(context.db.orm, federationId)]);
    if (kept === undefined || kept.jwksReadAt !== jwksReadAt) return kept !== undefined;
    if (kept.jwksLeaseUntil === null || kept.jwksLeaseUntil <= context.now()) return false;
    await context.pause(pauseMs);
  }
}

/** The issuer's keys; undefined when it does not answer with a JWK set of at most 256 KiB in time. */
async function fetchKeys(context: Context, jwksUrl: string): Promise<ReturnType<typeof readKeys>> {
  try {
    const response = await context.outbound.get(jwksUrl, {
      headers: { Accept: 'application/json' },
      timeoutMs: TIMEOUT_MS,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return undefined;
    }
    const bytes = await readAtMost(response, MAX_SET_BYTES, TIMEOUT_MS);
    return readKeys(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof FetchFailed) return undefined;
    throw error;
  }
}
