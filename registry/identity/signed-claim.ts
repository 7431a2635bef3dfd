import { decodeProtectedHeader, errors, importSPKI, jwtVerify } from 'jose';
import { RegistryError } from '../../core/errors.ts';

const ALGORITHM = 'PS256';
const LEEWAY_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 3_600;

/** Why a JWT is not exchanged. What is wrong with the key is told in the same words, whatever it is. */
function refused(reason: string): RegistryError {
  return new RegistryError('UNAUTHENTICATED', `The JWT is not taken: ${reason}`);
}

export function unverified(): RegistryError {
  return refused('no authorized key that is in use verifies it');
}

/** The id of the authorized key that a JWT says it was signed with. Throws UNAUTHENTICATED. */
export function keyIdOf(jwt: string): string {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(jwt);
  } catch {
    throw refused('it cannot be read; it must be three parts in base64url, joined by dots');
  }
  if (header.alg !== ALGORITHM) throw refused(`its header must have ${ALGORITHM} as alg`);
  if (typeof header.kid !== 'string' || header.kid === '') {
    throw refused('its header must have the id of the authorized key as kid');
  }
  return header.kid;
}

export interface ExpectedClaim {
  /** SPKI in PEM. */
  readonly publicKey: string;
  readonly serviceAccountId: string;
  readonly audiences: readonly string[];
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Demands that a JWT was signed with this key by its service account for one of these audiences, that it is valid now,
 * with 60 s of leeway, and that it was made for at most an hour. Throws UNAUTHENTICATED.
 */
export async function verifyClaim(
  jwt: string,
  { publicKey, serviceAccountId, audiences, now }: ExpectedClaim,
): Promise<void> {
  const key = await importSPKI(publicKey, ALGORITHM);
  const verified = await jwtVerify(jwt, key, {
    algorithms: [ALGORITHM],
    issuer: serviceAccountId,
    audience: [...audiences],
    requiredClaims: ['iat', 'exp'],
    clockTolerance: LEEWAY_SECONDS,
    currentDate: new Date(now),
  }).catch((error: unknown) => {
    throw refusalOf(error, audiences);
  });
  const { iat = 0, exp = 0 } = verified.payload;
  if (iat > now / 1_000 + LEEWAY_SECONDS) throw refused('iat lies ahead');
  if (exp - iat > MAX_LIFETIME_SECONDS) {
    throw refused(`exp must be at most ${MAX_LIFETIME_SECONDS} s after iat`);
  }
}

function refusalOf(error: unknown, audiences: readonly string[]): RegistryError {
  if (error instanceof errors.JWTExpired) return refused('it has expired');
  if (!(error instanceof errors.JWTClaimValidationFailed)) return unverified();
  if (error.claim === 'aud') return refused(`aud must be one of ${audiences.join(', ')}`);
  if (error.claim === 'iss') return refused("iss must be the id of the key's service account");
  if (error.claim === 'nbf') return refused('nbf lies ahead');
  return refused(`${error.claim} must be there, as a number of seconds`);
}
