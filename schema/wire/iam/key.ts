import * as z from '../../zod.ts';
import { description, updateMask } from '../content.ts';
import {
  enumeration,
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredText,
  timestamp,
} from '../json.ts';

const ownWithout = 'the own one of the caller without it';
const formatOfKeys = 'PEM is the only format';

export const createKeyBody = message({
  serviceAccountId: optionalText(50).openapi({ description: ownWithout }),
  format: enumeration(['PEM_FILE']).optional().openapi({ description: formatOfKeys }),
  description,
  keyAlgorithm: enumeration(['ALGORITHM_UNSPECIFIED', 'RSA_2048', 'RSA_4096'])
    .transform((given) => (given === 'RSA_4096' ? given : 'RSA_2048'))
    .default('RSA_2048')
    .openapi({ type: 'string', enum: ['RSA_2048', 'RSA_4096'], default: 'RSA_2048' }),
}).openapi('CreateKeyRequest', { example: { serviceAccountId: 'aje0000000000000000a', description: 'CI' } });

export const updateKeyBody = message({ updateMask, description }).openapi('UpdateKeyRequest', {
  example: { description: 'CI of acme' },
});

export const keyPath = z.object({ keyId: requiredText(50) });
const format = z
  .enum(['PEM_FILE'], { error: 'expected PEM_FILE' })
  .optional()
  .openapi({ description: formatOfKeys });
export const getKeyQuery = query({ format });
export const listKeysQuery = query({
  serviceAccountId: optionalText(50).openapi({ description: ownWithout }),
  format,
  pageSize,
  pageToken,
});

export const key = z
  .object({
    id: z.string(),
    serviceAccountId: z.string(),
    createdAt: timestamp,
    description: z.string().optional(),
    keyAlgorithm: z.enum(['RSA_2048', 'RSA_4096']),
    publicKey: z.string().openapi({ description: 'in PEM' }),
    lastUsedAt: timestamp.optional().openapi({ description: 'recorded at most once an hour' }),
  })
  .openapi('Key', { description: 'An authorized key: a JWT signed with its private key gives an IAM token' });

export const newKey = z
  .object({
    key,
    privateKey: z.string().openapi({ description: 'PKCS #8 in PEM; shown here and never again' }),
  })
  .openapi('CreateKeyResponse');

export const keyList = z.object({ keys: z.array(key).optional(), nextPageToken }).openapi('ListKeysResponse');
