import type { z } from 'zod';
import type { ApiKey } from '../../../registry/identity/api-keys.ts';
import type { AuthorizedKey } from '../../../registry/identity/authorized-keys.ts';
import type { ServiceAccount } from '../../../registry/identity/service-accounts.ts';
import type { apiKey as apiKeyWire } from '../../../schema/wire/iam/api-key.ts';
import type { key as keyWire } from '../../../schema/wire/iam/key.ts';
import type { serviceAccount as serviceAccountWire } from '../../../schema/wire/iam/service-account.ts';
import { compact, nonEmpty, time } from '../wire.ts';

export const SERVICE_ACCOUNT_TYPE = 'yandex.cloud.iam.v1.ServiceAccount';
export const API_KEY_TYPE = 'yandex.cloud.iam.v1.ApiKey';
export const KEY_TYPE = 'yandex.cloud.iam.v1.Key';

const timeOrNone = (epochMs: number | null) => (epochMs === null ? undefined : time(epochMs));

/** A service account as the contract shows it. */
export function serviceAccountShape(account: ServiceAccount): z.infer<typeof serviceAccountWire> {
  return compact({
    id: account.id,
    folderId: account.folderId,
    createdAt: time(account.createdAt),
    name: account.name,
    description: account.description,
    labels: nonEmpty(account.labels),
    lastAuthenticatedAt: timeOrNone(account.lastAuthenticatedAt),
    status: account.suspendedAt ? 'SUSPENDED' : 'ACTIVE',
  }) as z.infer<typeof serviceAccountWire>;
}

/** An API key as the contract shows it: never its secret. */
export function apiKeyShape(key: ApiKey): z.infer<typeof apiKeyWire> {
  return compact({
    id: key.id,
    serviceAccountId: key.serviceAccountId,
    createdAt: time(key.createdAt),
    description: key.description,
    lastUsedAt: timeOrNone(key.lastUsedAt),
    scopes: key.scopes,
    expiresAt: timeOrNone(key.expiresAt),
    maskedSecret: key.maskedSecret,
  }) as z.infer<typeof apiKeyWire>;
}

/** An authorized key as the contract shows it. */
export function keyShape(key: AuthorizedKey): z.infer<typeof keyWire> {
  return compact({
    id: key.id,
    serviceAccountId: key.serviceAccountId,
    createdAt: time(key.createdAt),
    description: key.description,
    keyAlgorithm: key.keyAlgorithm,
    publicKey: key.publicKey,
    lastUsedAt: timeOrNone(key.lastUsedAt),
  }) as z.infer<typeof keyWire>;
}
