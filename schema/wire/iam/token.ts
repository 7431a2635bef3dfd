import * as z from '../../zod.ts';
import { message, optionalText, requiredText, timestamp } from '../json.ts';

const MAX_JWT_LENGTH = 8_000;
const MAX_OAUTH_TOKEN_LENGTH = 4_000;
const MAX_IAM_TOKEN_LENGTH = 4_096;

export const createIamTokenBody = message({
  jwt: optionalText(MAX_JWT_LENGTH).openapi({
    description: 'signed with PS256 by the private key of an authorized key, for at most an hour',
  }),
  yandexPassportOauthToken: optionalText(MAX_OAUTH_TOKEN_LENGTH).openapi({
    description: 'of a user account, of which there are none here: never taken',
  }),
})
  .superRefine(({ jwt, yandexPassportOauthToken }, context) => {
    if ((jwt ? 1 : 0) + (yandexPassportOauthToken ? 1 : 0) === 1) return;
    context.addIssue({
      code: 'custom',
      path: ['identity'],
      message: 'exactly one of jwt, yandex_passport_oauth_token is required',
    });
  })
  .openapi('CreateIamTokenRequest', { example: { jwt: 'eyJhbGciOiJQUzI1NiJ9.e30.c2lnbmF0dXJl' } });

export const createTokenForServiceAccountBody = message({ serviceAccountId: requiredText(50) }).openapi(
  'CreateIamTokenForServiceAccountRequest',
  { example: { serviceAccountId: 'aje0000000000000000a' } },
);

export const revokeIamTokenBody = message({
  iamToken: requiredText(MAX_IAM_TOKEN_LENGTH).openapi({ description: 'the whole token' }),
}).openapi('RevokeIamTokenRequest', { example: { iamToken: `t1.${'0'.repeat(12)}.${'A'.repeat(86)}` } });

export const iamToken = z
  .object({
    iamToken: z
      .string()
      .openapi({ description: 'what is presented as `Bearer`; shown here and never again' }),
    expiresAt: timestamp,
  })
  .openapi('CreateIamTokenResponse');

export const revokedIamToken = z
  .object({ subjectId: z.string().openapi({ description: 'the service account of the token' }) })
  .openapi('RevokeIamTokenResponse');
