import { KEY_SCOPES, type KeyScope } from '../../../core/access.ts';
import * as z from '../../zod.ts';
import { description, updateMask } from '../content.ts';
import {
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredText,
  timestamp,
} from '../json.ts';
import { timeBetween } from '../time.ts';

const expiresAt = timeBetween('1970-01-01T00:00:00Z', '2105-12-31T23:59:59Z').openapi({
  description: 'from when on the key opens nothing; never without',
});

const SCOPES = {
  description:
    'what the key may be used for, within what its service account may do: `read` to look and download, `write` to change images as well, `admin` for everything; none does not narrow it',
  example: ['write'],
};

const scopes = z
  .array(z.string({ error: 'expected a string' }), { error: 'expected a list' })
  .max(100, 'at most 100 scopes are allowed')
  .superRefine((given, context) => {
    for (const [index, scope] of given.entries()) {
      const message = !(KEY_SCOPES as readonly string[]).includes(scope)
        ? `must be one of ${KEY_SCOPES.join(', ')}`
        : given.indexOf(scope) !== index
          ? `${scope} is given twice`
          : undefined;
      if (message !== undefined) context.addIssue({ code: 'custom', path: [index], message });
    }
  })
  .transform((given) => given as KeyScope[])
  .openapi({ type: 'array', items: { type: 'string', enum: [...KEY_SCOPES] }, ...SCOPES });

export const createApiKeyBody = message({
  serviceAccountId: optionalText(50).openapi({ description: 'the own one of the caller without it' }),
  description,
  scopes: scopes.default([]),
  expiresAt: expiresAt.optional(),
}).openapi('CreateApiKeyRequest', {
  example: {
    serviceAccountId: 'ajek4h1v9r6w3b8n0q5m',
    description: 'The nightly build',
    scopes: ['write'],
    expiresAt: '2030-01-01T00:00:00Z',
  },
});

export const updateApiKeyBody = message({ updateMask, description }).openapi('UpdateApiKeyRequest', {
  example: { updateMask: 'description', description: 'The nightly build' },
});

export const apiKeyPath = z.object({ apiKeyId: requiredText(50) });
export const listApiKeysQuery = query({
  serviceAccountId: optionalText(50).openapi({ description: 'the own one of the caller without it' }),
  pageSize,
  pageToken,
});

export const apiKey = z
  .object({
    id: z.string(),
    serviceAccountId: z.string(),
    createdAt: timestamp,
    description: z.string().optional(),
    lastUsedAt: timestamp.optional().openapi({ description: 'recorded at most once an hour' }),
    scopes: z.array(z.enum(KEY_SCOPES)).optional().openapi(SCOPES),
    expiresAt: timestamp.optional(),
    maskedSecret: z.string().openapi({ example: '****Hn3kQ0' }),
  })
  .openapi('ApiKey');

export const newApiKey = z
  .object({
    apiKey,
    secret: z.string().openapi({ description: 'the key as it is presented; shown here and never again' }),
  })
  .openapi('CreateApiKeyResponse');

export const apiKeyList = z
  .object({ apiKeys: z.array(apiKey).optional(), nextPageToken })
  .openapi('ListApiKeysResponse');

export const apiKeyScopesPage = query({ pageSize, pageToken });
export const apiKeyScopeList = z
  .object({ scopes: z.array(z.enum(KEY_SCOPES)) })
  .openapi('ListApiKeyScopesResponse');
