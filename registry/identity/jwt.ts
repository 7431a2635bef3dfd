import { decodeJwt, decodeProtectedHeader, errors, type JWK, jwtVerify } from 'jose';
import type { Token } from '../../db/callers.ts';

const MAX_TOKEN_LENGTH = 8_192;
const MAX_SUBJECT_LENGTH = 1_000;
const LEEWAY_SECONDS = 60;
/** SQLite ends a text at a NUL; no subject has a use for the others. */
const UNFIT = /[\u0000-\u001f\u007f]/;

/** The algorithms that are taken, with the kind of key of each. None of them is symmetric. */
const ALGORITHMS: Readonly<Record<string, Pick<JWK, 'kty' | 'crv'>>> = {
  RS256: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/**
 * A JWT with what it says of itself, of which nothing is verified. out: undefined for what is no JWT, is longer than
 * 8 KiB, or does not name issuer, subject and audience.
 */
export function readToken(text: string): Token | undefined {
  if (text.length > MAX_TOKEN_LENGTH || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined;
  const { iss, sub, aud } = decoded(() => decodeJwt<Record<string, unknown>>(text)) ?? {};
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (
    typeof iss !== 'string' ||
    typeof sub !== 'string' ||
    !audiences.every((one) => typeof one === 'string')
  )
    return undefined;
  if (sub === '' || sub.length > MAX_SUBJECT_LENGTH || UNFIT.test(sub) || !sub.isWellFormed())
    return undefined;
  return { kind: 'oidc', issuer: iss, subject: sub, audiencesJson: JSON.stringify(audiences), token: text };
}

/** `unknown-key`: the issuer may have other keys by now. */
export type Verdict = 'genuine' | 'forged' | 'unknown-key';

/**
 * Whether a token was signed with one of these keys and is valid at `now` (epoch milliseconds), with 60 s of leeway.
 * The key is the only one that fits the token's algorithm and has its key id, or the only one that fits when the token
 * names none.
 */
export async function verifyToken(token: string, keys: readonly JWK[], now: number): Promise<Verdict> {
  const { alg = '', kid } = decoded(() => decodeProtectedHeader(token)) ?? {};
  if (!Object.hasOwn(ALGORITHMS, alg)) return 'forged';
  const [key, another] = keys.filter((one) => fits(one, alg) && (kid === undefined || one.kid === kid));
  if (key === undefined || another !== undefined) return 'unknown-key';
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [alg],
      requiredClaims: ['exp'],
      clockTolerance: LEEWAY_SECONDS,
      currentDate: new Date(now),
    });
    return (payload.iat ?? 0) <= now / 1_000 + LEEWAY_SECONDS ? 'genuine' : 'forged';
  } catch (error) {
    // A key that has no id of its own cannot be told from the one that came in its place.
    const replaced = kid === undefined && error instanceof errors.JWSSignatureVerificationFailed;
    return replaced ? 'unknown-key' : 'forged';
  }
}

/** When a genuine token expires, in epoch milliseconds. */
export function expiryOfToken(token: string): number {
  return (decodeJwt(token).exp ?? 0) * 1_000;
}

/** Whether a key is for verifying signatures of this algorithm. */
function fits({ kty, crv, alg: ownAlgorithm, use, key_ops: operations }: JWK, alg: string): boolean {
  const needed = ALGORITHMS[alg];
  return (
    kty === needed?.kty &&
    crv === needed?.crv &&
    (ownAlgorithm ?? alg) === alg &&
    (use ?? 'sig') === 'sig' &&
    (operations ?? ['verify']).includes('verify')
  );
}

const PUBLIC_MEMBERS = ['kty', 'kid', 'alg', 'use', 'key_ops', 'n', 'e', 'crv', 'x', 'y'] as const;
const MAX_KEYS = 100;

/**
 * The keys of a JWK set that may verify a token, the first 100 of them. Symmetric keys are left out, and so are
 * private ones: who publishes a key that signs has lost it. out: undefined for a text that is no JWK set.
 */
export function readKeys(text: string): { keys: Record<string, unknown>[] } | undefined {
  const set: unknown = decoded(() => JSON.parse(text));
  if (!isRecord(set) || !Array.isArray(set.keys)) return undefined;
  const keys = set.keys
    .filter(isRecord)
    .filter((key) => !('d' in key) && isUsable(key as JWK))
    .slice(0, MAX_KEYS)
    .map((key) => Object.fromEntries(PUBLIC_MEMBERS.map((name) => [name, key[name]])));
  return { keys };
}

function isUsable(key: JWK): boolean {
  if (key.key_ops !== undefined && !Array.isArray(key.key_ops)) return false;
  return Object.keys(ALGORITHMS).some((alg) => fits(key, alg));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
