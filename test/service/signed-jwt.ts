import { importPKCS8, SignJWT } from 'jose';

/** What clients of the original service write as the audience. */
export const ORIGINAL_AUDIENCE = 'https://iam.api.cloud.yandex.net/iam/v1/tokens';

export interface Claims {
  readonly kid: string;
  readonly iss: string;
  readonly aud?: string | string[];
  /** Seconds since 1970. */
  readonly iat?: number;
  readonly exp?: number;
  readonly nbf?: number;
}

/** A JWT as clients of the original service sign it: PS256, for an hour from now. */
export async function signJwt(
  privateKey: string,
  { kid, iss, aud = ORIGINAL_AUDIENCE, ...times }: Claims,
  alg: 'PS256' | 'RS256' | 'PS384' = 'PS256',
): Promise<string> {
  const { iat = Math.floor(Date.now() / 1_000), exp = iat + 3_600, nbf } = times;
  const token = new SignJWT(nbf === undefined ? {} : { nbf })
    .setProtectedHeader({ typ: 'JWT', alg, kid })
    .setIssuer(iss)
    .setAudience(aud)
    .setIssuedAt(iat)
    .setExpirationTime(exp);
  return await token.sign(await importPKCS8(privateKey, alg));
}
